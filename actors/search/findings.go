package search

import (
	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// findings gathers the ways a word is found in one part.
type findings struct {
	live  *roaring.Bitmap // the part's
	found []finding
	err   error
}

func (f *findings) add(docs *roaring.Bitmap, err error, weight uint8) {
	if err != nil {
		f.err = err
	}
	if docs != nil && !docs.IsEmpty() {
		f.found = append(f.found, finding{docs: docs, weight: weight})
	}
}

// whole looks for the word itself.
func (f *findings) whole(d segments.TermDictionary, w *word, weight uint8) {
	docs, err := lookup(d, w.whole)
	f.add(docs, err, weight)
}

// parts looks for the word's stem or pairs of characters: all of them, or all but one of at least three.
func (f *findings) parts(d segments.TermDictionary, w *word, weight uint8) {
	lists := make([]*roaring.Bitmap, len(w.parts))
	missing := 0
	for i, term := range w.parts {
		docs, err := lookup(d, term)
		if err != nil {
			f.err = err
			return
		}
		if docs == nil {
			docs = roaring.New()
			missing++
		}
		lists[i] = docs
	}
	if len(lists) >= mostFrom && missing <= 1 {
		f.add(allButOne(lists), nil, weight/10*tenthsMost)
	}
	if missing > 0 {
		return
	}
	if len(lists) == 1 {
		f.add(lists[0], nil, weight/10*tenthsStem)
		return
	}
	f.add(roaring.FastAnd(lists...), nil, weight/10*tenthsStem)
}

// mostFrom is how many pairs a word must have so that one of them may be missing.
const mostFrom = 3

// allButOne returns the documents that are missing in at most one of the lists.
func allButOne(lists []*roaring.Bitmap) *roaring.Bitmap {
	all, most := lists[0].Clone(), roaring.New() // of those seen: in all, and in all but one
	most.AddRange(0, segmentDocsMax)
	for _, list := range lists[1:] {
		next := roaring.And(most, list)
		next.Or(all)
		all.And(list)
		most = next
	}
	return most
}

// starts looks in names for words that begin with the letters; those that begin the name come first.
func (f *findings) starts(p *opened, letters string) {
	mark, rest := splitMark("", letters)
	n, short := 0, len(rest)
	for at := range rest {
		if n == startLettersMax {
			short = at
			break
		}
		n++
	}
	if short == len(rest) { // so few letters begin many words: they have lists of their own
		docs, err := lookup(p.nameStart, mark+rest)
		f.add(docs, err, weightName/10*tenthsStart)
		docs, err = lookup(p.nameStart, startMark+mark+rest)
		f.add(docs, err, weightName/10*(tenthsStart+1))
		return
	}
	before := len(f.found)
	f.start(p.name, letters, weightName/10*tenthsStart)
	if n := len(f.found); n > before {
		first, err := lookup(p.nameStart, startMark+mark+rest[:short])
		if err == nil && first != nil {
			first = roaring.And(first, f.found[n-1].docs)
		}
		f.add(first, err, weightName/10*(tenthsStart+1))
	}
}

// start looks for the words of a dictionary that begin with the letters.
func (f *findings) start(d segments.TermDictionary, letters string, weight uint8) {
	docs, err := expand(d, nil, []byte(letters), f.live)
	f.add(docs, err, weight)
}

// typos looks for the words of a dictionary that an automaton accepts.
func (f *findings) typos(d segments.TermDictionary, a segments.Automaton, weight uint8) {
	docs, err := expand(d, a, nil, f.live)
	f.add(docs, err, weight)
}
