package search

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is a small catalogue in which everything has a neighbour that it can be taken for.
func shop() []Doc {
	return []Doc{
		0:  {Name: "Cast Iron Pan · 무쇠 프라이팬", SKU: "KIT-001", Category: "kitchen", Description: "Holds its heat and lasts a lifetime."},
		1:  {Name: "Rice Cooker · 전기밥솥", SKU: "KIT-002", Category: "kitchen", Description: "Keeps rice warm for a day. Fits beside a kettle."},
		2:  {Name: "Chef's Knife · 셰프 나이프", SKU: "KIT-003", Category: "kitchen", Description: "Forged, full tang, 20 cm."},
		3:  {Name: "Pour-over Kettle · 드립 주전자", SKU: "TEA-001", Category: "tea & coffee", Description: "A slow and steady stream."},
		4:  {Name: "Teapot · 찻주전자", SKU: "TEA-002", Category: "tea & coffee", Description: "Stoneware, with a fine strainer."},
		5:  {Name: "Insulated Tumbler · 보온 텀블러", SKU: "TEA-003", Category: "tea & coffee", Description: "Hot for six hours, cold for twelve."},
		6:  {Name: "Wireless Earbuds · 무선 이어폰", SKU: "AUD-001", Category: "audio", Description: "Eight hours on a charge."},
		7:  {Name: "Bookshelf Speaker · 북셸프 스피커", SKU: "AUD-002", Category: "audio", Description: "Two-way, sold in pairs."},
		8:  {Name: "Headphone Stand · 헤드폰 거치대", SKU: "AUD-003", Category: "audio", Description: "Oak and steel. Holds earbuds too."},
		9:  {Name: "Wool Blanket · 울 담요", SKU: "BED-001", Category: "bedding", Description: "Woven from new wool."},
		10: {Name: "Water Bottle 700ml · 물병 700ml", SKU: "SPO-001", Category: "sports", Description: "Steel."},
		11: {Name: "Kettlebell · 케틀벨", SKU: "SPO-002", Category: "sports", Description: "Cast in one piece, of iron."},
		12: {Name: "Dog Bed · 강아지 방석", SKU: "PET-001", Category: "pets", Description: "The cover washes at 60 °C."},
		13: {Name: "Mug · 머그컵", SKU: "TEA-004", Category: "tea & coffee", Description: "350 ml, fired twice."},
		14: {Name: "Camping Kettle", SKU: "OUT-001", Category: "outdoor", Description: "Boils a litre in three minutes."},
		15: {Name: "USB케이블 충전기", SKU: "CAB-9", Category: "audio", Description: "한국어 설명: 빠른 충전."},
		16: {Name: "녹차 티백", SKU: "TEA-005", Category: "tea & coffee", Description: "제주에서 자란 잎."},
		17: {Name: "鉄フライパン", SKU: "KIT-009", Category: "kitchen", Description: "日本製"},
	}
}

func newShop(t testing.TB, docs []Doc) *Index {
	t.Helper()
	x := New(sourceOf(docs))
	require.NoError(t, x.Update(slotsUpTo(len(docs)), noPause))
	return x
}

// ranked returns the slots of hits, the best first, ties by slot.
func ranked(hits []Hit) []uint32 {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Slot, b.Slot))
	})
	slots := make([]uint32, len(hits))
	for i := range hits {
		slots[i] = hits[i].Slot
	}
	return slots
}

func find(t testing.TB, x *Index, text string) []uint32 {
	t.Helper()
	q, err := NewParser().Parse(text)
	require.NoError(t, err, text)
	hits, err := x.Search(q, nil)
	require.NoError(t, err, text)
	return ranked(hits)
}

