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

// Orders implements persistence.Store. It walks the index of the most selective field of the query,
// newest first, and looks at each order for the others.
func (s *Store) Orders(ctx context.Context, q persistence.OrderQuery) ([]*commerce.Order, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("orders", err)
	}
	defer snap.release()
	orders, err := readOrders(ctx, snap, &q)
	return orders, readError("orders", err)
}

// orderIndex returns the prefix under which the query's orders stand, their ids following.
func orderIndex(q *persistence.OrderQuery) []byte {
	switch {
	case !q.Product.IsZero():
		return productPrefix(nil, q.Product)
	case q.Customer != "":
		return customerPrefix(nil, q.Customer)
	case q.Status != 0:
		return statusPrefix(nil, q.Status)
	default:
		return []byte{tableOrders}
	}
}

// orderBounds returns the ids between which the query's orders lie: an id starts with the time of
// placing, to the millisecond. to is zero when there is no upper bound.
func orderBounds(q *persistence.OrderQuery) (from, to commerce.ID) {
	if !q.From.IsZero() {
		from = commerce.IDFloor(q.From)
	}
	to = q.Before
	if !q.To.IsZero() {
		// Up to the end of the millisecond in which To lies; Matches decides within it.
		end := commerce.IDFloor(q.To.Add(time.Millisecond - 1))
		if to.IsZero() || end.Compare(to) < 0 {
			to = end
		}
	}
	return from, to
}

func readOrders(ctx context.Context, snap *view, q *persistence.OrderQuery) ([]*commerce.Order, error) {
	prefix := orderIndex(q)
	from, to := orderBounds(q)
	bounds := pebble.IterOptions{LowerBound: append(append([]byte(nil), prefix...), from[:]...), UpperBound: prefixEnd(prefix)}
	if !to.IsZero() {
		bounds.UpperBound = append(append([]byte(nil), prefix...), to[:]...)
	}
	it, err := snap.NewIterWithContext(ctx, &bounds)
	if err != nil {
		return nil, err
	}
	var orders []*commerce.Order
	looked := 0
	for valid := it.Last(); valid && err == nil && len(orders) < page(q.Limit); valid = it.Prev() {
		if looked++; looked%scanCheckEvery == 0 {
			if err = snap.alive(ctx); err != nil {
				break
			}
		}
		var o *commerce.Order
		if prefix[0] == tableOrders {
			o, err = decodeOrder(lastID(it.Key()), it.Value())
		} else {
			o, err = readIndexed(snap, lastID(it.Key()))
		}
		if err == nil && q.Matches(o) {
			orders = append(orders, o)
		}
	}
	return orders, errors.Join(err, it.Error(), it.Close())
}

func readIndexed(snap *view, id commerce.ID) (o *commerce.Order, err error) {
	found, err := get(snap, idKey(nil, tableOrders, id), func(row []byte) error {
		o, err = decodeOrder(id, row)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: an index names order %s, which does not exist", errCorrupt, id)
	}
	return o, err
}
