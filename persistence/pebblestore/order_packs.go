package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// A pack is a row of orders that placed a product, under the newest of them. The packs of a product lie one after
// the other: no order of one is between those of another. Orders that would break this have rows of their own.

// packOrdersMax is how many orders a pack names at most.
const packOrdersMax = 256

// appendPack makes a pack's value: its orders, the oldest first, but for the newest, which is in the key.
func appendPack(b []byte, older []commerce.ID) []byte {
	b = append(b, rowVersion)
	for i := range older {
		b = append(b, older[i][:]...)
	}
	return b
}

// readPack appends the orders of a stored pack, the oldest first.
func readPack(orders []commerce.ID, key, value []byte) ([]commerce.ID, error) {
	const size = len(commerce.ID{})
	d := decoder{b: value}
	d.rowVersion()
	if d.failed || len(key) != 1+2*size || (len(value)-1)%size != 0 {
		return orders, fmt.Errorf("decode pack %x: %w", key, errCorrupt)
	}
	from := len(orders)
	for d.off < len(value) {
		orders = append(orders, d.id())
	}
	orders = append(orders, lastID(key))
	for i := from + 1; i < len(orders); i++ {
		if orders[i-1].Compare(orders[i]) >= 0 {
			return orders[:from], fmt.Errorf("decode pack %x: %w", key, errCorrupt)
		}
	}
	return orders, nil
}

// packList is the orders in a product's packs.
type packList struct {
	orderBounds
	prefix []byte
	it     *pebble.Iterator
	key    []byte // room for a key to seek
	orders []commerce.ID
	at     int // in orders
	err    error
}

func openPacks(ctx context.Context, snap *view, product commerce.ID, bounds orderBounds) (*packList, error) {
	prefix := idKey(nil, tablePacks, product)
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: append(bytes.Clone(prefix), bounds.from[:]...), UpperBound: prefixEnd(prefix),
	})
	if err != nil {
		return nil, err
	}
	return &packList{orderBounds: bounds, prefix: prefix, it: it}, nil
}

// load reads the pack that the iterator stands at, and stands at its newest order.
func (l *packList) load(valid bool) bool {
	l.orders, l.at = l.orders[:0], -1
	if !valid || l.err != nil {
		return false
	}
	value, err := l.it.ValueAndErr()
	if err == nil {
		l.orders, err = readPack(l.orders, l.it.Key(), value)
	}
	l.at, l.err = len(l.orders)-1, err
	return err == nil
}

// within reports whether the order that the list stands at is not too old.
func (l *packList) within() bool { return l.orders[l.at].Compare(l.from) >= 0 }

func (l *packList) last() bool {
	if l.to.IsZero() {
		return l.load(l.it.Last()) && l.within()
	}
	if !l.seek(l.to) {
		return false
	}
	if l.id() == l.to { // which does not belong to the list
		return l.previous()
	}
	return true
}

func (l *packList) previous() bool {
	if l.at--; l.at < 0 && !l.load(l.it.Prev()) {
		return false
	}
	return l.within()
}

func (l *packList) downTo(id commerce.ID) bool {
	if l.id().Compare(id) <= 0 {
		return true
	}
	if l.orders[0].Compare(id) <= 0 {
		return l.backTo(id)
	}
	return l.seek(id)
}

// seek moves to the newest order of the list that is not newer than one. Only the first pack under that order or a
// newer one may have orders on both sides of it; all packs before it are older.
func (l *packList) seek(id commerce.ID) bool {
	l.key = append(append(l.key[:0], l.prefix...), id[:]...)
	if l.load(l.it.SeekGE(l.key)) && l.orders[0].Compare(id) <= 0 {
		return l.backTo(id)
	}
	return l.err == nil && l.load(l.it.SeekLT(l.key)) && l.within()
}

// backTo moves, within the pack, to the newest order that is not newer than one. REQUIRES: there is one.
func (l *packList) backTo(id commerce.ID) bool {
	l.at = sort.Search(len(l.orders), func(i int) bool { return l.orders[i].Compare(id) > 0 }) - 1
	return l.within()
}

func (l *packList) id() commerce.ID { return l.orders[l.at] }

func (l *packList) close() error { return errors.Join(l.err, l.it.Error(), l.it.Close()) }
