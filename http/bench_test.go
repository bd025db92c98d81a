package http

import (
	"bufio"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

// BenchmarkPlaceOrder is a whole POST /orders over a connection within the process, with an engine
// that answers at once. "echo" is the same exchange of bytes with a handler that does nothing.
func BenchmarkPlaceOrder(b *testing.B) {
	for _, c := range []struct {
		name string
		log  AccessLog
	}{{"logged", AccessLogAll}, {"errors logged", AccessLogErrors}, {"not logged", AccessLogOff}} {
		b.Run(c.name, func(b *testing.B) {
			writer := NewLogWriter(io.Discard)
			defer func() { _ = writer.Close() }()
			bundle := setup(b, func(cfg *Config) {
				cfg.AccessLog, cfg.PoisonBuffers = c.log, false
				cfg.Logger = NewLogger(writer, slog.LevelInfo)
			})
			receipt := actors.OrderReceipt{Order: sampleOrder()}
			engine := &instantEngine{fakeEngine: bundle.engine, receipt: receipt}
			bundle.server.cfg.Engine = engine
			exchangeOrders(b, bundle)
		})
	}
	b.Run("echo", func(b *testing.B) {
		bundle := setup(b, nil)
		answer := bundle.do(b, call{"POST", pathOrders, orderBody, nil})
		bundle.server.fast[doorPublic].Handler = func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType(contentTypeJSON)
			ctx.SetBodyString(answer.body)
		}
		exchangeOrders(b, bundle)
	})
}

// instantEngine takes no notes.
type instantEngine struct {
	*fakeEngine
	receipt actors.OrderReceipt
}

func (e *instantEngine) PlaceOrder(*commerce.PlaceOrder) (actors.OrderReceipt, error) {
	return e.receipt, nil
}

func exchangeOrders(b *testing.B, bundle *testBundle) {
	b.Helper()
	conn, err := bundle.dial()
	require.NoError(b, err)
	defer func() { _ = conn.Close() }()
	request := []byte(benchOrder(headerCaller, "kim"))
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

// benchOrder is a request that places an order, with one more field.
func benchOrder(name, value string) string {
	return "POST " + pathOrders + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n" + name + ": " + value + "\r\n" +
		"Idempotency-Key: 14b01335f19b97fce1437168032ae388\r\nContent-Length: " + itoa(int64(len(orderBody))) + "\r\n\r\n" + orderBody
}

// benchRead is a request that reads a product.
func benchRead() string {
	return "GET " + productPath(2, "") + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-User-ID: kim\r\n\r\n"
}

// readRequest returns a request for a handler, as it is when it has been read from a connection.
func readRequest(b *testing.B, text string) *fasthttp.RequestCtx {
	b.Helper()
	var request fasthttp.Request
	require.NoError(b, request.Read(bufio.NewReader(strings.NewReader(text))))
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&request, nil, nil)
	return ctx
}

// BenchmarkHandler is the handler alone: what the server adds to fasthttp's own work.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name string
		log  AccessLog
	}{{"logged", AccessLogAll}, {"not logged", AccessLogOff}} {
		b.Run(c.name, func(b *testing.B) {
			writer := NewLogWriter(io.Discard)
			defer func() { _ = writer.Close() }()
			bundle := setup(b, func(cfg *Config) {
				cfg.AccessLog, cfg.PoisonBuffers = c.log, false
				cfg.Logger = NewLogger(writer, slog.LevelInfo)
			})
			bundle.server.cfg.Engine = &instantEngine{
				fakeEngine: bundle.engine, receipt: actors.OrderReceipt{Order: sampleOrder()},
			}
			ctx := readRequest(b, benchOrder(headerCaller, "kim"))
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				bundle.server.fast[doorPublic].Handler(ctx)
			}
			require.Equal(b, 201, ctx.Response.StatusCode())
		})
	}
}
