package http

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestHeadField_KnowsNamesInAnyCase(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]int{
		"Idempotency-Key": fieldIdempotencyKey, "X-User-ID": fieldCaller, "Content-Type": fieldContentType, "If-Match": fieldIfMatch,
		"Authorization": fieldAuthorization, "Origin": fieldOrigin, "Content-Length": fieldContentLength,
		"Transfer-Encoding": fieldTransferEncoding, "Upgrade": fieldUpgrade, "X-Forwarded-For": fieldForwardedFor,
		"X-Forwarded-Host": fieldForwarded, "X-Forwarded-Proto": fieldForwarded, "Forwarded": fieldForwarded, "Via": fieldForwarded,
		"X-Real-IP": fieldForwarded, "Accept": -1, "X-Forwarded-Fox": -1, "Transfer_Encoding": -1, "X": -1, "Host": -1,
	} {
		for _, spelt := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			require.Equal(t, field, headField([]byte(spelt)), spelt)
		}
	}
}

// FuzzReadHead: whatever fasthttp takes for a request is read to its end, or refused.
func FuzzReadHead(f *testing.F) {
	for _, c := range smugglingCases() {
		f.Add([]byte(c.request))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		var ctx fasthttp.RequestCtx
		if ctx.Request.Header.Read(bufio.NewReaderSize(strings.NewReader(string(sent)), 16<<10)) != nil {
			return
		}
		r := &request{ctx: &ctx}
		if r.readHead(8<<10) != nil {
			return
		}
		block := string(ctx.Request.Header.RawHeaders())
		require.Equal(t, strings.Count(block, "\n"), strings.Count(block, "\r\n"))
		require.NotContains(t, block, "\n ")
		require.NotContains(t, block, "\n\t")
		require.Zero(t, r.head.sent[fieldTransferEncoding]*r.head.sent[fieldContentLength])
	})
}

// What the walk over the header block and the security headers cost stands on the way of every request.
func BenchmarkHead(b *testing.B) {
	const sent = "POST /api/v2/orders HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: shop/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n" +
		"Content-Type: application/json\r\nContent-Length: 2\r\nIdempotency-Key: 0123456789abcdef\r\nX-User-ID: kim\r\nX-Correlation-ID: abc\r\n\r\n"
	var ctx fasthttp.RequestCtx
	require.NoError(b, ctx.Request.Header.Read(bufio.NewReader(strings.NewReader(sent))))
	r := &request{ctx: &ctx, believed: true}
	s := new(Server)
	security := newSecurityFields(false)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if r.readHead(8<<10) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("believe", func(b *testing.B) {
		for b.Loop() {
			if s.checkBelieved(r) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("security", func(b *testing.B) {
		for b.Loop() {
			ctx.Response.Header.Reset()
			security.set(&ctx.Response.Header)
		}
	})
	b.Run("nosniff alone", func(b *testing.B) {
		for b.Loop() {
			ctx.Response.Header.Reset()
			ctx.Response.Header.SetCanonical(security.options, security.noSniff)
		}
	})
}
