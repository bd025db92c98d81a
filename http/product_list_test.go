package http

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
)

func TestListProducts_LinksItsPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	links := func(page string, total int) string {
		b.engine.products = func(actors.ProductQuery) (actors.ProductPage, error) { return actors.ProductPage{Total: total}, nil }
		a := b.do(t, call{"GET", pathProducts + "?category=a%26b&per_page=10" + page, "", nil})
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, itoa(int64(total)), a.field("X-Total-Count"))
		return a.field("Link")
	}
	link := func(page, rel string) string {
		return "</api/v2/products?category=a%26b&per_page=10&page=" + page + `>; rel="` + rel + `"`
	}
	require.Equal(t, link("1", "first")+", "+link("1", "last"), links("", 0))
	require.Equal(t, link("1", "first")+", "+link("2", "next")+", "+link("3", "last"), links("", 21))
	require.Equal(t, link("1", "first")+", "+link("1", "prev")+", "+link("3", "next")+", "+link("3", "last"), links("&page=2", 30))
	require.Equal(t, link("1", "first")+", "+link("2", "prev")+", "+link("3", "last"), links("&page=3", 25))
	require.Equal(t, link("1", "first")+", "+link("3", "prev")+", "+link("3", "last"), links("&page=99", 25))
	calls := b.engine.seen()
	require.Equal(t, 980, calls[len(calls)-1].(actors.ProductQuery).Offset)
}
