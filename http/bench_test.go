package http

import (
	"bufio"
	"io"
	"log/slog"
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
	request := []byte("POST /api/v2/orders HTTP/1.1\r\nHost: penstock\r\nContent-Type: application/json\r\nX-User-ID: kim\r\n" +
		"Idempotency-Key: 14b01335f19b97fce1437168032ae388\r\nContent-Length: " + itoa(int64(len(orderBody))) + "\r\n\r\n" + orderBody)
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
			var ctx fasthttp.RequestCtx
			ctx.Init(&fasthttp.Request{}, nil, nil)
			ctx.Request.Header.SetMethod("POST")
			ctx.Request.SetRequestURI(pathOrders)
			ctx.Request.Header.SetContentType(contentTypeJSON)
			ctx.Request.Header.Set(headerCaller, "kim")
			ctx.Request.Header.Set(headerIdempotencyKey, "14b01335f19b97fce1437168032ae388")
			ctx.Request.SetBodyString(orderBody)
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				bundle.server.fast[doorPublic].Handler(&ctx)
			}
			require.Equal(b, 201, ctx.Response.StatusCode())
		})
	}
}
