package search

import (
	"fmt"

	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"
	zap "github.com/blevesearch/zapx/v16"
)

// segmentBuilder gathers the documents of a segment.
type segmentBuilder struct {
	slots   []uint32
	lengths []uint8
	docs    []index.Document
	// known holds each term once: most stand in many documents, and building a segment would
	// otherwise take ten times the memory of the segment.
	known map[string]*index.TokenFreq
}

func newSegmentBuilder(docs int) *segmentBuilder {
	return &segmentBuilder{
		slots: make([]uint32, 0, docs), lengths: make([]uint8, 0, docs), docs: make([]index.Document, 0, docs),
		known: make(map[string]*index.TokenFreq),
	}
}

// add takes a product in. REQUIRES: fewer than segmentDocsMax have been added.
func (b *segmentBuilder) add(slot uint32, d *Doc) {
	doc := document.NewDocument("") // segments know documents by their number
	doc.AddIDField()
	name := analyze(d.Name)
	whole, parts, starts := b.field(doc, fieldNameWord), b.field(doc, fieldNamePart), b.field(doc, fieldNameStart)
	for i := range name {
		whole.add(name[i].whole)
		parts.add(name[i].parts...)
		starts.addStarts("", name[i].whole)
		if i == 0 {
			starts.addStarts(startMark, name[i].whole)
		}
	}
	whole, parts = b.field(doc, fieldCategoryWord), b.field(doc, fieldCategoryPart)
	for _, w := range analyze(d.Category) {
		whole.add(w.whole)
		parts.add(w.parts...)
	}
	parts = b.field(doc, fieldDescription)
	words := analyze(d.Description)
	for _, w := range words[:min(len(words), descriptionWordMax)] {
		parts.add(w.parts...)
	}
	whole = b.field(doc, fieldSKU)
	for _, w := range analyze(d.SKU) {
		whole.add(w.whole)
	}
	doc.VisitFields(func(f index.Field) { f.Analyze() })
	b.slots, b.docs = append(b.slots, slot), append(b.docs, doc)
	b.lengths = append(b.lengths, uint8(min(len(name), lengthMax))) //nolint:gosec // at most lengthMax
}

// build makes the segment. REQUIRES: at least one document.
func (b *segmentBuilder) build() (*segment, error) {
	s := &segment{slots: b.slots, lengths: b.lengths}
	var err error
	if s.data, _, err = new(zap.ZapPlugin).New(b.docs); err != nil {
		return nil, fmt.Errorf("make a segment of %d products: %w", len(b.docs), err)
	}
	return s, nil
}

// field is a field of a document whose terms are known. It is a field as bleve's documents have them.
type field struct {
	builder *segmentBuilder
	name    string
	terms   index.TokenFrequencies
}

// field adds an empty field to a document.
func (b *segmentBuilder) field(doc *document.Document, name string) *field {
	f := &field{builder: b, name: name, terms: make(index.TokenFrequencies)}
	doc.AddField(f)
	return f
}

func (f *field) add(terms ...string) {
	for _, term := range terms {
		known := f.builder.known[term]
		if known == nil {
			known = &index.TokenFreq{Term: []byte(term)}
			known.SetFrequency(1)
			f.builder.known[term] = known
		}
		f.terms[term] = known
	}
}

// addStarts adds the first letters of a word, one, two and so on.
func (f *field) addStarts(mark, word string) {
	mark, letters := splitMark(mark, word)
	n := 0
	for end := range letters {
		if n++; n > 1 {
			f.add(mark + letters[:end])
		}
		if n > startLettersMax {
			return
		}
	}
	f.add(mark + letters)
}

// splitMark moves the mark of a word in keys to what stands before its letters.
func splitMark(mark, word string) (string, string) {
	if word != "" && word[0] == keysMark {
		return mark + word[:1], word[1:]
	}
	return mark, word
}

// Name implements index.Field.
func (f *field) Name() string { return f.name }

// Options implements index.Field. Only which documents have a term is kept.
func (f *field) Options() index.FieldIndexingOptions { return index.IndexField | index.SkipFreqNorm }

// Analyze implements index.Field.
func (f *field) Analyze() {}

// AnalyzedLength implements index.Field.
func (f *field) AnalyzedLength() int { return len(f.terms) }

// AnalyzedTokenFrequencies implements index.Field.
func (f *field) AnalyzedTokenFrequencies() index.TokenFrequencies { return f.terms }

// EncodedFieldType implements index.Field: a text.
func (f *field) EncodedFieldType() byte { return 't' }

// Value implements index.Field. Nothing is stored.
func (f *field) Value() []byte { return nil }

// ArrayPositions implements index.Field.
func (f *field) ArrayPositions() []uint64 { return nil }

// NumPlainTextBytes implements index.Field.
func (f *field) NumPlainTextBytes() uint64 { return 0 }

// Size implements document.Field.
func (f *field) Size() int { return 0 }
