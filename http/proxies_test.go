package http

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestForwardedFor_IsTheRightmostAddressThatIsNoProxy(t *testing.T) {
	t.Parallel()
	trusted, err := parseProxies("10.0.0.0/8, 192.0.2.7 2001:db8::/32")
	require.NoError(t, err)
	for sent, want := range map[string]string{
		"203.0.113.5":                    "203.0.113.5",
		"1.1.1.1, 203.0.113.5":           "203.0.113.5",
		"1.1.1.1, 203.0.113.5, 10.1.1.1": "203.0.113.5",
		"203.0.113.5,192.0.2.7,10.9.9.9": "203.0.113.5",
		"1.1.1.1\n203.0.113.5":           "203.0.113.5",
		"203.0.113.5\n10.1.1.1":          "203.0.113.5",
		"10.1.1.1, 10.2.2.2":             "10.1.1.1",
		"203.0.113.5:4711":               "203.0.113.5",
		"[2001:4860::1]:4711":            "2001:4860::1",
		"[2001:4860::1]":                 "2001:4860::1",
		"2001:4860::1, 2001:db8::9":      "2001:4860::1",
		"::ffff:203.0.113.5":             "203.0.113.5",
		"unknown":                        "10.0.0.1",
		"203.0.113.5, unknown":           "10.0.0.1",
		"":                               "10.0.0.1",
		"203.0.113.5,":                   "10.0.0.1",
		"_hidden, 203.0.113.5":           "203.0.113.5",
		"1.1.1.1" + strings.Repeat(", 10.0.0.2", 31): "1.1.1.1",
		"1.1.1.1" + strings.Repeat(", 10.0.0.2", 32): "10.0.0.1",
	} {
		var fields [][]byte
		for field := range strings.SplitSeq(sent, "\n") {
			fields = append(fields, []byte(field))
		}
		require.Equal(t, want, forwardedFor(fields, netip.MustParseAddr("10.0.0.1"), trusted).String(), sent)
	}
}

func TestParseProxies_NamesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.0-10.0.0.9", "::ffff:10.0.0.1"} {
		_, err := parseProxies("127.0.0.1," + list)
		require.ErrorContains(t, err, list)
	}
	none, err := parseProxies(" , ")
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestClient_BelievesOnlyTrustedProxies(t *testing.T) {
	t.Parallel()
	for proxies, want := range map[string]string{"": "127.0.0.1", "10.0.0.0/8": "127.0.0.1", "127.0.0.0/8": "203.0.113.5"} {
		b := setupTCP(t, func(c *Config) { c.TrustedProxies, c.NoAuth = proxies, true })
		seen := make(chan string, 1)
		b.server.fast[doorPublic].Handler = b.server.handler(&Route{Path: "seen", AnyQuery: true, Policy: anybody(), Handle: func(_ *Server, r *request) error {
			seen <- r.client().String()
			return r.answerStatus(200, "ok")
		}}, "GET")
		a := b.do(t, call{"GET", "/", "", []string{headerForwardedFor, "6.6.6.6, 203.0.113.5"}})
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, want, <-seen, proxies)
	}
}

func TestNetworkOf_CountsIPv6ByCustomer(t *testing.T) {
	t.Parallel()
	require.Equal(t, "203.0.113.5/32", networkOf(netip.MustParseAddr("203.0.113.5")).String())
	require.Equal(t, "2001:db8:1:2::/64", networkOf(netip.MustParseAddr("2001:db8:1:2:3:4:5:6")).String())
	require.False(t, networkOf(netip.Addr{}).IsValid())
}
