package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Reads of single rows look at the tail, then at the tables. A row leaves the tail only after the
// tables have it, so that looking in this order finds it.

// acquireLocked returns the instance for reading; it is not closed before its users are done.
// REQUIRES: s.mu is held, and in.users.Done is called.
func (s *Store) acquireLocked() (in *instance, err error) {
	if s.mu.closed {
		return nil, persistence.ErrClosed
	}
	in = s.mu.instance
	in.users.Add(1)
	return in, nil
}

// lookup reads one row: from the tail with inTail, which is called with s.mu held, else from the
// tables.
func (s *Store) lookup(inTail func(*tail) ([]byte, bool), key []byte, use func(row []byte) error) error {
	s.mu.RLock()
	in, err := s.acquireLocked()
	if err != nil {
		s.mu.RUnlock()
		return err
	}
	defer in.users.Done()
	row, found := inTail(s.mu.tail)
	s.mu.RUnlock()
	switch {
	case found && row == nil: // the tail knows that there is none
		return persistence.ErrNotFound
	case found:
		return use(row)
	}
	found, err = get(in.db, key, use)
	if err == nil && !found {
		return persistence.ErrNotFound
	}
	return err
}

// Product implements persistence.Store.
func (s *Store) Product(_ context.Context, id commerce.ID) (p *commerce.Product, err error) {
	err = s.lookup(
		func(t *tail) ([]byte, bool) { return t.product(id) },
		idKey(nil, tableProducts, id),
		func(row []byte) error { p, err = decodeProduct(id, row); return err })
	return p, readError("product", err)
}

// ProductBySKU implements persistence.Store.
func (s *Store) ProductBySKU(ctx context.Context, sku string) (*commerce.Product, error) {
	var owner commerce.ID
	err := s.lookup(
		func(t *tail) ([]byte, bool) {
			id, ok := t.sku(sku)
			if id.IsZero() {
				return nil, ok
			}
			return id[:], ok
		},
		skuKey(nil, sku),
		func(row []byte) error { owner = lastID(row); return nil })
	if err != nil {
		return nil, readError("SKU", err)
	}
	p, err := s.Product(ctx, owner)
	if err == nil && p.SKU != sku {
		return nil, persistence.ErrNotFound // it has been given another SKU in between
	}
	return p, err
}

// Stock implements persistence.Store.
func (s *Store) Stock(_ context.Context, product commerce.ID) (commerce.Stock, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return commerce.Stock{}, persistence.ErrClosed
	}
	row, ok := s.mu.tail.stock[product]
	if !ok {
		return commerce.Stock{}, persistence.ErrNotFound
	}
	return row, nil
}

// Order implements persistence.Store.
func (s *Store) Order(_ context.Context, id commerce.ID) (o *commerce.Order, err error) {
	err = s.lookup(
		func(t *tail) ([]byte, bool) { return t.order(id) },
		idKey(nil, tableOrders, id),
		func(row []byte) error { o, err = decodeOrder(id, row); return err })
	return o, readError("order", err)
}

// Keys implements persistence.Store.
func (s *Store) Keys(ctx context.Context, ids []commerce.KeyID) (bound []commerce.KeyBinding, err error) {
	now := time.Now()
	var key []byte
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, readError("keys", err)
		}
		key = bindingKey(key[:0], id)
		err := s.lookup(
			func(t *tail) ([]byte, bool) { return t.binding(id) },
			key,
			func(row []byte) error {
				binding, err := decodeBinding(id, row)
				if err == nil && binding.ExpiresAt.After(now) {
					bound = append(bound, binding)
				}
				return err
			})
		if err != nil && !errors.Is(err, persistence.ErrNotFound) {
			return nil, readError("keys", err)
		}
	}
	return bound, nil
}

func readError(what string, err error) error {
	if err == nil || errors.Is(err, persistence.ErrNotFound) || errors.Is(err, persistence.ErrClosed) {
		return err
	}
	return fmt.Errorf("read %s: %w", what, readable(err))
}

// Reads of ranges, and of what the tail does not index, fold first and then read one snapshot of
// the tables, and the runs of the ledger that belong to it. So the tail need not be looked at. Pages of orders are the
// exception, because everybody asks for them all the time: see ordersView.

// view is a snapshot of the tables. It is for one goroutine.
type view struct {
	*pebble.Snapshot
	in       *instance
	runs     []*run    // all that there were; ledger tells which ones count
	unmerged *unmerged // nil until ledger is called
}

// snapshot returns a view of tables that hold everything committed by now: it folds until they do.
// One fold is enough, unless the store is reopened meanwhile. release must be called.
func (s *Store) snapshot(ctx context.Context) (*view, error) {
	s.mu.RLock()
	committed := s.mu.tail.newest(s.mu.folded.seq)
	s.mu.RUnlock()
	for {
		s.mu.RLock()
		if s.mu.closed || s.mu.folded.seq >= committed {
			v, err := s.viewLocked()
			s.mu.RUnlock()
			return v, err
		}
		s.mu.RUnlock()
		if err := s.keep.fold(ctx); err != nil {
			return nil, fmt.Errorf("%w: fold the journal: %w", persistence.ErrUnavailable, err)
		}
	}
}