func TestSearch_Relevance(t *testing.T) {
	t.Parallel()
	x := newShop(t, shop())
	for _, c := range []struct {
		text string
		want []uint32 // the first ones, in this order
		all  bool     // and no others
	}{
		// Words as they are, inflected, in any case and order.
		{"kettle", []uint32{14, 3, 1}, true}, // short name first, description last; no kettlebell
		{"KETTLES", []uint32{14, 3, 1}, true},
		{"iron pan", []uint32{0}, true},
		{"pan iron", []uint32{0}, true},
		{"knives", nil, false}, // irregular: the stem differs; it must not fail
		{"chefs knife", []uint32{2}, true},
		{"chef knife", []uint32{2}, true},
		{"Pour over", []uint32{3}, true},
		{"700ml", []uint32{10}, true},
		{"a mug for the tea", []uint32{13}, true}, // words that say nothing are left out

		// Name before SKU before category before description.
		{"earbuds", []uint32{6, 8}, true},
		{"kitchen", []uint32{17, 1, 2, 0}, true},
		{"tea", []uint32{4, 13, 16, 5, 3}, true},
		{"KIT-002", []uint32{1}, true},
		{"kit-009", []uint32{17}, true},
		{"aud 003", []uint32{8}, true},
		{"wool", []uint32{9}, true},
		{"iron", []uint32{0, 11}, true},

		// Typos: one in short words, two in long ones.
		{"ketle", []uint32{14, 3}, false},
		{"kettel", []uint32{14, 3}, false},
		{"eabruds", []uint32{6}, false},
		{"speeker", []uint32{7}, true},
		{"bookself speker", []uint32{7}, true},
		{"insulaetd tumblr", []uint32{5}, true},
		{"mgu", []uint32{13}, false},
		{"hedphone stnad", []uint32{8}, true},

		// The start of a word, while nothing has the word itself.
		{"tumb", []uint32{5}, true},
		{"headph", []uint32{8}, true},

		// Korean: words, parts of them, written together and apart, with typos.
		{"이어폰", []uint32{6}, true},
		{"무선이어폰", []uint32{6}, true},
		{"무선 이어폰", []uint32{6}, true},
		{"주전자", []uint32{3, 4}, true}, // the whole word before a part of one
		{"찻주전자", []uint32{4}, false},
		{"이어펀", []uint32{6}, true},
		{"이어퐁", []uint32{6}, true},
		{"탬블러", []uint32{5}, true},
		{"강아쥐", []uint32{12}, true},
		{"프라이펜", []uint32{0}, true},
		{"북쉘프 스피커", []uint32{7}, true},
		{"전기 밥솥", []uint32{1}, true},
		{"밥솥", []uint32{1}, true},
		{"프라이팬 무쇠", []uint32{0}, true},
		{"텀블", []uint32{5}, true},
		{"usb 케이블", []uint32{15}, true},
		{"충전", []uint32{15}, true},
		{"녹차", []uint32{16}, true},
		{"제주", []uint32{16}, true},
		{"フライパン", []uint32{17}, true},

		// Both languages at once.
		{"wireless 이어폰", []uint32{6}, true},

		// No product has all the words: most of them will do.
		{"wool blanket spaceship", []uint32{9}, true},
		{"zzzzzz", nil, true},
	} {
		got := find(t, x, c.text)
		require.GreaterOrEqual(t, len(got), len(c.want), "%q finds %v", c.text, names(got))
		require.Equal(t, names(c.want), names(got[:len(c.want)]), c.text)
		if c.all {
			require.Len(t, got, len(c.want), "%q finds %v", c.text, names(got))
		}
	}
}

func names(slots []uint32) []string {
	all := shop()
	out := []string{}
	for _, slot := range slots {
		out = append(out, all[slot].Name)
	}
	return out
}

