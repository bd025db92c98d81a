package actors

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
	"unique"

	"github.com/penstock-dev/penstock/commerce"
)

// listing is the read model of lists and of the search: every product that is sold has a slot, its
// attributes stand in columns by slot, and each sort has the slots in its order. It is immutable but for the
// stock bits; a change of a product makes a new listing that shares nearly everything with the old one.
type listing struct {
	number  uint64 // counts listings
	columns []*columns
	slots   int // in use, also by products that have been archived
	count   int // products that are sold
	orders  [ordersMax]sortedSlots
	seed    maphash.Seed // of the hashes of SKUs
}

const (
	columnWords = 4
	columnSlots = 64 * columnWords
)

// columns are what lists look at of columnSlots products, each attribute on its own, so that a filter
// reads nothing else.
type columns struct {
	refs       [columnSlots]*productRef
	products   [columnSlots]*commerce.Product // by which the product is sorted and filtered
	prices     [columnSlots]int64
	categories [columnSlots]unique.Handle[string]
	skus       [columnSlots]uint64 // hashes
	sold       [columnWords]uint64
	inStock    *stockBits
}

// stockBits say which products have units available. They are shared by all listings and change at any
// time: a sale that empties a shelf makes no new listing.
type stockBits [columnWords]atomic.Uint64

// stockPlace is where a product's stock bit stands. It never changes.
type stockPlace struct {
	slot uint32
	bits *stockBits
}

// set says whether units are available, and returns whether that is news.
func (p *stockPlace) set(available bool) bool {
	word, mask := &p.bits[p.slot%columnSlots/64], uint64(1)<<(p.slot%64)
	switch {
	case (word.Load()&mask != 0) == available:
		return false
	case available:
		return word.Or(mask)&mask == 0
	default:
		return word.And(^mask)&mask != 0
	}
}

func (l *listing) product(slot uint32) *commerce.Product {
	return l.columns[slot/columnSlots].products[slot%columnSlots]
}

func (l *listing) ref(slot uint32) *productRef {
	return l.columns[slot/columnSlots].refs[slot%columnSlots]
}

func (l *listing) sold(slot uint32) bool {
	return int(slot) < l.slots && l.columns[slot/columnSlots].sold[slot%columnSlots/64]>>(slot%64)&1 != 0
}

// newListing makes the first listing, of all products that are sold.
func newListing(refs []*productRef) *listing {
	slices.SortFunc(refs, func(a, b *productRef) int { return a.id.Compare(b.id) })
	e := (&listing{seed: maphash.MakeSeed()}).edit()
	all := make([]uint32, 0, len(refs))
	for _, ref := range refs {
		if row := ref.product.Load(); !row.Archived {
			slot := e.newSlot(ref)
			e.set(slot, row)
			all = append(all, slot)
		}
	}
	for i := range e.next.orders {
		e.next.orders[i] = newOrder(e.next, productOrder(i), all)
	}
	return e.next
}

// edit begins a new listing that differs from this one by some products.
func (l *listing) edit() *listingEdit {
	next := *l
	next.number++
	next.columns = slices.Clone(l.columns)
	for i := range next.orders {
		next.orders[i].chunks = slices.Clone(l.orders[i].chunks)
	}
	return &listingEdit{next: &next, own: make(map[uint32]bool)}
}

// listingEdit is a listing that nobody else sees yet.
type listingEdit struct {
	next *listing
	own  map[uint32]bool // columns that belong to this edit alone
}

// put lists a product as its ref says it is now, or takes it off the list. changed is false when the
// listing said so already.
func (e *listingEdit) put(ref *productRef) (slot uint32, changed bool) {
	row, place := ref.product.Load(), ref.place.Load()
	if place == nil {
		if row.Archived {
			return 0, false
		}
		slot = e.newSlot(ref)
		e.set(slot, row)
		for i := range e.next.orders {
			e.next.orders[i].insert(e.next, productOrder(i), slot)
		}
		return slot, true
	}
	old, sold := e.next.product(place.slot), e.next.sold(place.slot)
	if old.Version >= row.Version {
		return place.slot, false
	}
	for i := range e.next.orders {
		if sold && (row.Archived || productOrder(i).compare(old, row) != 0) {
			e.next.orders[i].remove(e.next, productOrder(i), place.slot)
		}
	}
	e.set(place.slot, row)
	for i := range e.next.orders {
		if !row.Archived && (!sold || productOrder(i).compare(old, row) != 0) {
			e.next.orders[i].insert(e.next, productOrder(i), place.slot)
		}
	}
	return place.slot, true
}

// newSlot gives a product its slot.
func (e *listingEdit) newSlot(ref *productRef) uint32 {
	l := e.next
	slot := uint32(l.slots) //nolint:gosec // products of one node
	l.slots++
	if int(slot/columnSlots) == len(l.columns) {
		l.columns = append(l.columns, &columns{inStock: new(stockBits)})
		e.own[slot/columnSlots] = true
	}
	c := e.owned(slot)
	c.refs[slot%columnSlots] = ref
	ref.place.Store(&stockPlace{slot: slot, bits: c.inStock})
	return slot
}

// set writes a product's attributes into the columns.
func (e *listingEdit) set(slot uint32, row *commerce.Product) {
	c, at := e.owned(slot), slot%columnSlots
	mask := uint64(1) << (slot % 64)
	if e.next.sold(slot) {
		e.next.count--
	}
	c.products[at] = row
	c.prices[at] = row.Price.Amount
	c.categories[at] = unique.Make(row.Category)
	c.skus[at] = maphash.String(e.next.seed, row.SKU)
	if row.Archived {
		c.sold[at/64] &^= mask
		return
	}
	c.sold[at/64] |= mask
	e.next.count++
}

// owned returns the columns of a slot, copied if others see them.
func (e *listingEdit) owned(slot uint32) *columns {
	at := slot / columnSlots
	if !e.own[at] {
		own := *e.next.columns[at]
		e.next.columns[at], e.own[at] = &own, true
	}
	return e.next.columns[at]
}
