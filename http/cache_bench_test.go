package http

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// shelfEngine has one product in memory.
type shelfEngine struct {
	*fakeEngine
	row persistence.ProductRow
}

func (e *shelfEngine) KnownProduct(commerce.ID) (persistence.ProductRow, bool) { return e.row, true }

func setupShelf(b *testing.B, log AccessLog) *testBundle {
	b.Helper()
	writer := NewLogWriter(io.Discard)
	b.Cleanup(func() { _ = writer.Close() })
	bundle := setupTCP(b, func(cfg *Config) {
		cfg.AccessLog, cfg.PoisonBuffers = log, false
		cfg.Logger = NewLogger(writer, slog.LevelInfo)
	})
	bundle.server.cfg.Engine = &shelfEngine{fakeEngine: bundle.engine, row: sampleRow()}
	return bundle
}

// BenchmarkReadProduct is a whole GET of a product over TCP. "echo" is the same exchange of bytes
// with a handler that does nothing; the difference is what the server adds.
func BenchmarkReadProduct(b *testing.B) {
	for _, log := range []AccessLog{AccessLogAll, AccessLogErrors} {
		b.Run("log "+string(log), func(b *testing.B) {
			bundle := setupShelf(b, log)
			exchangeReads(b, bundle.dial)
		})
	}
	b.Run("echo", func(b *testing.B) {
		bundle := setupShelf(b, AccessLogOff)
		a := bundle.do(b, call{"GET", productPath(2, ""), "", nil})
		type field struct{ name, value string }
		var fields []field
		for name, value := range a.header.All() {
			if n := string(name); n != "Date" && n != "Content-Length" && n != "Content-Type" {
				fields = append(fields, field{n, string(value)})
			}
		}
		body := []byte(a.body)
		bundle.server.fast[doorPublic].Handler = func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType(contentTypeJSON)
			for i := range fields {
				ctx.Response.Header.Set(fields[i].name, fields[i].value)
			}
			ctx.Response.SetBodyRaw(body)
		}
		exchangeReads(b, bundle.dial)
	})
}

func exchangeReads(b *testing.B, dial func() (net.Conn, error)) {
	b.Helper()
	conn, err := dial()
	require.NoError(b, err)
	defer func() { _ = conn.Close() }()
	request := []byte(benchRead())
	reader := bufio.NewReader(conn)
	var response fasthttp.Response
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		if err := response.Read(reader); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadProductHandler is the handler alone.
func BenchmarkReadProductHandler(b *testing.B) {
	for _, log := range []AccessLog{AccessLogAll, AccessLogErrors} {
		b.Run("log "+string(log), func(b *testing.B) {
			bundle := setupShelf(b, log)
			ctx := readRequest(b, benchRead())
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				bundle.server.fast[doorPublic].Handler(ctx)
			}
		})
	}
}

// BenchmarkListProductsHandler is the handler of a page of 20 products alone.
func BenchmarkListProductsHandler(b *testing.B) {
	bundle := setupShelf(b, AccessLogAll)
	rows := make([]persistence.ProductRow, 20)
	for i := range rows {
		rows[i] = sampleRow()
		rows[i].Product.ID[0] = byte(i)
		rows[i].Product.Description = "Holds its heat and lasts a lifetime. For one who drinks a lot of tea in the morning."
	}
	bundle.server.cfg.Engine = &pageEngine{bundle.engine, actors.ProductPage{Rows: rows, Total: 100_000}}
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.Header.SetMethod("GET")
	b.ReportAllocs()
	for b.Loop() {
		ctx.Request.SetRequestURI(pathProducts + "?page=3&category=kitchen")
		ctx.Response.Reset()
		bundle.server.fast[doorPublic].Handler(&ctx)
	}
}

// pageEngine has one page.
type pageEngine struct {
	*fakeEngine
	page actors.ProductPage
}

func (e *pageEngine) Products(context.Context, actors.ProductQuery) (actors.ProductPage, error) {
	return e.page, nil
}

// BenchmarkRenderedProduct compares the ways to come by the bytes of a product: made each time, kept in
// bigcache, kept beside the product.
func BenchmarkRenderedProduct(b *testing.B) {
	row := sampleRow()
	row.Product.Description = "Holds its heat and lasts a lifetime. For one who drinks a lot of tea in the morning."
	var buf []byte
	b.Run("rendered each time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = wire.AppendProduct(buf[:0], row.Product, row.Stock)
		}
	})
	b.Run("bigcache", func(b *testing.B) {
		cache, err := bigcache.New(b.Context(), bigcache.Config{Shards: 16, LifeWindow: time.Hour, MaxEntriesInWindow: 1024, MaxEntrySize: 1024})
		require.NoError(b, err)
		key := string(row.Product.ID[:])
		require.NoError(b, cache.Set(key, wire.AppendProduct(nil, row.Product, row.Stock)))
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = cache.Get(key)
		}
	})
	b.Run("table", func(b *testing.B) {
		var products renderedProducts
		products.init(32 << 20)
		b.ReportAllocs()
		for b.Loop() {
			buf = products.render(&row)
		}
	})
}
