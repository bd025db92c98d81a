package pebblestore

import (
	"bytes"
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// orderLists walks what several lists of orders have in common, newest first. Each list is a run of keys that end with
// the orders' ids: an index's, or the table of orders itself. Where one list has no order, the others leap over all
// they have up to its next one; so the walk takes as long as the shortest list, not as the longest.
type orderLists struct {
	lists []*orderList
}

type orderList struct {
	prefix []byte
	it     *pebble.Iterator
	key    []byte // room for a key to seek
}

// openOrderLists opens the lists whose orders a query selects.
func openOrderLists(ctx context.Context, snap *view, q *persistence.OrderQuery) (*orderLists, error) {
	var prefixes [][]byte
	if !q.Product.IsZero() {
		prefixes = append(prefixes, productPrefix(nil, q.Product))
	}
	if q.Customer != "" {
		prefixes = append(prefixes, customerPrefix(nil, q.Customer))
	}
	if q.Status != 0 {
		prefixes = append(prefixes, statusPrefix(nil, q.Status))
	}
	if len(prefixes) == 0 {
		prefixes = append(prefixes, []byte{tableOrders})
	}
	l := new(orderLists)
	from, to := orderBounds(q)
	for _, prefix := range prefixes {
		bounds := pebble.IterOptions{LowerBound: append(bytes.Clone(prefix), from[:]...), UpperBound: prefixEnd(prefix)}
		if !to.IsZero() {
			bounds.UpperBound = append(bytes.Clone(prefix), to[:]...)
		}
		it, err := snap.NewIterWithContext(ctx, &bounds)
		if err != nil {
			return l, err
		}
		l.lists = append(l.lists, &orderList{prefix: prefix, it: it})
	}
	return l, nil
}

func (l *orderLists) first() *orderList { return l.lists[0] }

// last moves to the newest order that all lists have.
func (l *orderLists) last() bool {
	for _, list := range l.lists {
		if !list.it.Last() {
			return false
		}
	}
	return l.agree()
}

// previous moves to the next older order that all lists have.
func (l *orderLists) previous() bool { return l.first().it.Prev() && l.agree() }

// agree moves lists on until all stand at the same order.
func (l *orderLists) agree() bool {
	id := l.first().id()
	for agreed := 1; agreed < len(l.lists); {
		agreed = 0
		for _, list := range l.lists {
			if !list.downTo(id) {
				return false
			}
			if at := list.id(); at != id {
				id, agreed = at, 0
			}
			agreed++
		}
	}
	return true
}

func (l *orderLists) close() error {
	var errs []error
	for _, list := range l.lists {
		errs = append(errs, list.it.Error(), list.it.Close())
	}
	return errors.Join(errs...)
}

// id returns the order that the list stands at.
func (l *orderList) id() commerce.ID { return lastID(l.it.Key()) }

// stepsMax is how many orders are passed one by one before the list leaps: a leap costs as much as some steps.
const stepsMax = 8

// downTo moves to the newest order that is not newer than one.
func (l *orderList) downTo(id commerce.ID) bool {
	for range stepsMax {
		if l.id().Compare(id) <= 0 {
			return true
		}
		if !l.it.Prev() {
			return false
		}
	}
	if l.id().Compare(id) <= 0 {
		return true
	}
	l.key = append(append(append(l.key[:0], l.prefix...), id[:]...), 0)
	return l.it.SeekLT(l.key)
}