func TestSuggest_CompletesWords(t *testing.T) {
	t.Parallel()
	x := newShop(t, shop())
	for _, c := range []struct {
		text string
		want []uint32
		all  bool
	}{
		{"k", []uint32{11}, false}, // the name begins with it
		{"ket", []uint32{11, 14, 3}, true},
		{"kettle", []uint32{14, 3, 11}, true}, // the word itself before longer ones
		{"wir", []uint32{6}, true},
		{"cast iron p", []uint32{0}, true},
		{"tea-00", nil, false},
		{"ㅁ", []uint32{13}, false},
		{"이", []uint32{6}, true},
		{"잉", []uint32{6}, true},  // on the way to 이어
		{"이엎", []uint32{6}, true}, // on the way to 이어폰
		{"이어포", []uint32{6}, true},
		{"무선 잉", []uint32{6}, true},
		{"프라이ㅍ", []uint32{0}, true},
		{"물", []uint32{10}, true},
		{"the", []uint32{12}, true}, // kept, though it says nothing: theatre may follow
		{"speeker", []uint32{7}, true},
	} {
		q, err := NewParser().ParseStart(c.text)
		require.NoError(t, err)
		hits, err := x.Suggest(q, nil)
		require.NoError(t, err)
		got := ranked(hits)
		require.GreaterOrEqual(t, len(got), len(c.want), "%q finds %v", c.text, names(got))
		require.Equal(t, names(c.want), names(got[:len(c.want)]), c.text)
		if c.all {
			require.Len(t, got, len(c.want), "%q finds %v", c.text, names(got))
		}
	}
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := NewParser()
	for text, want := range map[string]error{
		"":                       ErrNoWords,
		" -·! ":                  ErrNoWords,
		strings.Repeat("가", 100): nil,
		strings.Repeat("가", 101): ErrQueryTooLong,
		"a b c d e f g h":        nil,
		"one two three four five six seven eight nine": ErrTooManyWords,
		"one one one one one one one one one":          nil,
		"the":                                          nil,
		"\xff\xfe pan":                                 nil,
	} {
		_, err := p.Parse(text)
		require.ErrorIs(t, err, want, "%q", text)
	}
}

// TestUpdate_IsAsGoodAsANewIndex changes products at random and compares with an index made at once.
func TestUpdate_IsAsGoodAsANewIndex(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := shop()
		docs := make([]Doc, 16)
		x := New(sourceOf(docs))
		for range rapid.IntRange(1, 12).Draw(t, "updates") {
			var slots []uint32
			for _, slot := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(docs)-1), 1, 6, rapid.ID[int]).Draw(t, "slots") {
				docs[slot] = Doc{}
				if rapid.IntRange(0, 3).Draw(t, "gone") > 0 {
					docs[slot] = all[rapid.IntRange(0, len(all)-1).Draw(t, "becomes")]
				}
				slots = append(slots, uint32(slot))
			}
			require.NoError(t, x.Update(slots, noPause))
		}
		products, segments := x.Documents()
		require.LessOrEqual(t, segments, 8)
		fresh := New(sourceOf(docs))
		require.NoError(t, fresh.Update(slotsUpTo(len(docs)), noPause))
		want, _ := fresh.Documents()
		require.Equal(t, want, products)
		for _, text := range []string{"kettle", "ketle", "이어폰", "tea kettle", "kit", "iron spaceship"} {
			q, err := NewParser().Parse(text)
			require.NoError(t, err)
			a, err := x.Search(q, nil)
			require.NoError(t, err)
			b, err := fresh.Search(q, nil)
			require.NoError(t, err)
			require.Equal(t, ranked(b), ranked(a), text)
		}
	})
}

// A segment keeps the words of products that are gone: they are not what somebody may have meant.
func TestUpdate_ForgetsTheWordsOfWhatIsGone(t *testing.T) {
	t.Parallel()
	docs := shop()
	docs[0], docs[1] = Doc{Name: "Tumble"}, Doc{Name: "Tumblr"}
	x := newShop(t, docs)
	require.Equal(t, []uint32{0}, find(t, x, "tumble"))
	require.Equal(t, []uint32{1}, find(t, x, "tumblr"))
	docs[0], docs[1] = Doc{}, Doc{}
	require.NoError(t, x.Update([]uint32{0, 1}, noPause))
	require.Equal(t, []uint32{5}, find(t, x, "tumble"), "the start of tumbler")
	require.Equal(t, []uint32{5}, find(t, x, "tumblr"), "a typo of tumbler")
	require.Equal(t, []uint32{5}, find(t, x, "tumbl"), "the start of tumbler")
}

