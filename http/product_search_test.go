package http

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

func TestSearchProducts_AsksTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.do(t, call{"GET", pathProducts + "/search?q=%EC%9D%B4%EC%96%B4%ED%8F%B0&page=3&per_page=7&category=audio&min_price=1&in_stock=false", "", nil})
	require.Equal(t, 200, a.status, a.body)
	low, in := int64(1), false
	require.Equal(t, []any{actors.ProductSearch{
		ProductFilter: actors.ProductFilter{Category: "audio", PriceMin: &low, InStock: &in},
		Text:          "이어폰", Offset: 14, Limit: 7,
	}}, b.engine.seen())
	require.Contains(t, a.field("Link"), `</api/v2/products/search?q=%EC%9D%B4%EC%96%B4%ED%8F%B0&page=1&`)
	require.Equal(t, "1", a.field("X-Total-Count"))

	b.engine.searchProducts = func(actors.ProductSearch) (actors.ProductPage, error) {
		return actors.ProductPage{Total: 1_000_000}, nil
	}
	a = b.do(t, call{"GET", pathProducts + "/search?q=a&per_page=10", "", nil})
	require.Contains(t, a.field("Link"), `page=`+strconv.Itoa(searchPageMax)+`>; rel="last"`, "no link to a page that is refused")
}

func TestSearchProducts_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	long := strings.Repeat("x", actors.SearchTextMax+1)
	for query, want := range map[string]string{
		"":                             `"parameter":"q","detail":"is required"`,
		"?q=":                          `"parameter":"q","detail":"must not be empty"`,
		"?q=" + long:                   `"parameter":"q","detail":"must be at most 100 characters long, but has 101"`,
		"?q=a&q=b":                     `"parameter":"q","detail":"must be given once"`,
		"?q=%ff":                       `"parameter":"q","detail":"must be valid UTF-8"`,
		"?q=a&page=0":                  `"parameter":"page"`,
		"?q=a&page=1001":               `"parameter":"page","detail":"must be an integer from 1 to 1000"`,
		"?q=a&per_page=101":            `"parameter":"per_page"`,
		"?q=a&sort=name":               `has no parameter named`,
		"?q=a&min_price=2&max_price=1": `"parameter":"max_price"`,
	} {
		a := b.do(t, call{"GET", pathProducts + "/search" + query, "", nil})
		require.Equal(t, 400, a.status, query)
		require.Contains(t, a.body, want, query)
	}
	require.Empty(t, b.engine.seen())

	b.engine.searchProducts = func(actors.ProductSearch) (actors.ProductPage, error) {
		return actors.ProductPage{}, &commerce.Error{
			Code: commerce.CodeValidation, Detail: "the request is not valid",
			Violations: []commerce.Violation{{Pointer: "q", Detail: "must have a letter or a digit"}},
		}
	}
	a := b.do(t, call{"GET", pathProducts + "/search?q=-", "", nil})
	require.Contains(t, a.body, `"parameter":"q","detail":"must have a letter or a digit"`)
	building := &commerce.Error{Code: commerce.CodeOverloaded, Detail: "the search index is still being built", RetryAfter: time.Second}
	b.engine.suggestProducts = func(string, int) ([]actors.Suggestion, error) { return nil, building }
	a = b.do(t, call{"GET", pathProducts + "/suggest?q=k", "", nil})
	require.Equal(t, 503, a.status)
	require.Equal(t, "1", a.field("Retry-After"))
}

func TestSuggestProducts_AnswersNames(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.suggestProducts = func(text string, limit int) ([]actors.Suggestion, error) {
		require.Equal(t, "ket", text)
		require.Equal(t, suggestionsMax, limit)
		return []actors.Suggestion{{Text: `Kettle "two"`, Product: sampleID(2)}}, nil
	}
	a := b.do(t, call{"GET", pathProducts + "/suggest?q=ket", "", nil})
	require.Equal(t, 200, a.status)
	require.JSONEq(t, `{"suggestions":[{"text":"Kettle \"two\"","product_id":"`+sampleID(2).String()+`"}]}`, a.body)
	require.Equal(t, 304, b.do(t, call{"GET", pathProducts + "/suggest?q=ket", "", []string{headerIfNoneMatch, a.field("ETag")}}).status)
	b.engine.suggestProducts = func(string, int) ([]actors.Suggestion, error) { return nil, nil }
	require.JSONEq(t, `{"suggestions":[]}`, b.do(t, call{"GET", pathProducts + "/suggest?q=zzz", "", nil}).body)
}
