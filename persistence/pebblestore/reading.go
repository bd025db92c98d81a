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

// acquireLocked returns the instance for reading. REQUIRES: s.mu is held, and release is called.
func (s *Store) acquireLocked() (in *instance, release func(), err error) {
	in = s.mu.instance
	if in == nil {
		return nil, nil, fmt.Errorf("%w: %w", persistence.ErrUnavailable, s.mu.down)
	}
	in.users.Add(1)
	return in, in.users.Done, nil
}

func (s *Store) acquire() (in *instance, release func(), err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.acquireLocked()
}

// lookup reads one row: from the tail with inTail, which is called with s.mu held, else from the
// tables.
func (s *Store) lookup(inTail func(*tail) ([]byte, bool), key []byte, use func(row []byte) error) error {
	s.mu.RLock()
	if s.mu.closed {
		s.mu.RUnlock()
		return persistence.ErrClosed
	}
	row, found := inTail(s.mu.tail)
	in, release, err := s.acquireLocked()
	s.mu.RUnlock()
	if err == nil {
		defer release()
	}
	switch {
	case found && row == nil: // the tail knows that there is none
		return persistence.ErrNotFound
	case found:
		return use(row)
	case err != nil:
		return err
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
	return fmt.Errorf("read %s: %w", what, err)
}

// Reads of ranges, and of what the tail does not index, fold first and then read one snapshot of
// the tables. So there is nothing to merge.

// snapshot folds, and returns a snapshot that holds all that was committed before the call. release
// must be called.
func (s *Store) snapshot(ctx context.Context) (snap *pebble.Snapshot, release func(), err error) {
	s.mu.RLock()
	closed, pending := s.mu.closed, s.mu.tail.pending()
	s.mu.RUnlock()
	if closed {
		return nil, nil, persistence.ErrClosed
	}
	if pending {
		if err := s.keep.fold(ctx); err != nil {
			return nil, nil, fmt.Errorf("fold the journal: %w", err)
		}
	}
	in, done, err := s.acquire()
	if err != nil {
		return nil, nil, err
	}
	snap = in.db.NewSnapshot()
	return snap, func() {
		_ = snap.Close() // only ever fails when it is closed twice
		done()
	}, nil
}

// Products implements persistence.Store.
func (s *Store) Products(ctx context.Context, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	snap, release, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("products", err)
	}
	defer release()
	rows, err := readProducts(ctx, snap, after, page(limit))
	return rows, readError("products", err)
}

func readProducts(ctx context.Context, snap *pebble.Snapshot, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	lower := append(idKey(nil, tableProducts, after), 0) // the first key after it
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: []byte{tableProducts + 1}})
	if err != nil {
		return nil, err
	}
	var rows []persistence.ProductRow
	var key []byte
	for valid := it.First(); valid && err == nil && len(rows) < limit; valid = it.Next() {
		id := lastID(it.Key())
		row := persistence.ProductRow{Stock: commerce.Stock{Product: id}}
		if row.Product, err = decodeProduct(id, it.Value()); err != nil {
			break
		}
		key = idKey(key[:0], tableStock, id)
		_, err = get(snap, key, func(b []byte) error {
			var err error
			row.Stock, err = decodeStock(id, b)
			return err
		})
		rows = append(rows, row)
	}
	return rows, errors.Join(err, it.Error(), it.Close())
}

// Events implements persistence.Store.
func (s *Store) Events(ctx context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	snap, release, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("events", err)
	}
	defer release()
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: append(numberedKey(nil, tableEvents, entity, after), 0),
		UpperBound: prefixEnd(idKey(nil, tableEvents, entity)),
	})
	if err != nil {
		return nil, readError("events", err)
	}
	var events []commerce.Event
	for valid := it.First(); valid && err == nil && len(events) < page(limit); valid = it.Next() {
		var seq uint64
		var e commerce.Event
		if _, seq, err = splitNumbered(it.Key()); err == nil {
			e, err = decodeEvent(entity, seq, it.Value())
		}
		events = append(events, e)
	}
	return events, readError("events", errors.Join(err, it.Error(), it.Close()))
}

// Movements implements persistence.Store.
func (s *Store) Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error) {
	snap, release, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("movements", err)
	}
	defer release()
	prefix := idKey(nil, tableLedger, product)
	upper := prefixEnd(prefix)
	if before > 0 {
		upper = numberedKey(nil, tableLedger, product, before)
	}
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return nil, readError("movements", err)
	}
	var lines []commerce.Movement
	for valid := it.Last(); valid && err == nil && len(lines) < page(limit); valid = it.Prev() {
		var version uint64
		var line commerce.Movement
		if _, version, err = splitNumbered(it.Key()); err == nil {
			line, err = decodeMovement(product, version, it.Value())
		}
		lines = append(lines, line)
	}
	return lines, readError("movements", errors.Join(err, it.Error(), it.Close()))
}

// Movement implements persistence.Store.
func (s *Store) Movement(ctx context.Context, product commerce.ID, version uint64) (line commerce.Movement, err error) {
	snap, release, err := s.snapshot(ctx)
	if err != nil {
		return commerce.Movement{}, readError("movement", err)
	}
	defer release()
	found, err := get(snap, numberedKey(nil, tableLedger, product, version), func(row []byte) error {
		line, err = decodeMovement(product, version, row)
		return err
	})
	if err == nil && !found {
		err = persistence.ErrNotFound
	}
	return line, readError("movement", err)
}

// page bounds a limit that a caller gave.
func page(limit int) int { return max(0, min(limit, persistence.PageMax)) }
