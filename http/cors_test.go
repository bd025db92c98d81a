package http

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const shopOrigin = "https://shop.example"

func setupCORS(t *testing.T) *testBundle {
	t.Helper()
	return setupTCP(t, func(c *Config) { c.AllowedOrigins = shopOrigin + ", https://admin.example:8443" })
}

func TestCORS_IsOffByDefault(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	for _, c := range []call{
		{"GET", pathProducts, "", []string{headerOrigin, shopOrigin}},
		{"OPTIONS", pathOrders, "", []string{headerOrigin, shopOrigin, "Access-Control-Request-Method", "POST"}},
	} {
		a := b.do(t, c)
		require.NotContains(t, a.header.String(), "Access-Control-", c.method)
		require.NotContains(t, a.field("Vary"), headerOrigin)
	}
}

func TestCORS_NamesTheOriginThatIsListedAndNoOther(t *testing.T) {
	t.Parallel()
	b := setupCORS(t)
	for origin, listed := range map[string]bool{
		shopOrigin: true, "https://admin.example:8443": true, "https://admin.example": false, "http://shop.example": false,
		"https://shop.example.evil.example": false, "https://evilshop.example": false, "null": false, "*": false, "": false,
	} {
		for _, c := range []call{
			{"GET", pathProducts, "", nil},
			{"GET", productPath(9, ""), "", nil},
			{"GET", productPath(2, ""), "", nil},
			{"GET", "/nowhere", "", nil},
		} {
			if origin != "" {
				c.headers = []string{headerOrigin, origin}
			}
			a := b.do(t, c)
			require.Contains(t, a.header.String(), "Vary: Origin\r\n", "%s %s", origin, c.path)
			if !listed {
				require.NotContains(t, a.header.String(), "Access-Control-", "%s %s", origin, c.path)
				continue
			}
			require.Equal(t, origin, a.field("Access-Control-Allow-Origin"), c.path)
			require.Equal(t, "true", a.field("Access-Control-Allow-Credentials"))
			require.Contains(t, a.field("Access-Control-Expose-Headers"), "X-Correlation-ID")
		}
	}
}

func TestCORS_AnswersPreflights(t *testing.T) {
	t.Parallel()
	b := setupCORS(t)
	ask := func(origin string) answer {
		return b.do(t, call{"OPTIONS", pathOrders, "", []string{
			headerOrigin, origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "idempotency-key",
		}})
	}
	a := ask(shopOrigin)
	require.Equal(t, 204, a.status)
	require.Equal(t, shopOrigin, a.field("Access-Control-Allow-Origin"))
	require.Contains(t, a.field("Access-Control-Allow-Methods"), "POST")
	require.NotContains(t, a.field("Access-Control-Allow-Methods"), "DELETE")
	require.Contains(t, a.field("Access-Control-Allow-Headers"), headerIdempotencyKey)
	require.Equal(t, corsMaxAge, a.field("Access-Control-Max-Age"))
	require.Contains(t, a.header.String(), "Vary: Origin\r\n")
	require.NotContains(t, ask("https://evil.example").header.String(), "Access-Control-")
	require.NotContains(t, b.do(t, call{"OPTIONS", pathOrders, "", []string{headerOrigin, shopOrigin}}).header.String(), "Allow-Methods")
}

func TestCORS_EventStreamsAndWebSocketsFollowTheSameList(t *testing.T) {
	t.Parallel()
	b := setupCORS(t)
	for origin, listed := range map[string]bool{shopOrigin: true, "https://evil.example": false} {
		c := b.open(t, "GET "+orderPath(1, "/events")+" HTTP/1.1\r\nHost: x\r\nOrigin: "+origin+"\r\n\r\n")
		_, fields := c.header()
		require.Equal(t, listed, fields["access-control-allow-origin"] == origin)
		require.Equal(t, "Origin", fields["vary"])
		require.NoError(t, c.conn.Close())
		c = b.open(t, handshake(updatesPath(sampleID(1), ""), "Origin: "+origin+"\r\n"))
		status, _ := c.header()
		require.Equal(t, listed, strings.Contains(status, " 101 "), status)
	}
}
