package search

import (
	"unicode"

	"github.com/blevesearch/go-porterstemmer"
	"golang.org/x/text/unicode/norm"
)

// script says how a word is cut into terms.
type script uint8

const (
	scriptNone   script = iota // separates words
	scriptLetter               // words stand apart, in the text already: stems
	scriptHangul               // words may be written together: pairs of syllables
	scriptHan                  // words are written together: pairs of characters
)

// wordRunesMax bounds a word in characters; what is longer is cut. It bounds terms and automata.
const wordRunesMax = 40

// word is one word of a text.
type word struct {
	script script
	// whole is the word as it is compared: in lower case, Hangul in keys.
	whole string
	// parts are its stem, or its pairs of characters.
	parts []string
}

// scan calls visit for each word of a text, with its characters in lower case. They are only lent.
func scan(text string, visit func(script, []rune)) {
	var run []rune
	current := scriptNone
	flush := func() {
		if len(run) > 0 {
			visit(current, run)
		}
		run, current = run[:0], scriptNone
	}
	for _, r := range norm.NFKC.String(text) {
		s := scriptOf(r)
		switch {
		case r == '\'' || r == '’': // chef's is one word, and so is chefs
			continue
		case s == scriptNone && unicode.Is(unicode.Mn, r) && current != scriptNone:
			continue // an accent that has no letter of its own
		case s == scriptNone || s != current:
			flush()
		}
		if s == scriptNone {
			continue
		}
		current = s
		if len(run) < wordRunesMax {
			run = append(run, unicode.ToLower(r))
		}
	}
	flush()
}

func scriptOf(r rune) script {
	switch {
	case r < 0x80:
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return scriptLetter
		}
		return scriptNone
	case unicode.Is(unicode.Hangul, r):
		return scriptHangul
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー':
		return scriptHan
	case unicode.IsLetter(r), unicode.IsDigit(r):
		return scriptLetter
	default:
		return scriptNone
	}
}

// analyze returns the words of a text, in order.
func analyze(text string) []word {
	var words []word
	scan(text, func(s script, run []rune) {
		w := word{script: s}
		switch s {
		case scriptLetter:
			w.whole = string(run)
			w.parts = []string{stem(run)}
		case scriptHangul:
			w.whole = string(appendKeys(nil, run))
			w.parts = pairs(run)
		default:
			w.whole = string(run)
			w.parts = pairs(run)
		}
		words = append(words, w)
	})
	return words
}

// stem returns the stem of an English word: kettles and kettle have the same. It changes run. Words with
// digits, like model numbers, have none but themselves.
func stem(run []rune) string {
	for _, r := range run {
		if r < 'a' || r > 'z' {
			return string(run)
		}
	}
	return string(porterstemmer.StemWithoutLowerCasing(run))
}

// pairs returns each two neighbouring characters, or the only one.
func pairs(run []rune) []string {
	if len(run) == 1 {
		return []string{string(run)}
	}
	out := make([]string, 0, len(run)-1)
	for i := range len(run) - 1 {
		out = append(out, string(run[i:i+2]))
	}
	return out
}
