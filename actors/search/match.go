package search

import "github.com/RoaringBitmap/roaring/v2"

// Hit is a product that was found.
type Hit struct {
	Slot  uint32
	Score uint16 // more is better
}

// The weights of a word that was found, by field: name before SKU before category before description.
// What is less sure than a whole word has a part of that, in tenths.
const (
	weightName        = 80
	weightSKU         = 60
	weightCategory    = 40
	weightDescription = 20

	// ScoreMax bounds the scores of hits.
	ScoreMax = QueryWordsMax*weightName*scorePerUnit + lengthMax

	tenthsStem    = 9
	tenthsMost    = 7 // all pairs of characters but one
	tenthsStart   = 6
	tenthsTypo    = 5
	tenthsTypos   = 3
	scorePerUnit  = 8 // leaves room for the length of the name
	distanceShort = 3 // letters or keys from which one typo is forgiven
	distanceLong  = 9 // and from which two are
)

// finding is the documents of a segment in which a word was found in one way.
type finding struct {
	docs   *roaring.Bitmap
	weight uint8
}

// Search appends what the query finds, in no particular order. A product is found when it has every
// word of the query. If there is none, words may be the start of others or have typos; if there is still
// none, half of the words will do. What decides is the whole index, whatever the caller filters out afterwards.
func (x *Index) Search(q Query, dst []Hit) ([]Hit, error) {
	return x.match(q, dst, []step{
		{expand: (*Index).exact, needs: []int{len(q.words)}},
		{expand: (*Index).vague, needs: []int{len(q.words), (len(q.words) + 1) / 2}},
	})
}

// Suggest appends what the query finds when its last word is still being typed.
func (x *Index) Suggest(q Query, dst []Hit) ([]Hit, error) {
	return x.match(q, dst, []step{
		{expand: (*Index).exact, last: (*Index).started, needs: []int{len(q.words)}},
		{expand: (*Index).vague, needs: []int{len(q.words)}},
	})
}

// expander finds a word in every part of a generation.
type expander func(*Index, []opened, *word) ([][]finding, error)

// step is one attempt at a query.
type step struct {
	expand expander
	last   expander // for the last word, if it differs
	needs  []int    // how many words a product must have; the next if none has as many
}

// opened is a part with dictionaries to read.
type opened struct {
	*part
	*reader
}

func (x *Index) match(q Query, dst []Hit, steps []step) ([]Hit, error) {
	g := x.current.Load()
	parts := make([]opened, len(g.parts))
	for i, p := range g.parts {
		r, err := p.open()
		if err != nil {
			return dst, err
		}
		parts[i] = opened{p, r}
	}
	before := len(dst)
	for i := 0; i < len(steps) && len(dst) == before; i++ {
		words, err := steps[i].words(x, parts, q)
		if err != nil {
			return dst, err
		}
		for _, need := range steps[i].needs {
			for at := range parts {
				dst = x.collect(parts[at].part, words, at, need, dst)
			}
			if len(dst) > before {
				break
			}
		}
	}
	for i := range parts {
		parts[i].readers.Put(parts[i].reader)
	}
	return dst, nil
}

// words returns the findings of each word of a query in each part.
func (s *step) words(x *Index, parts []opened, q Query) ([][][]finding, error) {
	words := make([][][]finding, len(q.words))
	for i := range q.words {
		expand := s.expand
		if s.last != nil && i == len(q.words)-1 {
			expand = s.last
		}
		var err error
		if words[i], err = expand(x, parts, &q.words[i]); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// exact finds a word as it is, or inflected, or written together with others.
func (x *Index) exact(parts []opened, w *word) ([][]finding, error) {
	out := make([][]finding, len(parts))
	for i := range parts {
		p := &parts[i]
		f := findings{live: p.live}
		f.parts(p.description, w, weightDescription)
		f.parts(p.categoryPart, w, weightCategory)
		f.whole(p.category, w, weightCategory)
		f.whole(p.sku, w, weightSKU)
		f.parts(p.namePart, w, weightName)
		f.whole(p.name, w, weightName)
		if f.err != nil {
			return nil, f.err
		}
		out[i] = f.found
	}
	return out, nil
}

// started finds the word and those that begin with it.
func (x *Index) started(parts []opened, w *word) ([][]finding, error) {
	out := make([][]finding, len(parts))
	for i := range parts {
		p := &parts[i]
		f := findings{live: p.live}
		f.start(p.sku, w.whole, weightSKU/10*tenthsStart)
		f.starts(p, w.whole)
		f.whole(p.name, w, weightName)
		if f.err != nil {
			return nil, f.err
		}
		out[i] = f.found
	}
	return out, nil
}

// vague finds what exact finds and, if that is no living document in any part, the words that the word may be the
// start of or a typo of.
func (x *Index) vague(parts []opened, w *word) ([][]finding, error) {
	out, err := x.exact(parts, w)
	if err != nil || foundAny(parts, out) {
		return out, err
	}
	if out, err = x.started(parts, w); err != nil || foundAny(parts, out) {
		return out, err
	}
	for distance := 1; distance <= w.distance(); distance++ {
		near := newTypos(w.whole, distance)
		tenths := uint8(tenthsTypo)
		if distance > 1 {
			tenths = tenthsTypos
		}
		for i := range parts {
			f := findings{live: parts[i].live}
			f.typos(parts[i].category, near, weightCategory/10*tenths)
			f.typos(parts[i].name, near, weightName/10*tenths)
			if f.err != nil {
				return nil, f.err
			}
			out[i] = f.found
		}
		if foundAny(parts, out) {
			break
		}
	}
	return out, nil
}

// distance is how many typos the word is forgiven.
func (w *word) distance() int {
	n := len(w.whole)
	if w.script == scriptHangul {
		n-- // the mark
	}
	switch {
	case w.script == scriptHan || n < distanceShort:
		return 0
	case n < distanceLong:
		return 1
	default:
		return distanceMax
	}
}

// foundAny says whether any living document was found. A segment keeps the words of its dead ones.
func foundAny(parts []opened, out [][]finding) bool {
	for i := range out {
		for _, f := range out[i] {
			if f.docs.Intersects(parts[i].live) {
				return true
			}
		}
	}
	return false
}
