package actors

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/allegro/bigcache/v3"
)

// selections remembers which products a question selected. Its keys hold what the answer depends on, so
// that nothing in it is ever wrong: what is out of date is never asked for again, and makes room.
type selections struct {
	cache        *bigcache.BigCache
	hits, misses atomic.Int64
}

const (
	selectionsShards = 16
	// selectionsLife is long: what is out of date has another key.
	selectionsLife = time.Hour
)

// newSelections returns an empty memory of at most max bytes, rounded up to a MiB.
func newSelections(max int) (*selections, error) {
	cache, err := bigcache.New(context.Background(), bigcache.Config{
		Shards: selectionsShards, LifeWindow: selectionsLife, MaxEntriesInWindow: 1024, MaxEntrySize: 128,
		HardMaxCacheSize: (max + 1<<20 - 1) >> 20,
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of selections: %w", err)
	}
	return &selections{cache: cache}, nil
}

// get returns what was selected, if that is known.
func (s *selections) get(key string) (slots []uint32, total int, known bool) {
	value, err := s.cache.Get(key)
	if err != nil || len(value) < 4 {
		s.misses.Add(1)
		return nil, 0, false
	}
	s.hits.Add(1)
	total = int(binary.LittleEndian.Uint32(value))
	slots = make([]uint32, 0, len(value)/4-1)
	for at := 4; at < len(value); at += 4 {
		slots = append(slots, binary.LittleEndian.Uint32(value[at:]))
	}
	return slots, total, true
}

// put remembers a selection. One that is too long for the cache is forgotten.
func (s *selections) put(key string, slots []uint32, total int) {
	value := make([]byte, 0, 4+4*len(slots))
	value = binary.LittleEndian.AppendUint32(value, uint32(total)) //nolint:gosec // products of one node
	for _, slot := range slots {
		value = binary.LittleEndian.AppendUint32(value, slot)
	}
	_ = s.cache.Set(key, value)
}

// selectionKey holds the states that a selection was made from.
type selectionKey struct {
	listing, flips, index uint64
}

// The kinds of questions.
const (
	selectionList byte = iota + 1
	selectionSearch
	selectionSuggest
)

// list returns the key of a page of a list.
func (k selectionKey) list(q *ProductQuery) string {
	b := k.begin(selectionList, &q.ProductFilter)
	b = append(b, byte(q.Sort))
	b = binary.AppendUvarint(b, uint64(q.Offset)) //nolint:gosec // not negative
	b = binary.AppendUvarint(b, uint64(q.Limit))  //nolint:gosec // not negative
	return string(k.end(b, &q.ProductFilter))
}

// search returns the key of a page of what a search finds.
func (k selectionKey) search(q *ProductSearch, words []byte) string {
	b := k.begin(selectionSearch, &q.ProductFilter)
	b = binary.AppendUvarint(b, uint64(q.Offset)) //nolint:gosec // not negative
	b = binary.AppendUvarint(b, uint64(q.Limit))  //nolint:gosec // not negative
	b = append(k.end(b, &q.ProductFilter), words...)
	return string(b)
}

// suggest returns the key of the products that complete what is typed.
func (k selectionKey) suggest(words []byte) string {
	var none ProductFilter
	return string(append(k.end(k.begin(selectionSuggest, &none), &none), words...))
}

// begin appends the kind, and the numbers that every answer of it depends on.
func (k selectionKey) begin(kind byte, f *ProductFilter) []byte {
	b := make([]byte, 0, 128)
	b = append(b, kind)
	b = binary.AppendUvarint(b, k.listing)
	b = binary.AppendUvarint(b, k.index)
	if f.InStock != nil {
		b = binary.AppendUvarint(b, k.flips)
	}
	return b
}

// end appends the filter. Each field says whether it is there, and how long it is.
func (k selectionKey) end(b []byte, f *ProductFilter) []byte {
	for _, text := range []string{f.Category, f.SKU} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	for _, number := range []*int64{f.PriceMin, f.PriceMax} {
		b = append(b, flag(number != nil))
		if number != nil {
			b = binary.AppendVarint(b, *number)
		}
	}
	b = append(b, flag(f.InStock != nil))
	if f.InStock != nil {
		b = append(b, flag(*f.InStock))
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}
