package http

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBelieved_WhoComesThroughAProxyIsNot(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	for _, field := range []string{"X-Forwarded-For", "x-forwarded-for", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		a := b.do(t, call{"POST", pathOrders, orderBody, []string{field, "1.1.1.1"}})
		require.Equal(t, 403, a.status, field)
		require.Contains(t, a.body, `"code":"proxy_not_allowed"`, field)
		require.Contains(t, a.body, "--auth=on", field)
	}
	require.Empty(t, b.engine.seen())
	open := setupTCP(t, func(c *Config) { c.NoAuth = true })
	require.Equal(t, 201, open.do(t, call{"POST", pathOrders, orderBody, []string{headerForwardedFor, "1.1.1.1"}}).status)
}

// A page of a site whose name points to this machine is, to a browser, a page of this server.
func TestBelieved_OnlyUnderNamesOfThisMachine(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.AllowedHosts = "shop.internal" })
	for host, status := range map[string]string{
		"localhost": "200", "LOCALHOST:8000": "200", "127.0.0.1": "200", "127.0.0.1:8000": "200", "[::1]:8000": "200", "[::1]": "200",
		"192.168.1.7": "200", "shop.internal": "200", "Shop.Internal:8000": "200",
		"evil.example": "421", "localhost.evil.example": "421", "127.0.0.1.evil.example": "421", "xlocalhost": "421", "evil.example:8000": "421",
	} {
		back := b.raw(t, "GET "+pathProducts+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		require.Contains(t, back, "HTTP/1.1 "+status+" ", host)
		if status == "421" {
			require.Contains(t, back, `"code":"host_not_allowed"`, host)
		}
	}
	open := setupTCP(t, func(c *Config) { c.NoAuth = true })
	require.Contains(t, open.raw(t, "GET /livez HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200 ")
}

// Some requests need no preflight: a form can send them from anywhere.
func TestBelieved_PagesOfOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.AllowedOrigins = "https://shop.example" })
	change := func(headers ...string) call {
		return call{"POST", productPath(2, "/stock/update?quantity_change=1"), "", headers}
	}
	for origin, status := range map[string]int{
		"https://evil.example": 403, "null": 403, "http://penstock.test.evil.example": 403, "https://shop.example:8443": 403,
		"https://shop.example": 200, "http://penstock.test": 200,
	} {
		a := b.do(t, change(headerOrigin, origin))
		require.Equal(t, status, a.status, "%s: %s", origin, a.body)
	}
	require.Equal(t, 200, b.do(t, change()).status, "programs send no Origin")
	require.Equal(t, 200, b.do(t, call{"GET", pathProducts, "", []string{headerOrigin, "https://evil.example"}}).status)
	require.Len(t, b.engine.seen(), 4)
}
