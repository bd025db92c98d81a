package pebblestore

import (
	"context"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// tailOrdersMax is up to how many orders of the tail a page of orders looks at. When there are more it folds first:
// reading so many for a page would take longer, and hold up commits.
const tailOrdersMax = 1024

// orderRows are the rows of orders that the tail has, newest order first: new ones, and those that tables have an
// older row of. With a snapshot of the tables that was taken at the same moment they are all orders.
type orderRows []orderRow

type orderRow struct {
	id  commerce.ID
	row []byte
}

// ordersView returns a view of the tables, and the rows of the tail within the bounds; together they are all that was
// committed by now. release must be called.
func (s *Store) ordersView(ctx context.Context, bounds orderBounds) (*view, orderRows, error) {
	s.mu.RLock()
	t := s.mu.tail
	if len(t.filling.orders)+len(t.folding.orders) > tailOrdersMax {
		s.mu.RUnlock()
		v, err := s.snapshot(ctx)
		return v, nil, err
	}
	v, err := s.viewLocked()
	if err != nil {
		s.mu.RUnlock()
		return nil, nil, err
	}
	var rows orderRows
	for id, o := range t.filling.orders {
		if bounds.hold(id) {
			rows = append(rows, orderRow{id, o.row})
		}
	}
	for id, o := range t.folding.orders {
		if _, again := t.filling.orders[id]; !again && bounds.hold(id) {
			rows = append(rows, orderRow{id, o.row})
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(rows, func(a, b orderRow) int { return b.id.Compare(a.id) })
	return v, rows, nil
}

// hold reports whether an order lies within the bounds.
func (b *orderBounds) hold(id commerce.ID) bool {
	return id.Compare(b.from) >= 0 && (b.to.IsZero() || id.Compare(b.to) < 0)
}

// has reports whether a row of an order is among them.
func (r orderRows) has(id commerce.ID) bool {
	_, found := slices.BinarySearchFunc(r, id, func(row orderRow, id commerce.ID) int { return id.Compare(row.id) })
	return found
}

// matching returns the orders that a query selects, limit at most.
func (r orderRows) matching(q *persistence.OrderQuery, limit int) (orders []*commerce.Order, err error) {
	o := new(commerce.Order)
	for i := range r {
		if err := decodeOrderInto(o, r[i].id, r[i].row); err != nil {
			return nil, err
		}
		if !q.Matches(o) {
			continue
		}
		if orders = append(orders, o); len(orders) == limit {
			break
		}
		o = new(commerce.Order)
	}
	return orders, nil
}
