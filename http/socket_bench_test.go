//go:build unix

package http

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// instantShop answers orders and reads at once.
type instantShop struct {
	instantEngine
	row persistence.ProductRow
}

func (e *instantShop) KnownProduct(commerce.ID) (persistence.ProductRow, bool) { return e.row, true }

// BenchmarkSockets exchanges requests over sockets on this machine and says what an exchange costs in CPU, that
// of the client counted: "cpu-ns/op". An "echo" answers the same bytes, as the peer of bench does. What the
// two of a kind differ in is what the server adds; they are to be run alternately.
func BenchmarkSockets(b *testing.B) {
	writer := NewLogWriter(io.Discard)
	b.Cleanup(func() { _ = writer.Close() })
	bundle := setupTCP(b, func(cfg *Config) {
		cfg.AccessLog, cfg.PoisonBuffers = AccessLogErrors, false
		cfg.Logger = NewLogger(writer, slog.LevelWarn)
	})
	bundle.server.cfg.Engine = &instantShop{
		instantEngine{bundle.engine, actors.OrderReceipt{Order: sampleOrder()}}, sampleRow(),
	}
	for _, kind := range []struct{ name, request string }{
		{"product", benchRead()},
		{"order", benchOrder(headerCaller, "kim")},
	} {
		b.Run(kind.name, func(b *testing.B) { exchangeOverSockets(b, bundle.dial, kind.request) })
		echo := startEcho(b, bundle.dial, kind.request)
		b.Run(kind.name+" echo", func(b *testing.B) { exchangeOverSockets(b, echo, kind.request) })
	}
}

// startEcho starts a server that answers what the other one answers.
func startEcho(b *testing.B, dial func() (net.Conn, error), request string) func() (net.Conn, error) {
	b.Helper()
	conn, err := dial()
	require.NoError(b, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte(request))
	require.NoError(b, err)
	var answer fasthttp.Response
	require.NoError(b, answer.Read(bufio.NewReader(conn)))
	type field struct{ name, value string }
	var fields []field
	for name, value := range answer.Header.All() {
		if n := string(name); n != "Date" && n != "Content-Length" && n != "Content-Type" {
			fields = append(fields, field{n, string(value)})
		}
	}
	status, kind, body := answer.StatusCode(), string(answer.Header.ContentType()), answer.Body()
	server := &fasthttp.Server{
		NoDefaultServerHeader: true, ReadTimeout: time.Minute,
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetStatusCode(status)
			ctx.SetContentType(kind)
			for i := range fields {
				ctx.Response.Header.Set(fields[i].name, fields[i].value)
			}
			ctx.Response.SetBodyRaw(body)
		},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	go func() { _ = server.Serve(ln) }()
	b.Cleanup(func() { require.NoError(b, server.Shutdown()) })
	return func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
}

// socketsOpen is how many connections ask at once.
const socketsOpen = 16

func exchangeOverSockets(b *testing.B, dial func() (net.Conn, error), request string) {
	b.Helper()
	conns := make([]net.Conn, socketsOpen)
	for i := range conns {
		var err error
		conns[i], err = dial()
		require.NoError(b, err)
		defer func() { _ = conns[i].Close() }()
	}
	message := []byte(request)
	length := exchangeOnce(b, conns[0], message)
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	var all sync.WaitGroup
	for i, conn := range conns {
		all.Go(func() {
			answer := make([]byte, length)
			for range (b.N + i) / len(conns) {
				if _, err := conn.Write(message); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(conn, answer); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// exchangeOnce returns how long the answer is. All are equally long.
func exchangeOnce(b *testing.B, conn net.Conn, message []byte) int {
	b.Helper()
	_, err := conn.Write(message)
	require.NoError(b, err)
	answer := make([]byte, 16<<10)
	n, err := conn.Read(answer)
	require.NoError(b, err)
	return n
}

// processorTime is what this process has taken of the processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
