package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Orders implements persistence.Store. It walks the indexes of the query's fields, newest first, and reads the orders
// that stand in all of them. Those that the tail has a newer row of are taken from there.
func (s *Store) Orders(ctx context.Context, q persistence.OrderQuery) ([]*commerce.Order, error) {
	snap, tail, err := s.ordersView(ctx, boundsOf(&q))
	if err != nil {
		return nil, readError("orders", err)
	}
	defer snap.release()
	orders, err := readOrders(ctx, snap, tail, &q)
	return orders, readError("orders", err)
}

// ScanOrders implements persistence.Store.
func (s *Store) ScanOrders(ctx context.Context, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return readError("orders", err)
	}
	defer snap.release()
	s.blocks.beginScan()
	defer s.blocks.endScan()
	var failed error
	reused := new(commerce.Order)
	err = walkOrders(ctx, snap, &q, func() *commerce.Order { return reused }, func(o *commerce.Order) (more bool, err error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		failed = visit(o)
		return failed == nil, nil
	})
	return errors.Join(failed, readError("orders", err))
}

// boundsOf returns the ids between which the query's orders lie: an id starts with the time of
// placing, to the millisecond.
func boundsOf(q *persistence.OrderQuery) (b orderBounds) {
	if !q.From.IsZero() {
		b.from = commerce.IDFloor(q.From)
	}
	b.to = q.Before
	if !q.To.IsZero() {
		// Up to the end of the millisecond in which To lies; Matches decides within it.
		end := commerce.IDFloor(q.To.Add(time.Millisecond - 1))
		if b.to.IsZero() || end.Compare(b.to) < 0 {
			b.to = end
		}
	}
	return b
}

// readOrders reads a page from tables, and from the rows of the tail that replace theirs or are new.
func readOrders(ctx context.Context, snap *view, tail orderRows, q *persistence.OrderQuery) (orders []*commerce.Order, err error) {
	limit := page(q.Limit)
	if limit == 0 {
		return nil, nil
	}
	newer, err := tail.matching(q, limit)
	if err != nil {
		return nil, err
	}
	fresh := func() *commerce.Order { return new(commerce.Order) }
	err = walkOrders(ctx, snap, q, fresh, func(o *commerce.Order) (more bool, err error) {
		for len(newer) > 0 && len(orders) < limit && newer[0].ID.Compare(o.ID) > 0 {
			orders, newer = append(orders, newer[0]), newer[1:]
		}
		if len(orders) < limit && !tail.has(o.ID) {
			orders = append(orders, o)
		}
		return len(orders) < limit, nil
	})
	return append(orders, newer[:min(len(newer), limit-len(orders))]...), err
}

// walkOrders calls visit with the orders that a query selects, newest first, until it wants no more. room returns the
// memory that the next one is read into.
func walkOrders(
	ctx context.Context, snap *view, q *persistence.OrderQuery,
	room func() *commerce.Order, visit func(*commerce.Order) (more bool, err error),
) error {
	lists, err := openOrderLists(ctx, snap, q)
	looked, more := 0, true
	for valid := err == nil && lists.last(); valid && err == nil && more; valid = lists.previous() {
		if looked++; looked%scanCheckEvery == 0 {
			if err = snap.alive(ctx); err != nil {
				break
			}
		}
		o := room()
		if row, ok := lists.row(); ok {
			err = decodeOrderInto(o, lists.id(), row)
		} else {
			err = readIndexed(snap, lists.id(), o)
		}
		if err == nil && q.Matches(o) {
			more, err = visit(o)
		}
	}
	return errors.Join(err, lists.close())
}

func readIndexed(snap *view, id commerce.ID, o *commerce.Order) error {
	found, err := get(snap, idKey(nil, tableOrders, id), func(row []byte) error { return decodeOrderInto(o, id, row) })
	if err == nil && !found {
		err = fmt.Errorf("%w: an index names order %s, which does not exist", errCorrupt, id)
	}
	return err
}
