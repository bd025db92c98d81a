package search

import (
	"github.com/RoaringBitmap/roaring/v2"
)

// scratch is the memory in which the documents of one segment are counted. It is all zero between
// two uses.
type scratch struct {
	score [segmentDocsMax]uint16
	words [segmentDocsMax]uint8
	best  [segmentDocsMax]uint8
	// candidates and docs are lists that are worked on.
	candidates, docs []uint32
}

// collect appends the documents of a part that have at least need of the words. words[w][at] are the
// findings of word w in this part.
func (x *Index) collect(p *part, words [][][]finding, at, need int, dst []Hit) []Hit {
	candidates := p.candidates(words, at, need == len(words))
	if candidates == nil {
		return dst
	}
	s := x.scratch.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	s.candidates = appendDocs(s.candidates[:0], candidates)
	for w := range words {
		s.addWord(candidates, words[w][at])
	}
	for _, doc := range s.candidates {
		if int(s.words[doc]) >= need {
			score := s.score[doc]*scorePerUnit + lengthMax - uint16(p.lengths[doc])
			dst = append(dst, Hit{Slot: p.slots[doc], Score: score})
		}
		s.score[doc], s.words[doc] = 0, 0
	}
	x.scratch.Put(s)
	return dst
}

// candidates returns the living documents that have all the words, or any of them; nil when none.
func (p *part) candidates(words [][][]finding, at int, all bool) *roaring.Bitmap {
	var candidates *roaring.Bitmap
	for w := range words {
		found := words[w][at]
		lists := make([]*roaring.Bitmap, len(found))
		for i := range found {
			lists[i] = found[i].docs
		}
		docs := roaring.FastOr(lists...)
		switch {
		case candidates == nil:
			docs.And(p.live)
			candidates = docs
		case all:
			candidates.And(docs)
		default:
			docs.And(p.live)
			candidates.Or(docs)
		}
		if all && candidates.IsEmpty() {
			return nil
		}
	}
	return candidates
}

// addWord adds to each candidate's score the largest weight that it has the word with.
// REQUIRES: s.candidates lists the candidates.
func (s *scratch) addWord(candidates *roaring.Bitmap, found []finding) {
	for i := range found {
		s.docs = appendDocs(s.docs[:0], roaring.And(candidates, found[i].docs))
		for _, doc := range s.docs {
			before := s.best[doc]
			if before == 0 {
				s.words[doc]++
			}
			if found[i].weight > before {
				s.best[doc] = found[i].weight
				s.score[doc] += uint16(found[i].weight - before)
			}
		}
	}
	for _, doc := range s.candidates {
		s.best[doc] = 0
	}
}

// appendDocs appends the numbers in a bitmap.
func appendDocs(dst []uint32, docs *roaring.Bitmap) []uint32 {
	const block = 256
	many := docs.ManyIterator()
	for {
		dst = append(dst, make([]uint32, block)...)
		n := many.NextMany(dst[len(dst)-block:])
		dst = dst[:len(dst)-block+n]
		if n == 0 {
			return dst
		}
	}
}