// viewLocked returns a view of the tables as they are.
// REQUIRES: s.mu is held, and release is called.
func (s *Store) viewLocked() (*view, error) {
	in, err := s.acquireLocked()
	if err != nil {
		return nil, err
	}
	return &view{Snapshot: in.db.NewSnapshot(), in: in, runs: s.mu.runs}, nil // both at one moment: see ledger
}

func (v *view) release() {
	_ = v.Close() // only ever fails when it is closed twice
	v.in.users.Done()
}

// alive reports why a long read must end: its caller has gone, or the disk has failed and the store
// is to be reopened.
func (v *view) alive(ctx context.Context) error {
	if err := v.in.fuse.err(); err != nil {
		return fmt.Errorf("%w: %w", persistence.ErrUnavailable, err)
	}
	return ctx.Err()
}

// Products implements persistence.Store.
func (s *Store) Products(ctx context.Context, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("products", err)
	}
	defer snap.release()
	rows, err := readProducts(ctx, snap, after, page(limit))
	return rows, readError("products", err)
}

// readProducts goes through products and stock side by side: both are sorted by product. What runs say of stock is
// newer than its row.
func readProducts(ctx context.Context, snap *view, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	ledger, err := snap.ledger()
	if err != nil {
		return nil, err
	}
	products, err := iterateAfter(ctx, snap, tableProducts, after)
	if err != nil {
		return nil, err
	}
	stock, err := iterateAfter(ctx, snap, tableStock, after)
	if err != nil {
		return nil, errors.Join(err, products.Close())
	}
	var rows []persistence.ProductRow
	levels := newLevelFinder(ledger, after)
	inStock := stock.First()
	for valid := products.First(); valid && err == nil && len(rows) < limit; valid = products.Next() {
		id := lastID(products.Key())
		var row persistence.ProductRow
		if row.Product, err = decodeProduct(id, products.Value()); err != nil {
			break
		}
		for inStock && lastID(stock.Key()).Compare(id) < 0 {
			inStock = stock.Next()
		}
		var found bool
		if row.Stock, found, err = levels.find(id); err == nil && !found && inStock && lastID(stock.Key()) == id {
			row.Stock, err = decodeStock(id, stock.Value())
		}
		row.Stock.Product = id
		rows = append(rows, row)
	}
	return rows, errors.Join(err, products.Error(), products.Close(), stock.Error(), stock.Close())
}

// iterateAfter returns an iterator over the rows of a table whose ids come after one.
func iterateAfter(ctx context.Context, snap *view, table byte, after commerce.ID) (*pebble.Iterator, error) {
	return snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: append(idKey(nil, table, after), 0), UpperBound: []byte{table + 1},
	})
}

// Events implements persistence.Store.
func (s *Store) Events(ctx context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("events", err)
	}
	defer snap.release()
	events, err := readEvents(ctx, snap, entity, after, page(limit))
	return events, readError("events", err)
}

func readEvents(ctx context.Context, snap *view, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: append(numberedKey(nil, tableEvents, entity, after), 0),
		UpperBound: prefixEnd(idKey(nil, tableEvents, entity)),
	})
	if err != nil {
		return nil, err
	}
	var events []commerce.Event
	valid := it.First()
	if after == 0 && limit > 0 {
		events, err = readImplied(snap, entity, it)
	}
	for ; valid && err == nil && len(events) < limit; valid = it.Next() {
		var seq uint64
		var e commerce.Event
		if _, seq, err = splitNumbered(it.Key()); err == nil {
			e, err = decodeEvent(entity, seq, it.Value())
		}
		events = append(events, e)
	}
	return events, errors.Join(err, it.Error(), it.Close())
}

// readImplied returns the first event of an order, if it is not stored because it says no more than
// the order's row. it stands at the entity's first stored event, if it has one.
func readImplied(snap *view, entity commerce.ID, it *pebble.Iterator) ([]commerce.Event, error) {
	if it.Valid() {
		if _, seq, err := splitNumbered(it.Key()); err != nil || seq == 1 {
			return nil, err
		}
	}
	var events []commerce.Event
	_, err := get(snap, idKey(nil, tableOrders, entity), func(row []byte) error {
		o, err := decodeOrder(entity, row)
		if err == nil {
			events = append(events, placedEvent(o))
		}
		return err
	})
	return events, err
}

// BoundKeys implements persistence.Store.
func (s *Store) BoundKeys(ctx context.Context, after commerce.KeyID, limit int) ([]commerce.KeyBinding, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("keys", err)
	}
	defer snap.release()
	it, err := iterateAfter(ctx, snap, tableBindings, commerce.ID(after))
	if err != nil {
		return nil, readError("keys", err)
	}
	now := time.Now()
	var bound []commerce.KeyBinding
	for valid := it.First(); valid && err == nil && len(bound) < page(limit); valid = it.Next() {
		var binding commerce.KeyBinding
		binding, err = decodeBinding(commerce.KeyID(lastID(it.Key())), it.Value())
		if err == nil && binding.ExpiresAt.After(now) {
			bound = append(bound, binding)
		}
	}
	return bound, readError("keys", errors.Join(err, it.Error(), it.Close()))
}

// page bounds a limit that a caller gave.
func page(limit int) int { return max(0, min(limit, persistence.PageMax)) }
