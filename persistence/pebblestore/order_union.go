package pebblestore

import (
	"context"
	"errors"
	"sort"

	"github.com/penstock-dev/penstock/commerce"
)

// openProductOrders opens the list of the orders of a product: those in packs, those that have rows of their own, and
// those in runs that are in no pack yet.
func openProductOrders(ctx context.Context, snap *view, product commerce.ID, bounds orderBounds) (orderList, error) {
	ledger, err := snap.ledger()
	if err != nil {
		return nil, err
	}
	l := new(unionList)
	for _, part := range ledger.of(product) {
		if orders := bounds.cut(part.orders); len(orders) > 0 {
			l.lists = append(l.lists, &runList{orders: orders})
		}
	}
	packs, err := openPacks(ctx, snap, product, bounds)
	if err != nil {
		return nil, err
	}
	l.lists = append(l.lists, packs)
	rows, err := openKeys(ctx, snap, productPrefix(nil, product), bounds)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	l.lists = append(l.lists, rows)
	return l, nil
}

// runList is the orders that a run has of a product.
type runList struct {
	orders []commerce.ID // the oldest first
	at     int
}

func (l *runList) last() bool {
	l.at = len(l.orders) - 1
	return l.at >= 0
}

func (l *runList) previous() bool {
	l.at--
	return l.at >= 0
}

func (l *runList) downTo(id commerce.ID) bool {
	l.at = sort.Search(l.at+1, func(i int) bool { return l.orders[i].Compare(id) > 0 }) - 1
	return l.at >= 0
}

func (l *runList) id() commerce.ID { return l.orders[l.at] }

func (l *runList) close() error { return nil }

// unionList is several lists as one. No order is in two of them.
type unionList struct {
	lists []orderList
	live  []orderList // those that have not come to their end
	at    int         // the one with the newest order
}

func (l *unionList) last() bool {
	l.live = l.live[:0]
	for _, list := range l.lists {
		if list.last() {
			l.live = append(l.live, list)
		}
	}
	return l.choose()
}

// choose finds the list that stands at the newest order.
func (l *unionList) choose() bool {
	if len(l.live) == 0 {
		return false
	}
	l.at = 0
	newest := l.live[0].id()
	for i, list := range l.live[1:] {
		if id := list.id(); id.Compare(newest) > 0 {
			l.at, newest = i+1, id
		}
	}
	return true
}

// drop forgets a list that has come to its end.
func (l *unionList) drop(i int) {
	end := len(l.live) - 1
	l.live[i] = l.live[end]
	l.live = l.live[:end]
}

func (l *unionList) previous() bool {
	if !l.live[l.at].previous() {
		l.drop(l.at)
	}
	return l.choose()
}

func (l *unionList) downTo(id commerce.ID) bool {
	for i := len(l.live) - 1; i >= 0; i-- {
		if l.live[i].id().Compare(id) > 0 && !l.live[i].downTo(id) {
			l.drop(i)
		}
	}
	return l.choose()
}

func (l *unionList) id() commerce.ID { return l.live[l.at].id() }

func (l *unionList) close() error {
	var errs []error
	for _, list := range l.lists {
		errs = append(errs, list.close())
	}
	return errors.Join(errs...)
}
