package gatekeeper_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// TestHidden asks for the owner's orders and for orders that do not exist, as callers who may see neither, in
// every way there is. The answers must be the same to the byte, but for the id that was asked for.
func TestHidden(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	d := shop.document(t)
	pairs := 0
	for name, d := range d.operations() {
		if !strings.Contains(d.path, "/orders/{id}") {
			continue
		}
		for _, c := range callers {
			if c.reaches() || c.each != nil {
				continue
			}
			for _, r := range hiddenRequests(d) {
				pairs++
				missing := missingOrder()
				for _, foreign := range s.orders[:2] { // one that is shipped, one that is cancelled
					theirs := s.ask(t, c.as(withID(r, foreign)))
					nobodys := s.ask(t, c.as(withID(r, missing)))
					cell := fmt.Sprintf("%s as %s: %s %s %v %s", name, c.name, r.method, r.path, r.fields, r.body)
					require.Equal(t, nobodys.status, theirs.status, cell)
					require.Equal(t, strings.ReplaceAll(nobodys.text(), missing, foreign), theirs.text(), cell)
					require.Zero(t, s.secretsIn(strings.ReplaceAll(theirs.text(), foreign, "")), cell)
				}
			}
		}
	}
	t.Logf("%d pairs of requests, for two orders each", pairs)
	after := s.must(t, s.owner.as(request{method: "GET", path: "/api/v2/orders/" + s.shipped})).body
	require.Contains(t, after, `"status":"shipped"`, "nobody has moved it")
}

func withID(r request, id string) request {
	r.path = strings.ReplaceAll(r.path, "{id}", id)
	return r
}

// hiddenRequests are the ways to ask for an operation on one order, good and bad.
func hiddenRequests(d *described) []request {
	plain := request{method: d.method, path: d.path}
	requests := []request{
		plain,
		plain.with("Idempotency-Key", "canary"),
		plain.with("X-User-ID", ownerName),
		plain.with("If-None-Match", `"1"`), plain.with("If-None-Match", "*"),
		plain.with("Last-Event-ID", "1"), plain.with("Last-Event-ID", "99"), plain.with("Last-Event-ID", "x"),
		plain.with(upgrade()...), plain.with(upgrade()...).with("Origin", "https://evil.example"),
	}
	for _, query := range []string{"since_seq=0", "since_seq=1", "since_seq=99", "reason=because", "unknown=1", "ticket=" + strings.Repeat("A", 43)} {
		more := plain
		more.path += "?" + query
		requests = append(requests, more, more.with(upgrade()...))
	}
	for _, body := range []string{
		`{"to":"paid"}`, `{"to":"delivered"}`, `{"to":"cancelled","reason":"x"}`, `{"reason":"x"}`, `{`, `{"to":"sold"}`,
	} {
		more := plain
		more.body = body
		requests = append(requests, more, more.with("Idempotency-Key", "k"))
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		if method != d.method {
			requests = append(requests, request{method: method, path: d.path})
		}
	}
	return requests
}

// Lists, sums of lists and streams hold one's own orders, whatever is asked for.
func TestHidden_ListsHoldOnesOwnOrders(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	mine := s.made(s.other.as(request{method: "POST", path: "/api/v2/orders", body: plainOrder(s.product)}))
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	s.must(t, s.owner.as(request{method: "GET", path: "/api/v2/orders?limit=1"})).decode(t, &page)
	require.NotEmpty(t, page.NextCursor)

	exporter := &caller{name: "a customer who may export", subject: otherName, scopes: commerce.ScopesAll &^ commerce.ScopeOrdersAny}
	_, key := s.key(t, otherName, exporter.scopes, time.Time{})
	exporter.fields = bearer(key)
	for _, path := range []string{"/api/v2/orders", "/api/v2/orders/export", "/api/v2/orders/export?format=ndjson"} {
		for query, own := range map[string]bool{
			"": true, "limit=100": true, "customer_id=" + otherName: true, "product_id=" + s.product: true,
			"product_id=" + s.canary: false, "status=shipped": false, "status=cancelled": false,
			"cursor=" + url.QueryEscape(page.NextCursor): false, // of the owner's list, and older than the order of one's own
			"customer_id=" + ownerName:                   false, "customer_id=nobody": false,
			"customer_id=" + ownerName + "&product_id=" + s.canary: false,
		} {
			if strings.Contains(path, "export") && query == "limit=100" {
				continue // that has none
			}
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			got := s.ask(t, exporter.as(request{method: "GET", path: path + separator + query}))
			require.Zero(t, s.secretsIn(got.text()), "%s?%s: %s", path, query, got.text())
			require.Equal(t, own, strings.Contains(got.text(), mine), "%s?%s: %s", path, query, got.text())
			if strings.Contains(query, "customer_id=") && !own {
				require.Equal(t, 403, got.status, query)
			}
		}
	}
}

// An idempotency key of somebody else's says nothing, not even that it was used.
func TestHidden_IdempotencyKeysAreOnesOwn(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	place := func(c *caller, body string, more ...string) reply {
		return s.must(t, c.as(request{method: "POST", path: "/api/v2/orders", body: body}).with("Idempotency-Key", "k").with(more...))
	}
	first := place(s.owner, canaryOrder(s.canary))
	require.Equal(t, first.body, place(s.owner, canaryOrder(s.canary)).body)
	for _, c := range []*caller{s.other, s.desk, s.admin} {
		for _, more := range [][]string{nil, {"X-User-ID", c.subject}} {
			got := place(c, canaryOrder(s.product), more...)
			require.NotContains(t, got.text(), ownerName)
			require.NotEqual(t, first.header.Get("Location"), got.header.Get("Location"))
		}
	}
	// Whoever acts for the owner is still somebody else than the owner.
	require.NotEqual(t, first.header.Get("Location"), place(s.desk, canaryOrder(s.canary), "X-User-ID", ownerName).header.Get("Location"))

	// What a credential did that might do it for everybody is not shown once more to one that may not.
	cancel := request{method: "POST", path: "/api/v2/orders/" + s.newOrder() + "/cancel", body: `{}`}.with("Idempotency-Key", "k2")
	require.Equal(t, 200, s.ask(t, s.desk.as(cancel)).status)
	require.Equal(t, "true", s.ask(t, s.desk.as(cancel)).header.Get("Idempotency-Replayed"))
	weaker := s.customer(t, "a weaker credential", s.desk.subject)
	got := s.ask(t, weaker.as(cancel))
	require.Equal(t, 404, got.status, got.body)
}

// Steps of one request are decided one by one; who may not move orders moves none.
func TestHidden_BulkTransitionsReachNobodysOrders(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	pending := s.newOrder()
	for _, id := range []string{pending, missingOrder()} {
		r := request{method: "POST", path: "/api/v2/orders/transitions", body: fmt.Sprintf(`{"transitions":[{"order_id":%q,"to":"cancelled"}]}`, id)}
		for _, c := range []*caller{s.owner, s.other} {
			got := s.ask(t, c.as(r))
			require.Equal(t, 403, got.status)
			require.NotContains(t, got.body, id)
		}
	}
	require.Contains(t, s.must(t, s.owner.as(request{method: "GET", path: "/api/v2/orders/" + pending})).body, `"status":"pending"`)
}
