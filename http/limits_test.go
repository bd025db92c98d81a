package http

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/http/wire"
)

// Each limit is met by a request one below it, and one above it.
func TestLimits_OneBelowAndOneAbove(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	padded := func(n int) string { // a request whose header block is n bytes long
		const rest = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: \r\n\r\n"
		return strings.Replace(rest, "X-Long: ", "X-Long: "+strings.Repeat("x", n-len(rest)), 1)
	}
	target := func(n int) string {
		return "GET /livez?" + strings.Repeat("x", n-len("/livez?")) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	}
	body := func(n int) string {
		text := `{"note":"` + strings.Repeat("x", n-len(`{"note":""}`)) + `"}`
		return "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
			itoa(int64(n)) + "\r\n\r\n" + text
	}
	for name, c := range map[string]struct {
		below, above, allowed, refused, code string
	}{
		"header block": {padded(16 << 10), padded(16<<10 + 1), "200", "431", "header_fields_too_large"},
		"target":       {target(8 << 10), target(8<<10 + 1), "200", "414", "uri_too_long"},
		"body":         {body(128 << 10), body(128<<10 + 1), "400", "413", "payload_too_large"},
	} {
		for request, status := range map[string]string{c.below: c.allowed, c.above: c.refused} {
			back := exchange(t, name, b, func(conn net.Conn) { _, _ = io.WriteString(conn, request) })
			require.True(t, strings.HasPrefix(back, "HTTP/1.1 "+status+" "), "%s: %.100q", name, back)
			require.Equal(t, status == c.refused, strings.Contains(back, `"code":"`+c.code+`"`), "%s: %.400q", name, back)
		}
	}
}

// Unknown members are read as deep as any, and refused as unknown; what is deeper is refused for that.
func TestLimits_DepthOfABody(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	nested := func(depth int) string { // the outermost object counted
		return strings.Replace(orderBody, `"note"`, `"x":`+strings.Repeat("[", depth-1)+strings.Repeat("]", depth-1)+`,"note"`, 1)
	}
	below, above := b.do(t, call{"POST", pathOrders, nested(wire.DepthMax), nil}), b.do(t, call{"POST", pathOrders, nested(wire.DepthMax + 1), nil})
	require.Equal(t, 400, below.status)
	require.NotContains(t, below.body, "must not nest")
	require.Equal(t, 400, above.status)
	require.Contains(t, above.body, "must not nest")
}

func TestServer_TakesTheMethodAtItsWord(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	for _, field := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		a := b.do(t, call{"GET", productPath(2, ""), "", []string{field, "DELETE"}})
		require.Equal(t, 200, a.status, field)
		a = b.do(t, call{"GET", productPath(2, "") + "?_method=DELETE", "", nil})
		require.Equal(t, 400, a.status)
	}
	require.Empty(t, b.engine.seen())
	for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "FOO", "get", "Post", "PUT"} {
		back := b.raw(t, method+" "+productPath(2, "")+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		require.Contains(t, back, "HTTP/1.1 405 ", method)
		require.Contains(t, back, "\r\nAllow: ", method)
		require.NotContains(t, back, "TRACE "+productPath(2, ""), "nothing of the request comes back")
	}
	require.Empty(t, b.engine.seen())
}
