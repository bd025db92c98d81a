package bench_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

// page is an answer to a product list: n products from number from on, of which every tenth is nearly sold out.
func page(from, n int) string {
	var products []string
	for i := from; i < from+n; i++ {
		available := 5_000_000
		if i%10 == 0 {
			available = 3
		}
		products = append(products, fmt.Sprintf(`{"id":"p%d","name":"Copper Teapot %d","category":"c%d","stock":{"available":%d}}`, i, i, i%3, available))
	}
	body := `{"products":[` + strings.Join(products, ",") + `]}`
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestReadCatalogStopsWhenItHasEnough(t *testing.T) {
	t.Parallel()
	address, requests := serveAnswers(t, page(0, 100), page(100, 100), page(200, 100))
	catalog, err := bench.ReadCatalog(t.Context(), address, 120)
	require.NoError(t, err)
	require.Equal(t, "/api/v2/products?sort=oldest&per_page=100&page=1", (<-requests).URL.String())
	require.Equal(t, "/api/v2/products?sort=oldest&per_page=100&page=2", (<-requests).URL.String())
	require.Len(t, catalog.Products, 120)
	require.Equal(t, "p1", catalog.Products[0], "p0 has too few units")
	require.Equal(t, "p134", catalog.Hot)
	require.NotContains(t, catalog.Products, catalog.Hot)
	require.ElementsMatch(t, []string{"c0", "c1", "c2"}, catalog.Categories)
	require.Contains(t, catalog.Words, "Teapot")
}

func TestReadCatalogMayFindTooFew(t *testing.T) {
	t.Parallel()
	address, _ := serveAnswers(t, page(0, 50))
	catalog, err := bench.ReadCatalog(t.Context(), address, 120)
	require.NoError(t, err)
	require.Len(t, catalog.Products, 45)
	require.Empty(t, catalog.Hot)
}

func TestReadCatalogSaysWhatItWasAnswered(t *testing.T) {
	t.Parallel()
	address, _ := serveAnswers(t, "HTTP/1.1 503 Away\r\nContent-Length: 4\r\n\r\naway")
	_, err := bench.ReadCatalog(t.Context(), address, 120)
	require.ErrorContains(t, err, "503 away")
}
