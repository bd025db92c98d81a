package actors

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"unique"

	"github.com/penstock-dev/penstock/actors/search"
	"github.com/penstock-dev/penstock/commerce"
)

// ProductFilter selects products of the catalogue. Zero fields do not select; archived products
// are never selected.
type ProductFilter struct {
	Category string
	SKU      string
	PriceMin *int64
	PriceMax *int64
	InStock  *bool
}

func (f *ProductFilter) empty() bool { return *f == ProductFilter{} }

// selector is memory to select products in. It is pooled.
type selector struct {
	chosen []uint64 // a bit for each slot
	hits   []search.Hit
	scores []uint16 // by slot: 1 more than its score, or 0. All zero between two uses.
	at     [scoresMax + 1]int
}

// scoresMax bounds the scores of the search: 8 words in the name.
const scoresMax = search.ScoreMax

// choose sets the bits of the products that the filter selects, and counts them.
func (s *selector) choose(l *listing, f *ProductFilter) (total int) {
	s.chosen = slices.Grow(s.chosen[:0], len(l.columns)*columnWords)[:len(l.columns)*columnWords]
	category, sku := unique.Make(f.Category), maphash.String(l.seed, f.SKU)
	for i, c := range l.columns {
		words := s.chosen[i*columnWords : (i+1)*columnWords]
		copy(words, c.sold[:])
		for w := range words {
			if f.InStock != nil && *f.InStock {
				words[w] &= c.inStock[w].Load()
			} else if f.InStock != nil {
				words[w] &^= c.inStock[w].Load()
			}
			if words[w] == 0 {
				continue
			}
			if f.Category != "" {
				words[w] &= equal(c.categories[w*64:w*64+64], category)
			}
			if f.PriceMin != nil || f.PriceMax != nil {
				words[w] &= f.priced(c.prices[w*64 : w*64+64])
			}
			if f.SKU != "" {
				words[w] &= equal(c.skus[w*64:w*64+64], sku)
				words[w] &= f.sameSKU(c, w, words[w])
			}
			total += bits.OnesCount64(words[w])
		}
	}
	return total
}

func equal[T comparable](column []T, value T) (word uint64) {
	for i := range column {
		if column[i] == value {
			word |= 1 << (i & 63)
		}
	}
	return word
}

// priced has no branch that depends on a price: the processor would guess wrong at every other one.
func (f *ProductFilter) priced(column []int64) (word uint64) {
	low, high := int64(0), commerce.PriceMax
	if f.PriceMin != nil {
		low = *f.PriceMin
	}
	if f.PriceMax != nil {
		high = *f.PriceMax
	}
	for i, price := range column {
		outside := (price - low) | (high - price)  // negative if either difference is
		word |= uint64(^outside) >> 63 << (i & 63) //nolint:gosec // its sign is what is wanted
	}
	return word
}

// sameSKU looks at the SKUs whose hashes are the same.
func (f *ProductFilter) sameSKU(c *columns, w int, word uint64) (same uint64) {
	for ; word != 0; word &= word - 1 {
		at := bits.TrailingZeros64(word)
		if c.products[w*64+at].SKU == f.SKU {
			same |= 1 << at
		}
	}
	return same
}

func (s *selector) has(slot uint32) bool {
	return int(slot/64) < len(s.chosen) && s.chosen[slot/64]>>(slot%64)&1 != 0
}

// page returns the slots of a page of a list, and how many products are selected in all.
func (s *selector) page(l *listing, q *ProductQuery) (slots []uint32, total int) {
	by, backwards := q.Sort.order()
	chunks := l.orders[by].chunks
	all := q.empty()
	if total = l.count; !all {
		total = s.choose(l, &q.ProductFilter)
	}
	skip := q.Offset
	if skip >= total || q.Limit <= 0 {
		return nil, total
	}
	slots = make([]uint32, 0, min(q.Limit, total-skip))
	for i := range chunks {
		chunk := chunks[i]
		if backwards {
			chunk = chunks[len(chunks)-1-i]
		}
		if all && skip >= len(chunk) {
			skip -= len(chunk)
			continue
		}
		for j := range chunk {
			slot := chunk[j]
			if backwards {
				slot = chunk[len(chunk)-1-j]
			}
			switch {
			case !all && !s.has(slot):
			case skip > 0:
				skip--
			default:
				slots = append(slots, slot)
				if len(slots) == cap(slots) {
					return slots, total
				}
			}
		}
	}
	return slots, total
}

// ranked returns the slots of a page of what a search has found, the best first, and how many hits
// the filter selects. Equally good ones stand newest first.
func (s *selector) ranked(l *listing, f *ProductFilter, offset, limit int) (slots []uint32, total int) {
	s.choose(l, f)
	s.hits = slices.DeleteFunc(s.hits, func(h search.Hit) bool { return !s.has(h.Slot) })
	total = len(s.hits)
	if offset >= total || limit <= 0 {
		return nil, total
	}
	limit = min(limit, total-offset)
	if total > sortHitsMax {
		return s.rankedMany(l, offset, limit), total
	}
	slices.SortFunc(s.hits, func(a, b search.Hit) int {
		if a.Score != b.Score {
			return cmp.Compare(b.Score, a.Score)
		}
		return orderNewest.compare(l.product(a.Slot), l.product(b.Slot))
	})
	slots = make([]uint32, limit)
	for i := range slots {
		slots[i] = s.hits[offset+i].Slot
	}
	return slots, total
}

// sortHitsMax is how many hits are sorted. More are counted by score and then taken from the order
// that the listing keeps, in a time that does not depend on how many there are.
const sortHitsMax = 1024

func (s *selector) rankedMany(l *listing, offset, limit int) []uint32 {
	s.scores = slices.Grow(s.scores[:0], l.slots)[:l.slots]
	clear(s.at[:])
	for _, h := range s.hits {
		s.scores[h.Slot] = h.Score + 1
		s.at[h.Score]++
	}
	next := 0
	for score := scoresMax; score >= 0; score-- { // from counts to the place of each score's first
		next, s.at[score] = next+s.at[score], next
	}
	slots := make([]uint32, limit)
	for _, chunk := range l.orders[orderNewest].chunks {
		for _, slot := range chunk {
			if s.scores[slot] == 0 {
				continue
			}
			place := &s.at[s.scores[slot]-1]
			if at := *place - offset; at >= 0 && at < limit {
				slots[at] = slot
			}
			*place++
		}
	}
	for _, h := range s.hits {
		s.scores[h.Slot] = 0
	}
	return slots
}
