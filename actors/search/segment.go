package search

import (
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Doc is what the index is told of one product.
type Doc struct {
	Name        string
	SKU         string
	Category    string
	Description string
}

// The dictionaries of a segment.
const (
	fieldNameWord      = "n"  // whole words of the name
	fieldNamePart      = "np" // stems and pairs
	fieldNameStart     = "ns" // the first letters of each word; those of the first word once more, after startMark
	fieldCategoryWord  = "c"
	fieldCategoryPart  = "cp"
	fieldDescription   = "d" // stems and pairs
	fieldSKU           = "s" // words, and the whole
	startLettersMax    = 3
	startMark          = "^"
	lengthMax          = 15 // beyond it names count as equally long
	expansionsMax      = 64 // words of one dictionary that a prefix or a typo stands for
	segmentDocsMax     = 16384
	descriptionWordMax = 400 // words of a description that are indexed
)

// segment is an immutable index of some documents.
type segment struct {
	slots   []uint32 // by document
	lengths []uint8  // words of the name, by document, up to lengthMax
	data    segments.Segment
	readers sync.Pool // of *reader
}

// reader holds the dictionaries of a segment. Each is for one goroutine at a time.
type reader struct {
	name, namePart, nameStart, category, categoryPart, description, sku segments.TermDictionary
}

// open returns dictionaries that nobody else uses. Put them into readers afterwards.
func (s *segment) open() (*reader, error) {
	if r, ok := s.readers.Get().(*reader); ok {
		return r, nil
	}
	r := new(reader)
	for field, into := range map[string]*segments.TermDictionary{
		fieldNameWord: &r.name, fieldNamePart: &r.namePart, fieldNameStart: &r.nameStart,
		fieldCategoryWord: &r.category, fieldCategoryPart: &r.categoryPart,
		fieldDescription: &r.description, fieldSKU: &r.sku,
	} {
		var err error
		if *into, err = s.data.Dictionary(field); err != nil {
			return nil, fmt.Errorf("open the dictionary %q of a segment: %w", field, err)
		}
	}
	return r, nil
}

// lookup returns the documents that have a term, or nil.
func lookup(d segments.TermDictionary, term string) (*roaring.Bitmap, error) {
	list, err := d.PostingsList([]byte(term), nil, nil)
	if err != nil {
		return nil, fmt.Errorf("look up a term: %w", err)
	}
	if list.Count() == 0 {
		return nil, nil //nolint:nilnil // nobody has it
	}
	found, ok := list.Iterator(false, false, false, nil).(segments.OptimizablePostingsIterator)
	if !ok {
		return nil, fmt.Errorf("look up a term: its documents are a %T", found)
	}
	if one, ok := found.DocNum1Hit(); ok {
		return roaring.BitmapOf(uint32(one)), nil //nolint:gosec // below segmentDocsMax
	}
	return found.ActualBitmap(), nil
}

// expand returns the documents that have any of the terms with a prefix that an automaton accepts (nil: all). It stops
// after expansionsMax terms that a living document has.
func expand(d segments.TermDictionary, a segments.Automaton, prefix []byte, live *roaring.Bitmap) (*roaring.Bitmap, error) {
	var lists []*roaring.Bitmap
	terms := d.AutomatonIterator(a, prefix, after(prefix))
	for len(lists) < expansionsMax {
		entry, err := terms.Next()
		if err != nil {
			return nil, fmt.Errorf("walk a dictionary: %w", err)
		}
		if entry == nil {
			break
		}
		list, err := lookup(d, entry.Term)
		if err != nil {
			return nil, err
		}
		if list != nil && list.Intersects(live) {
			lists = append(lists, list)
		}
	}
	if len(lists) == 0 {
		return nil, nil //nolint:nilnil // nobody has any
	}
	return roaring.FastOr(lists...), nil
}

// after returns the least text behind all that begin with the prefix; nil when that is empty. REQUIRES: it is UTF-8.
func after(prefix []byte) []byte {
	if len(prefix) == 0 {
		return nil
	}
	end := slices.Clone(prefix)
	end[len(end)-1]++ // no byte of UTF-8 is 0xff
	return end
}
