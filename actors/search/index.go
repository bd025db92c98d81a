package search

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
)

// Source gives the products that the index is made of. ok is false for a slot that is not listed.
type Source func(slot uint32) (doc Doc, ok bool)

// Index is a search index. One goroutine updates it, everybody searches.
//
// It is a row of immutable segments. An update makes a new segment of the products that changed, marks
// their older documents as dead, and publishes the new row at once. Small segments are made anew as one,
// so that there are few: as many of full size as needed, and the smaller ones each at most half of the one before.
type Index struct {
	source  Source
	current atomic.Pointer[generation]
	scratch sync.Pool // of *scratch

	// where tells in which part a slot's living document stands. The updating goroutine owns it.
	where map[uint32]place
}

// generation is one state of the index.
type generation struct {
	number uint64
	parts  []*part
}

// part is a segment with those of its documents that are current.
type part struct {
	*segment
	live *roaring.Bitmap // immutable
}

// place is a document.
type place struct {
	segment *segment
	doc     uint32
}

// distanceMax is how many typos a word may have at most.
const distanceMax = 2

// New returns an empty index.
func New(source Source) *Index {
	x := &Index{source: source, where: make(map[uint32]place)}
	x.scratch.New = func() any { return new(scratch) }
	x.current.Store(&generation{})
	return x
}

// Generation is a number that changes with every update that can change an answer.
func (x *Index) Generation() uint64 { return x.current.Load().number }

// Documents counts the products in the index, and the segments they stand in.
func (x *Index) Documents() (products, segments int) {
	g := x.current.Load()
	for _, p := range g.parts {
		products += p.size()
	}
	return products, len(g.parts)
}

// Pause is called by an update between two pieces of work of some milliseconds, to let others go
// first. Its error ends the update before anything of it is published.
type Pause func() error

// Update reads the products in these slots anew, and publishes what has become of them.
// REQUIRES: no other Update runs; no slot stands twice in slots.
func (x *Index) Update(slots []uint32, pause Pause) error {
	old := x.current.Load()
	dead := make(map[*segment][]uint32)
	for _, slot := range slots {
		if at, ok := x.where[slot]; ok {
			dead[at.segment] = append(dead[at.segment], at.doc)
		}
	}
	parts := make([]*part, 0, len(old.parts)+1)
	for _, p := range old.parts {
		if p = p.without(dead[p.segment]); !p.live.IsEmpty() {
			parts = append(parts, p)
		}
	}
	parts, slots = takeSmall(parts, slots)
	var made []*segment
	for chunk := range slices.Chunk(slots, segmentDocsMax) {
		s, err := x.build(chunk, pause)
		if err != nil {
			return err
		}
		if s != nil {
			made = append(made, s)
		}
	}
	x.publish(old.number+1, parts, slots, made)
	return nil
}

// takeSmall decides which parts are made anew together with the changed slots: from the smallest on each
// that is less than twice as large as what is gathered, as long as all fit into one segment.
func takeSmall(parts []*part, slots []uint32) (rest []*part, gathered []uint32) {
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(b.size(), a.size()) })
	gathered = slots
	for len(parts) > 0 {
		last := parts[len(parts)-1]
		if last.size() >= 2*len(gathered) || last.size()+len(gathered) > segmentDocsMax {
			break
		}
		gathered = slices.Clip(gathered)
		for _, doc := range last.live.ToArray() {
			gathered = append(gathered, last.slots[doc])
		}
		parts = parts[:len(parts)-1]
	}
	return parts, gathered
}

// analyzePause is after how many products an update pauses.
const analyzePause = 64

// build makes a segment of the products in these slots; nil when none is listed any more.
func (x *Index) build(slots []uint32, pause Pause) (*segment, error) {
	b := newSegmentBuilder(len(slots))
	for i, slot := range slots {
		if doc, ok := x.source(slot); ok {
			b.add(slot, &doc)
		}
		if i%analyzePause == analyzePause-1 {
			if err := pause(); err != nil {
				return nil, err
			}
		}
	}
	if len(b.slots) == 0 {
		return nil, nil //nolint:nilnil // nothing to make
	}
	return b.build()
}

// publish shows the new generation, and notes where the slots' documents stand now.
func (x *Index) publish(number uint64, parts []*part, slots []uint32, made []*segment) {
	for _, slot := range slots {
		delete(x.where, slot)
	}
	for _, s := range made {
		p := &part{segment: s, live: roaring.New()}
		p.live.AddRange(0, uint64(len(s.slots)))
		parts = append(parts, p)
		for doc, slot := range s.slots {
			x.where[slot] = place{segment: s, doc: uint32(doc)} //nolint:gosec // below segmentDocsMax
		}
	}
	x.current.Store(&generation{number: number, parts: parts})
}

// size counts the living documents.
func (p *part) size() int { return int(p.live.GetCardinality()) } //nolint:gosec // at most segmentDocsMax

// without returns the part less these documents.
func (p *part) without(docs []uint32) *part {
	if len(docs) == 0 {
		return p
	}
	next := &part{segment: p.segment, live: p.live.Clone()}
	for _, doc := range docs {
		next.live.Remove(doc)
	}
	return next
}
