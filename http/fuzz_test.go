package http

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// Whatever proxies are said to have said, the address is one, and the nearest that cannot be trusted.
func FuzzForwardedFor(f *testing.F) {
	f.Add("1.2.3.4, 10.0.0.1", "10.0.0.2:80")
	f.Add("[::1]:80,,", "::ffff:10.0.0.1")
	f.Add("10.0.0.1%eth0", "fe80::1%a")
	f.Fuzz(func(t *testing.T, first, second string) {
		trusted, err := parseProxies("10.0.0.0/8, ::1")
		require.NoError(t, err)
		peer := netip.MustParseAddr("10.0.0.9")
		got := forwardedFor([][]byte{[]byte(first), []byte(second)}, peer, trusted)
		require.True(t, got.IsValid())
		require.Equal(t, got, plainAddress(got), "written in one way")
		require.True(t, networkOf(got).Contains(got))
		if address, ok := parseHop(strings.TrimSpace(second)); ok && !strings.Contains(second, ",") && !trusted.trust(address) {
			require.Equal(t, address, got, "nobody behind it is believed")
		}
	})
}

func FuzzParseProxies(f *testing.F) {
	f.Add("10.0.0.0/8, ::1")
	f.Add("::ffff:1.2.3.4/96,x")
	f.Fuzz(func(t *testing.T, list string) {
		all, err := parseProxies(list)
		if err != nil {
			require.Empty(t, all)
			return
		}
		for _, prefix := range all {
			require.True(t, all.trust(prefix.Addr()))
		}
	})
}

// An origin that may be listed says where it is and nothing else.
func FuzzOrigins(f *testing.F) {
	f.Add("https://shop.example, http://localhost:8000", "localhost:8000")
	f.Add("null https://a@b https://[::1]", "[::1]")
	f.Fuzz(func(t *testing.T, list, host string) {
		for _, origin := range parseOrigins(list) {
			require.True(t, parseOrigins(list).lists(origin))
			if validOrigin(origin) {
				require.False(t, strings.ContainsAny(strings.SplitN(origin, "://", 2)[1], "/?#"), origin)
			}
		}
		s := &Server{hosts: parseOrigins(list)}
		if s.localHost(host) {
			require.False(t, s.localHost("evil.example") && !strings.Contains(strings.ToLower(list), "evil.example"))
		}
	})
}

// Only one way to write a credential is one, and what is found is within the field.
func FuzzBearer(f *testing.F) {
	f.Add([]byte("Bearer pk_x"))
	f.Add([]byte("bearer  "))
	f.Add([]byte("Basic x"))
	f.Fuzz(func(t *testing.T, field []byte) {
		credential, ok := bearer(field)
		if ok {
			require.NotEmpty(t, credential)
			require.True(t, strings.HasSuffix(strings.TrimRight(string(field), " "), string(credential)))
		}
		if validCorrelation(field) {
			require.LessOrEqual(t, len(field), correlationMax)
		}
	})
}

// A parameter's value is within what the route says of it, or refused with a reason.
func FuzzParameter(f *testing.F) {
	for kind := KindText; kind <= KindStreamCursor; kind++ {
		for _, text := range []string{"", "12", "-9223372036854775808", "true", "019f5fda-c2fb-7000-8000-000000000002", "2026-07-14T09:00:00Z", "bwGfX9rC"} {
			f.Add(uint8(kind), text)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		p := Parameter{Name: "p", Kind: Kind(kind % uint8(KindStreamCursor+1)), Min: -5, Max: 30, Words: []string{"a", "b"}}
		var v value
		if fault := p.parse(text, &v); fault != "" {
			return
		}
		switch p.Kind {
		case KindText:
			require.NotEmpty(t, text)
			require.Equal(t, text, v.text)
		case KindInteger:
			require.True(t, p.Min <= v.number && v.number <= p.Max)
		case KindID:
			again, err := commerce.ParseID(v.id.String())
			require.NoError(t, err)
			require.Equal(t, v.id, again)
		case KindWord:
			require.Contains(t, p.Words, v.text)
		default:
		}
	})
}
