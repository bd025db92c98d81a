package http

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What each kind of answer carries besides its body stands in testdata/headers.txt.
func TestServer_AnswersCarrySecurityHeaders(t *testing.T) {
	t.Parallel()
	plain := setupTCP(t, func(c *Config) { c.AllowedOrigins = shopOrigin })
	encrypted, _ := setupTLS(t, nil)
	var out strings.Builder
	show := func(b *testBundle, what, request string) {
		c := b.open(t, request)
		status, fields := c.header()
		require.NoError(t, c.conn.Close())
		require.Equal(t, "nosniff", fields["x-content-type-options"], what)
		require.Equal(t, "no-referrer", fields["referrer-policy"], what)
		require.NotContains(t, fields, "server", what)
		fmt.Fprintf(&out, "# %s\n%s\n", what, status)
		for _, name := range []string{
			"x-content-type-options", "referrer-policy", "cross-origin-resource-policy", "cross-origin-opener-policy",
			"content-security-policy", "strict-transport-security", "cache-control", "vary", "access-control-allow-origin",
			"access-control-allow-credentials", "connection", "allow",
		} {
			if value, ok := fields[name]; ok {
				fmt.Fprintf(&out, "%s: %s\n", name, value)
			}
		}
		out.WriteString("\n")
	}
	ask := func(method, path string, more ...string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: penstock.test\r\n" + strings.Join(more, "") + "\r\n"
	}
	origin := "Origin: " + shopOrigin + "\r\n"
	for _, c := range []struct{ what, request string }{
		{"an order", ask("GET", orderPath(1, ""))},
		{"an order that is placed", strings.Replace(orderRequest(), "Host: x", "Host: penstock.test", 1)},
		{"a product", ask("GET", productPath(2, ""))},
		{"a list of products", ask("GET", pathProducts)},
		{"a product, asked for by a page of another site", ask("GET", productPath(2, ""), origin)},
		{"a preflight", ask("OPTIONS", pathOrders, origin, "Access-Control-Request-Method: POST\r\n")},
		{"nothing there", ask("GET", "/nowhere")},
		{"a method that is not allowed", ask("DELETE", pathOrders, "Content-Length: 0\r\n")},
		{"a request that is not valid", ask("GET", pathOrders+"?limit=x")},
		{"a request that cannot be read", "GET /livez HTTP/1.1\r\n\r\n"},
		{"health", ask("GET", "/livez")},
		{"metrics", ask("GET", "/metrics")},
		{"the API document", ask("GET", "/openapi.json")},
		{"the page of benchmarks", ask("GET", pathDashboard)},
		{"the page that tracks an order", ask("GET", "/orders/"+sampleID(1).String()+"/track")},
		{"an event stream", ask("GET", orderPath(1, "/events"))},
		{"a WebSocket", handshake(updatesPath(sampleID(1), ""))},
	} {
		show(plain, c.what, c.request)
	}
	show(encrypted, "an order, encrypted", ask("GET", orderPath(1, "")))
	show(encrypted, "an event stream, encrypted", ask("GET", orderPath(1, "/events")))
	golden(t, "headers.txt", out.String())
}
