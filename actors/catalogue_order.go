package actors

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// productOrder is an order in which a listing keeps its slots.
type productOrder uint8

const (
	orderNewest productOrder = iota // and, read backwards, SortOldest
	orderPriceAscending
	orderPriceDescending // not the other one backwards: equal prices stand newest first in both
	orderName
	ordersMax
)

// order returns which order answers a sort, and whether it is read backwards.
func (s ProductSort) order() (by productOrder, backwards bool) {
	switch s {
	case SortOldest:
		return orderNewest, true
	case SortPriceAscending:
		return orderPriceAscending, false
	case SortPriceDescending:
		return orderPriceDescending, false
	case SortName:
		return orderName, false
	case SortNewest:
	}
	return orderNewest, false
}

// compare orders two products; equal ones stand newest first, so that pages never overlap. It is 0 for a
// product and itself only.
func (o productOrder) compare(a, b *commerce.Product) int {
	by := 0
	switch o {
	case orderPriceAscending:
		by = cmp.Compare(a.Price.Amount, b.Price.Amount)
	case orderPriceDescending:
		by = cmp.Compare(b.Price.Amount, a.Price.Amount)
	case orderName:
		by = strings.Compare(a.Name, b.Name)
	case orderNewest, ordersMax:
	}
	if by != 0 {
		return by
	}
	return b.ID.Compare(a.ID)
}

// sortedSlots is a sorted list of slots in chunks. Chunks are immutable; the list of chunks belongs to
// whoever edits it.
type sortedSlots struct{ chunks [][]uint32 }

const (
	chunkMax    = 512
	chunkFilled = 384 // of a new one: leaves room
)

// newOrder sorts slots.
func newOrder(l *listing, by productOrder, slots []uint32) sortedSlots {
	sorted := slices.Clone(slots)
	slices.SortFunc(sorted, func(a, b uint32) int { return by.compare(l.product(a), l.product(b)) })
	var o sortedSlots
	for chunk := range slices.Chunk(sorted, chunkFilled) {
		o.chunks = append(o.chunks, slices.Clip(chunk))
	}
	return o
}

// find returns where a product stands, or would stand.
func (o *sortedSlots) find(l *listing, by productOrder, p *commerce.Product) (chunk, at int) {
	chunk = sort.Search(len(o.chunks), func(i int) bool { return by.compare(l.product(o.chunks[i][0]), p) > 0 })
	if chunk > 0 {
		chunk--
	}
	if chunk == len(o.chunks) {
		return chunk, 0
	}
	at, _ = slices.BinarySearchFunc(o.chunks[chunk], p, func(slot uint32, p *commerce.Product) int {
		return by.compare(l.product(slot), p)
	})
	return chunk, at
}

// insert puts a slot where its product belongs. REQUIRES: it does not stand there.
func (o *sortedSlots) insert(l *listing, by productOrder, slot uint32) {
	i, at := o.find(l, by, l.product(slot))
	if i == len(o.chunks) {
		o.chunks = append(o.chunks, []uint32{slot})
		return
	}
	old := o.chunks[i]
	chunk := make([]uint32, 0, len(old)+1)
	chunk = append(append(append(chunk, old[:at]...), slot), old[at:]...)
	if len(chunk) <= chunkMax {
		o.chunks[i] = chunk
		return
	}
	half := len(chunk) / 2
	o.chunks[i] = chunk[half:]
	o.chunks = slices.Insert(o.chunks, i, chunk[:half:half])
}

// remove takes a slot away. REQUIRES: it stands where its product belongs.
func (o *sortedSlots) remove(l *listing, by productOrder, slot uint32) {
	i, at := o.find(l, by, l.product(slot))
	if len(o.chunks[i]) == 1 {
		o.chunks = slices.Delete(o.chunks, i, i+1)
		return
	}
	o.chunks[i] = slices.Concat(o.chunks[i][:at], o.chunks[i][at+1:])
}