func TestUpdate_WordsOfWhatIsGoneTakeNobodysPlace(t *testing.T) {
	t.Parallel()
	const gone, all = 2 * expansionsMax, 1000
	docs := make([]Doc, all)
	for i := range docs {
		docs[i] = Doc{Name: fmt.Sprintf("gizmo%03d", i)}
	}
	x := newShop(t, docs)
	for slot := range uint32(gone) {
		docs[slot] = Doc{}
		require.NoError(t, x.Update([]uint32{slot}, noPause))
	}
	require.Len(t, find(t, x, "gizmo"), expansionsMax, "as many as one prefix stands for")
}

func TestSuggest_AStartOfTheSKUIsNoneOfTheName(t *testing.T) {
	t.Parallel()
	x := newShop(t, []Doc{{Name: "Abcess", SKU: "abcd1"}, {Name: "Cup", SKU: "abcd2"}})
	q, err := NewParser().ParseStart("abcd")
	require.NoError(t, err)
	hits, err := x.Suggest(q, nil)
	require.NoError(t, err)
	require.Len(t, hits, 2)
	require.Equal(t, hits[0].Score, hits[1].Score)
}

func TestUpdate_ThatIsEndedPublishesNothing(t *testing.T) {
	t.Parallel()
	docs := corpus(1000)
	x := newShop(t, docs[:10])
	before := x.Generation()
	ended := fmt.Errorf("ended")
	x.source = sourceOf(docs)
	require.ErrorIs(t, x.Update(slotsUpTo(1000), func() error { return ended }), ended)
	require.Equal(t, before, x.Generation())
	products, _ := x.Documents()
	require.Equal(t, 10, products)
	require.NoError(t, x.Update(slotsUpTo(1000), noPause))
	products, _ = x.Documents()
	require.Equal(t, 1000, products)
}

func TestSearch_WhileTheIndexChanges(t *testing.T) {
	t.Parallel()
	docs := shop()
	for len(docs) < 2000 {
		docs = append(docs, shop()...)
	}
	x := newShop(t, docs)
	done := make(chan error, 3)
	for worker := range 3 {
		go func() {
			p := NewParser()
			var hits []Hit
			for i := range 60 {
				text := []string{"kettle", "ketle", "이어폰", "wool blanket", "무선 이어펀"}[(i+worker)%5]
				q, err := p.Parse(text)
				if err == nil {
					hits, err = x.Search(q, hits[:0])
				}
				if err == nil && len(hits) < 100 {
					err = fmt.Errorf("%q finds only %d", text, len(hits))
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range uint32(60) {
		require.NoError(t, x.Update([]uint32{i * 7 % 2000, i*7%2000 + 1}, noPause))
	}
	for range 3 {
		require.NoError(t, <-done)
	}
}

// Words may be typed with the same keys and still be cut into other pairs: what the one finds, the other may not.
func TestQueryKey_TellsQueriesApart(t *testing.T) {
	t.Parallel()
	parser := NewParser()
	key := func(text string) string {
		q, err := parser.Parse(text)
		require.NoError(t, err)
		return string(q.Key(nil))
	}
	require.NotEqual(t, key("가가"), key("각ㅏ"))
	require.NotEqual(t, key("teapot"), key("tea pot"))
	require.NotEqual(t, key("tea pot"), key("pot tea"))
	require.Equal(t, key("The Kettle"), key("kettle"), "answered alike")
}
