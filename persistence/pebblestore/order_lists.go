package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// orderList is orders, walked from the newest to the oldest. A method that moves reports whether there is an order to
// stand at; once it has said no, only last and close may be called.
type orderList interface {
	// last moves to the newest order.
	last() bool
	// previous moves to the next older order.
	previous() bool
	// downTo moves to the newest order that is not newer than one, and stays where that is so already.
	downTo(id commerce.ID) bool
	// id returns the order that the list stands at.
	id() commerce.ID
	// close ends the walk, and returns what went wrong on it.
	close() error
}

// orderBounds are the ids between which a list's orders lie: from is the first that may, to the first that is too
// new; when to is zero, none is.
type orderBounds struct {
	from, to commerce.ID
}

// cut returns those of sorted orders that lie within the bounds.
func (b *orderBounds) cut(orders []commerce.ID) []commerce.ID {
	after := func(id commerce.ID) int {
		return sort.Search(len(orders), func(i int) bool { return orders[i].Compare(id) >= 0 })
	}
	if !b.to.IsZero() {
		orders = orders[:after(b.to)]
	}
	return orders[after(b.from):]
}

// orderLists walks what several lists of orders have in common, newest first. Where one list has no order, the others
// leap over all they have up to its next one; so the walk takes as long as the shortest list, not as the longest.
type orderLists struct {
	lists []orderList
	table *keyList // the table of orders, when that is the list
}

// openOrderLists opens the lists whose orders a query selects.
func openOrderLists(ctx context.Context, snap *view, q *persistence.OrderQuery) (*orderLists, error) {
	l := new(orderLists)
	bounds := boundsOf(q)
	if !q.Product.IsZero() {
		list, err := openProductOrders(ctx, snap, q.Product, bounds)
		if err != nil {
			return l, err
		}
		l.lists = append(l.lists, list)
	}
	var prefixes [][]byte
	if q.Customer != "" {
		prefixes = append(prefixes, customerPrefix(nil, q.Customer))
	}
	if q.Status != 0 {
		prefixes = append(prefixes, statusPrefix(nil, q.Status))
	}
	all := len(prefixes) == 0 && len(l.lists) == 0
	if all {
		prefixes = append(prefixes, []byte{tableOrders})
	}
	for _, prefix := range prefixes {
		list, err := openKeys(ctx, snap, prefix, bounds)
		if err != nil {
			return l, err
		}
		l.lists = append(l.lists, list)
		if all {
			l.table = list
		}
	}
	return l, nil
}

// id returns the order that all lists stand at.
func (l *orderLists) id() commerce.ID { return l.lists[0].id() }

// row returns the row of that order, if the walk has come by it.
func (l *orderLists) row() ([]byte, bool) {
	if l.table == nil {
		return nil, false
	}
	return l.table.it.Value(), true
}

// last moves to the newest order that all lists have.
func (l *orderLists) last() bool {
	for _, list := range l.lists {
		if !list.last() {
			return false
		}
	}
	return l.agree()
}

// previous moves to the next older order that all lists have.
func (l *orderLists) previous() bool { return l.lists[0].previous() && l.agree() }

// agree moves lists on until all stand at the same order.
func (l *orderLists) agree() bool {
	id := l.id()
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
		errs = append(errs, list.close())
	}
	return errors.Join(errs...)
}

// keyList is orders whose ids are the ends of keys: an index, or the table of orders itself.
type keyList struct {
	prefix []byte
	it     *pebble.Iterator
	key    []byte // room for a key to seek
}

func openKeys(ctx context.Context, snap *view, prefix []byte, bounds orderBounds) (*keyList, error) {
	opts := pebble.IterOptions{LowerBound: append(bytes.Clone(prefix), bounds.from[:]...), UpperBound: prefixEnd(prefix)}
	if !bounds.to.IsZero() {
		opts.UpperBound = append(bytes.Clone(prefix), bounds.to[:]...)
	}
	it, err := snap.NewIterWithContext(ctx, &opts)
	if err != nil {
		return nil, err
	}
	return &keyList{prefix: prefix, it: it}, nil
}

func (l *keyList) last() bool { return l.it.Last() }

func (l *keyList) previous() bool { return l.it.Prev() }

func (l *keyList) id() commerce.ID { return lastID(l.it.Key()) }

// stepsMax is how many orders are passed one by one before the list leaps: a leap costs as much as some steps.
const stepsMax = 8

func (l *keyList) downTo(id commerce.ID) bool {
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

func (l *keyList) close() error { return errors.Join(l.it.Error(), l.it.Close()) }
