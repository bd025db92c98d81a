package search

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzQuery puts any text into a name and looks for it: whatever has words is found by its own
// name, and nothing fails.
func FuzzQuery(f *testing.F) {
	for _, text := range []string{
		"Cast Iron Pan · 무쇠 프라이팬", "이엎ㅎㅏㄴ", "chef's 700ml a7-iii", "鉄フライパンー", "é́ ﬁne ①", "\xff\xfe", "~rk ^rk", "İstanbul ß",
		"ㄳ ㅘ 뷁", "a\u0000b", "🎧 earbuds",
	} {
		f.Add(text)
	}
	p := NewParser()
	var doc Doc
	x := New(func(slot uint32) (Doc, bool) { return []Doc{doc, {Name: "other"}}[slot], true })
	f.Fuzz(func(t *testing.T, text string) {
		words := analyze(text)
		for _, w := range words {
			require.NotEmpty(t, w.whole)
			require.NotEmpty(t, w.parts)
			require.True(t, utf8.ValidString(w.whole), "%q", w.whole)
		}
		start, err := p.ParseStart(text)
		if err != nil {
			return
		}
		q, err := p.Parse(text)
		require.NoError(t, err)
		doc = Doc{Name: text, SKU: text, Category: text, Description: text}
		require.NoError(t, x.Update([]uint32{0, 1}, noPause))
		for _, search := range []func() ([]Hit, error){
			func() ([]Hit, error) { return x.Search(q, nil) },
			func() ([]Hit, error) { return x.Suggest(start, nil) },
		} {
			hits, err := search()
			require.NoError(t, err)
			require.NotEmpty(t, hits, "%q is not found by its own name", text)
			for _, h := range hits {
				require.LessOrEqual(t, int(h.Score), ScoreMax)
			}
		}
	})
}
