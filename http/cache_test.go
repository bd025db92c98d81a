package http

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// shelfOf is an engine whose one product a test changes.
type shelfOf struct {
	*fakeEngine
	mu  sync.Mutex
	row persistence.ProductRow
}

func (e *shelfOf) KnownProduct(id commerce.ID) (persistence.ProductRow, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.row, id == e.row.Product.ID
}

func (e *shelfOf) page(actors.ProductQuery) (actors.ProductPage, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return actors.ProductPage{Rows: []persistence.ProductRow{e.row}, Total: 1}, nil
}

func (e *shelfOf) sell() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.row.Stock.Allocated++
	e.row.Stock.Version++
}

func setupShelfOf(t *testing.T, change func(*Config)) (*testBundle, *shelfOf) {
	t.Helper()
	shelf := &shelfOf{row: sampleRow()}
	b := setup(t, func(cfg *Config) {
		shelf.fakeEngine, _ = cfg.Engine.(*fakeEngine)
		shelf.products = shelf.page
		shelf.searchProducts = func(actors.ProductSearch) (actors.ProductPage, error) { return shelf.page(actors.ProductQuery{}) }
		cfg.Engine = shelf
		if change != nil {
			change(cfg)
		}
	})
	return b, shelf
}

// Whatever is cached: a read shows the stock as the engine has it, and a caller that has it already is told so.
func TestPublicReads_AreNeverOutOfDate(t *testing.T) {
	t.Parallel()
	b, shelf := setupShelfOf(t, nil)
	for _, path := range []string{productPath(2, ""), pathProducts, pathProducts + "/search?q=kettle"} {
		seen := make(map[string]bool)
		for range 3 {
			first := b.do(t, call{"GET", path, "", nil})
			require.Equal(t, 200, first.status, first.body)
			require.Contains(t, first.body, fmt.Sprintf(`"allocated":%d,`, shelf.row.Stock.Allocated))
			again := b.do(t, call{"GET", path, "", nil})
			require.Equal(t, first.body, again.body)
			tag := first.field("ETag")
			require.False(t, seen[tag], "another stock has another tag")
			seen[tag] = true
			unchanged := b.do(t, call{"GET", path, "", []string{headerIfNoneMatch, `"other", W/` + tag}})
			require.Equal(t, 304, unchanged.status)
			require.Empty(t, unchanged.body)
			require.Equal(t, tag, unchanged.field("ETag"))
			for _, name := range []string{"Cache-Control", "CDN-Cache-Control", "Surrogate-Key", "Vary"} {
				require.NotEmpty(t, first.field(name))
				require.Equal(t, first.field(name), unchanged.field(name), "a 304 says what the 200 would")
			}
			require.Equal(t, 200, b.do(t, call{"GET", path, "", []string{headerIfNoneMatch, `"1-1"`}}).status)
			head := b.do(t, call{"HEAD", path, "", nil})
			require.Equal(t, tag, head.field("ETag"))
			require.Empty(t, head.body)
			shelf.sell()
		}
	}
	metrics := b.do(t, call{"GET", "/metrics", "", nil}).body
	for _, line := range []string{
		`penstock_http_product_cache_requests_total{result="miss"} 9`, // once for each change
		`penstock_http_product_cache_requests_total{result="hit"} 27`,
		"\npenstock_http_product_cache_bytes 4", // some hundred
	} {
		require.Contains(t, metrics, line)
	}
}

func TestPublicReads_SayHowTheyMayBeKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age, stale time.Duration
		want       string
	}{
		"by default":         {0, 0, "max-age=1, stale-while-revalidate=10"},
		"longer":             {time.Minute, time.Hour, "max-age=60, stale-while-revalidate=3600"},
		"never stale":        {5 * time.Second, -1, "max-age=5"},
		"not by a CDN alone": {-1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := setupShelfOf(t, func(cfg *Config) { cfg.SharedMaxAge, cfg.SharedStale = c.age, c.stale })
			a := b.do(t, call{"GET", productPath(2, ""), "", nil})
			require.Equal(t, c.want, a.field("CDN-Cache-Control"))
			require.Equal(t, "public, no-cache", a.field("Cache-Control"))
			require.Equal(t, "product-"+sampleID(2).String(), a.field("Surrogate-Key"))
			require.Equal(t, "product-lists", b.do(t, call{"GET", pathProducts, "", nil}).field("Surrogate-Key"))
			require.Equal(t, "product-lists", b.do(t, call{"GET", pathProducts + "/suggest?q=k", "", nil}).field("Surrogate-Key"))
			missing := b.do(t, call{"GET", productPath(9, ""), "", nil})
			require.Equal(t, 404, missing.status)
			require.Equal(t, "no-store", missing.field("Cache-Control"))
			require.Empty(t, missing.field("CDN-Cache-Control")+missing.field("Surrogate-Key"), "a refusal is not kept")
		})
	}
}

func TestRenderedProducts_StayWithinTheirBytes(t *testing.T) {
	t.Parallel()
	var c renderedProducts
	const limit = 1 << 16
	c.init(limit)
	row := sampleRow()
	for n := range 5000 {
		product := *row.Product
		product.ID[8], product.ID[9], product.ID[10] = byte(n), byte(n>>8), byte(n*7)
		product.Version = uint64(n)
		one := persistence.ProductRow{Product: &product, Stock: row.Stock}
		require.Equal(t, string(wire.AppendProduct(nil, &product, row.Stock)), string(c.render(&one)))
		require.LessOrEqual(t, c.bytes.Load(), int64(limit))
	}
	var kept int64
	for i := range c.places {
		kept += c.places[i].Load().size()
	}
	require.Equal(t, kept, c.bytes.Load(), "what is counted is what is there")
	require.Positive(t, kept)
}

// Two products that share their places, and many goroutines: everybody gets the bytes of the row they have.
func TestRenderedProducts_AreSharedByManyReaders(t *testing.T) {
	t.Parallel()
	var c renderedProducts
	c.init(1 << 16)
	var readers sync.WaitGroup
	for worker := range 4 {
		readers.Go(func() {
			for n := range 2000 {
				row := sampleRow()
				row.Product.ID[0] = byte((n + worker) % 5)
				row.Stock.Version = uint64(n % 3)
				if got := c.render(&row); string(got) != string(wire.AppendProduct(nil, row.Product, row.Stock)) {
					t.Errorf("other bytes: %s", got)
					return
				}
			}
		})
	}
	readers.Wait()
}

func TestDispatch_KnowsReadsOfAProductByTheirPath(t *testing.T) {
	t.Parallel()
	b, _ := setupShelfOf(t, nil)
	id := sampleID(2).String()
	for path, want := range map[string]int{
		pathProducts + "/" + id:                                       200,
		pathProducts + "/" + id + "?":                                 200,
		pathProducts + "/" + id + "?page=1":                           400,
		pathProducts + "/" + id + "/":                                 404,
		pathProducts + "/" + "x" + id[1:]:                             400,
		pathProducts + "/" + "019F5FDA-C2FB-7000-8000-000000000002":   200,
		pathProducts + "/" + "019f5fda-c2fb-7000-8000-00000000000%32": 400,
	} {
		a := b.do(t, call{"GET", path, "", nil})
		require.Equal(t, want, a.status, "%s: %s", path, a.body)
	}
	metrics := b.do(t, call{"GET", "/metrics", "", nil}).body
	require.Contains(t, metrics, `penstock_http_requests_total{method="GET",route="/api/v2/products/{id}",status="2xx"} 3`)
	require.Contains(t, metrics, `penstock_http_requests_total{method="GET",route="/api/v2/products/{id}",status="4xx"} 3`)
}
