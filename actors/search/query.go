package search

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
)

// Limits of a query.
const (
	QueryRunesMax = 100
	QueryWordsMax = 8
)

// Errors of queries. Their text is meant for whoever asked.
var (
	ErrNoWords      = errors.New("must have a letter or a digit")
	ErrQueryTooLong = fmt.Errorf("must be at most %d characters long", QueryRunesMax)
	ErrTooManyWords = fmt.Errorf("must be at most %d words", QueryWordsMax)
)

// Query is what somebody looks for. It is immutable.
type Query struct {
	words []word
}

// Parser reads queries. It is immutable, and safe for concurrent use.
type Parser struct {
	stopWords analysis.TokenMap
}

// NewParser returns a parser.
func NewParser() *Parser {
	p := &Parser{stopWords: analysis.NewTokenMap()}
	_ = p.stopWords.LoadBytes(en.EnglishStopWords) // it reads from memory, and cannot fail
	return p
}

// Parse reads a query. Words that say nothing (the, for, with) are left out if others remain, and
// repeated ones. Errors: ErrNoWords, ErrQueryTooLong, ErrTooManyWords.
func (p *Parser) Parse(text string) (Query, error) {
	return p.parse(text, false)
}

// ParseStart reads a query whose last word is still being typed: it is kept whatever it is.
func (p *Parser) ParseStart(text string) (Query, error) {
	return p.parse(text, true)
}

func (p *Parser) parse(text string, typing bool) (Query, error) {
	if utf8.RuneCountInString(text) > QueryRunesMax {
		return Query{}, ErrQueryTooLong
	}
	all := analyze(text)
	if len(all) == 0 {
		return Query{}, ErrNoWords
	}
	seen := make(map[string]bool, len(all))
	var said []word
	for i, w := range all {
		if seen[w.whole] || p.stopWords[w.whole] && (!typing || i < len(all)-1) {
			continue
		}
		seen[w.whole] = true
		said = append(said, w)
	}
	if len(said) == 0 {
		said = all[:1]
	}
	if len(said) > QueryWordsMax {
		return Query{}, ErrTooManyWords
	}
	return Query{words: said}, nil
}

// Key appends what tells the query from others that are not answered alike. Words of Hangul that are typed
// with the same keys (가가 and 각ㅏ) are cut into other pairs.
func (q Query) Key(dst []byte) []byte {
	for i := range q.words {
		w := &q.words[i]
		dst = append(dst, w.whole...)
		for _, part := range w.parts {
			dst = append(append(dst, ' '), part...)
		}
		dst = append(dst, 0)
	}
	return dst
}
