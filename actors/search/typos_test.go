package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// accepts walks an automaton. It also says whether CanMatch was true all the way.
func accepts(a *typos, text string) (match, can bool) {
	state := a.Start()
	can = a.CanMatch(state)
	for i := range len(text) {
		state = a.Accept(state, text[i])
		can = can && a.CanMatch(state)
	}
	return a.IsMatch(state), can
}

// apart counts the typos between two texts with the whole table: optimal string alignment.
func apart(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = rows[i-1][j-1] + 1
			}
			rows[i][j] = min(rows[i][j], rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// requireExact compares the automata of a word with the table.
func requireExact(t require.TestingT, whole, text string) {
	for most := 1; most <= distanceMax; most++ {
		match, can := accepts(newTypos(whole, most), text)
		want := utf8.ValidString(text) && apart([]rune(whole), []rune(text)) <= most
		require.Equal(t, want, match, "%q may have %d typos: %q", whole, most, text)
		require.True(t, can || !match, "%q may have %d typos: the walk to %q was given up", whole, most, text)
	}
}

func TestTypos_AcceptWhatIsNear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		whole, text string
		typos       int
	}{
		{"kettle", "kettle", 0},
		{"kettle", "ketle", 1},
		{"kettle", "kettlee", 1},
		{"kettle", "kottle", 1},
		{"kettle", "kettel", 1},
		{"kettle", "ektle", 2},
		{"kettle", "ekttel", 2},
		{"kettle", "ektel", 3},
		{"ca", "abc", 3}, // what changed places is not edited again
		{"abc", "", 3},
		{"ab", "", 2},
		{"a", "bcd", 3},
		{"a", "ba", 1},
		{"이어폰", "이어펀", 1},
		{"이어폰", "어이폰", 1},
		{"é", "e", 1},
		{"é", "è", 1}, // half of the bytes are the same
		{"𝄞ab", "ab", 1},
		{"𝄞ab", "a𝄞b", 1},
		{"\ufffd", "\ufffd", 0},
		{"aaaa", "aaaaaa", 2},
		{"aaaa", "aaaaaaa", 3},
	} {
		require.Equal(t, c.typos, apart([]rune(c.whole), []rune(c.text)), "%q, %q", c.whole, c.text)
		requireExact(t, c.whole, c.text)
		requireExact(t, c.text, c.whole)
	}
	for _, text := range []string{"\xff", "\x80", "a\xc3", "\xc3b", "\xed\xa0\x80", "\xf0\x9d\x84", "\xc0\x80"} {
		requireExact(t, "ab", text)
	}
}

// TestTypos_OfTheLongestWord holds that a state has room for it.
func TestTypos_OfTheLongestWord(t *testing.T) {
	t.Parallel()
	words := analyze(strings.Repeat("꽗", 2*wordRunesMax))
	require.Len(t, words, 1)
	whole := words[0].whole
	require.Equal(t, lettersMax, utf8.RuneCountInString(whole))
	requireExact(t, whole, whole)
	requireExact(t, whole, whole+"rt")
	requireExact(t, whole, whole+"rts")
	requireExact(t, whole, whole+strings.Repeat("r", 300))
	requireExact(t, whole, whole[2:])
	requireExact(t, whole, whole[3:])
	whole = strings.Repeat("éa", wordRunesMax/2)
	requireExact(t, whole, "aé"+whole[3:])
	requireExact(t, whole, "aé"+whole[3:]+"é")
	requireExact(t, whole, "aé"+whole[3:]+"éé")
}

// TestTypos_AreThoseOfTheTable compares words of few letters, near each other, and random bytes.
func TestTypos_AreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{"ab", "abcd", "가각나", "aé가𝄞", "~rk"}).Draw(t, "letters")
		word := rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 0, 12, -1)
		whole := word.Draw(t, "whole")
		requireExact(t, whole, word.Draw(t, "text"))
		text := []rune(whole)
		for range rapid.IntRange(0, distanceMax+1).Draw(t, "typos") {
			text = mistype(t, text, []rune(letters))
		}
		requireExact(t, whole, string(text))
		bytes := []byte(string(text))
		if len(bytes) > 0 {
			bytes[rapid.IntRange(0, len(bytes)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		requireExact(t, whole, string(bytes))
	})
}

// mistype makes one typo.
func mistype(t *rapid.T, text, letters []rune) []rune {
	at := rapid.IntRange(0, len(text)).Draw(t, "at")
	letter := rapid.SampledFrom(letters).Draw(t, "letter")
	out := append([]rune(nil), text[:at]...)
	switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
	case kind == 0 || at == len(text):
		return append(append(out, letter), text[at:]...)
	case kind == 1:
		return append(out, text[at+1:]...)
	case kind == 2 || at+1 == len(text):
		return append(append(out, letter), text[at+1:]...)
	default:
		return append(append(out, text[at+1], text[at]), text[at+2:]...)
	}
}

func FuzzTypos(f *testing.F) {
	for _, words := range [][2]string{{"kettle", "ektel"}, {"이어폰", "어이포"}, {"~dldjvhs", "~dldjvjs"}, {"a𝄞é", "a\xf0\x9d\x84é"}, {"", "a"}, {"ca", "abc"}} {
		f.Add(words[0], words[1])
	}
	f.Fuzz(func(t *testing.T, whole, text string) {
		whole = strings.ToValidUTF8(whole, "")
		if letters := []rune(whole); len(letters) > lettersMax {
			whole = string(letters[:lettersMax])
		}
		if len(text) < 1000 { // the table is slow
			requireExact(t, whole, text)
		}
	})
}
