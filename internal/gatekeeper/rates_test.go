package gatekeeper_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http"
)

// limited is a shop with small rates and a clock that stands still: what is counted does not come back by itself.
func limited(t *testing.T) *scene {
	t.Helper()
	stands := time.Now()
	shop := newShop(t, func(cfg *http.Config) {
		cfg.Limiter = access.NewLimiter(access.Rates{
			Read: 5, Write: 10, Export: 1, Analytics: 2, Refused: 10, Now: func() time.Time { return stands },
		})
		cfg.TrustedProxies = "127.0.0.1"
	})
	return newScene(t, shop)
}

// requireLimit sends requests until one is refused: as many as a limit allows, which is two seconds' worth.
func (s *scene) requireLimit(t testing.TB, class string, perSecond int, r request) {
	t.Helper()
	for i := range 2 * perSecond {
		got := s.ask(t, r)
		require.Less(t, got.status, 300, "%s, request %d: %s", class, i+1, got.body)
		require.Equal(t, fmt.Sprintf("%q;q=%d;w=2", class, 2*perSecond), got.header.Get("RateLimit-Policy"))
		require.Equal(t, fmt.Sprintf("%q;r=%d;t=%d", class, 2*perSecond-i-1, (i+1+perSecond-1)/perSecond), got.header.Get("RateLimit"))
	}
	s.requireRefused(t, class, r)
}

func (s *scene) requireRefused(t testing.TB, class string, r request) {
	t.Helper()
	got := s.ask(t, r)
	require.Equal(t, 429, got.status, got.body)
	require.Equal(t, "too_many_requests", got.problem(t).Code)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Contains(t, got.header.Get("RateLimit"), fmt.Sprintf("%q;r=0;", class))
	require.NotEmpty(t, got.header.Get("RateLimit-Policy"))
}

func TestRates_AreACallersOwn(t *testing.T) {
	t.Parallel()
	s := limited(t)
	read := request{method: "GET", path: "/api/v2/orders/" + s.shipped}
	// The owner has not read yet.
	s.requireLimit(t, "read", 5, s.owner.as(read))
	second := s.customer(t, "the owner's other key", ownerName)
	s.requireRefused(t, "read", second.as(read))
	s.requireRefused(t, "read", s.owner.as(read).with("X-Forwarded-For", "203.0.113.9"))
	s.requireRefused(t, "read", s.owner.as(request{method: "GET", path: "/api/v2/products"}))
	require.Equal(t, 200, s.ask(t, s.desk.as(read)).status, "others are not concerned")

	writer := s.customer(t, "a customer", "ann")
	s.requireLimit(t, "write", 10, writer.as(request{method: "POST", path: "/api/v2/orders", body: plainOrder(s.product)}))
	require.Equal(t, 200, s.ask(t, writer.as(request{method: "GET", path: "/api/v2/orders"})).status, "each kind has its own")
}

// Whoever acts for customers has a rate for each of them, but not of what concerns all.
func TestRates_OfWhoActsForOthers(t *testing.T) {
	t.Parallel()
	s := limited(t)
	order := request{method: "POST", path: "/api/v2/orders", body: plainOrder(s.product)}
	s.requireLimit(t, "write", 10, s.desk.as(order).with("X-User-ID", "ann"))
	s.requireLimit(t, "write", 10, s.desk.as(order).with("X-User-ID", "ben"))

	export := request{method: "GET", path: "/api/v2/orders/export"}
	s.requireLimit(t, "export", 1, s.desk.as(export))
	s.requireRefused(t, "export", s.desk.as(export).with("X-User-ID", "ann"))
	sums := request{method: "GET", path: "/api/v2/orders/analytics/summary?start_date=" + time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)}
	s.requireLimit(t, "analytics", 2, s.desk.as(sums))
	s.requireRefused(t, "analytics", s.desk.as(sums).with("X-User-ID", "ann"))
}

// Who has no credential is counted by its address; of IPv6 by the network, which one customer of a provider has
// all addresses of.
func TestRates_OfAddresses(t *testing.T) {
	t.Parallel()
	s := limited(t)
	list := request{method: "GET", path: "/api/v2/products"}
	from := func(address string) request { return list.with("X-Forwarded-For", address) }
	s.requireLimit(t, "read", 5, from("203.0.113.9"))
	s.requireRefused(t, "read", from("198.51.100.1, 203.0.113.9"))
	s.requireLimit(t, "read", 5, from("203.0.113.10"))
	s.requireLimit(t, "read", 5, from("2001:db8:1:2::1"))
	s.requireRefused(t, "read", from("2001:db8:1:2:ffff:ffff:ffff:ffff"))
	s.requireLimit(t, "read", 5, from("2001:db8:1:3::1"))
	require.Equal(t, 200, s.ask(t, s.owner.as(from("203.0.113.9"))).status, "who proves who he is, is counted by that")
}

// Ten credentials a second may be refused; then the answer is another, but good ones are let in all the same.
func TestRates_OfRefusedCredentials(t *testing.T) {
	t.Parallel()
	s := limited(t)
	read := request{method: "GET", path: "/api/v2/orders/" + s.shipped}
	_, ended := s.key(t, "x", commerce.ScopeOrdersRead, time.Time{})
	wrong := [][]string{
		bearer(strings.Repeat("x", 40)), bearer("pk_" + strings.Repeat("0", 32) + "_" + strings.Repeat("a", 32)),
		bearer(ended[:len(ended)-4] + "aaaa"), bearer(newIssuer(t).token(t, said("admin", time.Now().Add(time.Hour)))),
	}
	from := func(i int) request { return read.with(wrong[i%len(wrong)]...).with("X-Forwarded-For", "203.0.113.9") }
	for i := range 20 {
		got := s.ask(t, from(i))
		require.Equal(t, 401, got.status, "credential %d: %s", i+1, got.body)
	}
	for i := range wrong {
		s.requireRefused(t, "refused", from(i))
	}
	require.Equal(t, 401, s.ask(t, read.with(wrong[0]...).with("X-Forwarded-For", "203.0.113.10")).status)
	require.Equal(t, 200, s.ask(t, s.owner.as(read).with("X-Forwarded-For", "203.0.113.9")).status)
}
