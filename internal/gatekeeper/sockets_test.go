package gatekeeper_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// ways are the ways to follow one order.
func ways(id string) map[string]request {
	return map[string]request{
		"WebSocket":          live("/api/v2/orders/" + id + "/updates"),
		"Server-Sent Events": {method: "GET", path: "/api/v2/orders/" + id + "/events"},
	}
}

func TestSockets_OneOrder(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	for name, way := range ways(s.shipped) {
		for _, c := range callers {
			status, f := s.tryFollow(t, c.as(way))
			switch {
			case c.standing != proven:
				require.Equal(t, 401, status, "%s as %s", name, c.name)
			case !c.scopes.Has(commerce.ScopeOrdersRead):
				require.Equal(t, 403, status, "%s as %s", name, c.name)
			case !c.reaches():
				require.Equal(t, 404, status, "%s as %s", name, c.name)
				status, _ = s.tryFollow(t, c.as(ways(missingOrder())[name]))
				require.Equal(t, 404, status, "%s as %s", name, c.name)
			default:
				require.NotNil(t, f, "%s as %s: %d", name, c.name, status)
				require.Contains(t, f.next().text, "canary-recipient")
			}
		}
	}
}

// Who follows all orders gets the events of his own: those that come, and those that a cursor goes back to.
func TestSockets_AllOrders(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	const path = "/api/v2/orders/updates"
	everything := s.follow(t, s.desk.as(live(path)))
	beginning := everything.next().Cursor
	mine := s.follow(t, s.other.as(live(path)))
	require.Equal(t, "start", mine.next().Type)

	var hers, own []string
	for range 3 {
		hers = append(hers, s.newOrder())
		own = append(own, s.made(s.other.as(request{method: "POST", path: "/api/v2/orders", body: plainOrder(s.product)})))
	}
	var cursors []string
	for i := range 6 {
		m := everything.next()
		require.Equal(t, []string{hers[i/2], own[i/2]}[i%2], m.OrderID)
		cursors = append(cursors, m.Cursor)
	}
	expect := func(f *follower, ids ...string) {
		t.Helper()
		for _, id := range ids {
			m := f.next()
			require.Equal(t, id, m.OrderID, m.text)
			require.Zero(t, s.secretsIn(m.text), m.text)
		}
	}
	expect(mine, own...)
	resume := func(cursor string) *follower {
		t.Helper()
		f := s.follow(t, s.other.as(live(path+"?cursor="+cursor)))
		require.Equal(t, "start", f.next().Type)
		return f
	}
	expect(resume(beginning), own...)
	expect(resume(cursors[0]), own...) // of an event of hers
	expect(resume(cursors[2]), own[1:]...)
	expect(s.follow(t, s.other.as(live(path+"?customer_id="+otherName+"&cursor="+beginning))).skip(), own...)

	for _, query := range []string{"?customer_id=" + ownerName, "?customer_id=nobody", "?status=paid&customer_id=" + ownerName} {
		status, _ := s.tryFollow(t, s.other.as(live(path+query)))
		require.Equal(t, 403, status, query)
	}
}

// skip reads the first message.
func (f *follower) skip() *follower {
	f.t.Helper()
	f.next()
	return f
}

func TestSockets_TicketsAreGoodOnceAndForTheirOwner(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	for name, way := range ways(s.shipped) {
		by := func(ticket string) request {
			r := way
			r.path += "?ticket=" + ticket
			return r
		}
		ticket := s.ticket(t, s.owner)
		f := s.follow(t, by(ticket))
		require.Contains(t, f.next().text, "canary-recipient", name)
		status, _ := s.tryFollow(t, by(ticket))
		require.Equal(t, 401, status, "%s: a ticket twice", name)

		status, _ = s.tryFollow(t, by(s.ticket(t, s.other)))
		require.Equal(t, 404, status, "%s: a ticket of somebody else", name)

		page := &caller{fields: s.session(t, s.owner)}
		f = s.follow(t, by(s.ticket(t, page)))
		require.Contains(t, f.next().text, "canary-recipient", "%s: a ticket of a session", name)

		old := s.ticket(t, s.owner)
		s.ahead.Add(int64(31 * time.Second))
		status, _ = s.tryFollow(t, by(old))
		require.Equal(t, 401, status, "%s: a ticket that is too old", name)

		id, key := s.key(t, ownerName, ofCustomers, time.Time{})
		orphan := s.ticket(t, &caller{fields: bearer(key)})
		s.revoke(t, id)
		status, _ = s.tryFollow(t, by(orphan))
		require.Equal(t, 401, status, "%s: a ticket of a revoked key", name)
	}
	feed := live("/api/v2/orders/updates?ticket=" + s.ticket(t, s.other))
	require.Equal(t, "start", s.follow(t, feed).next().Type)
}

func TestSockets_SessionsAndOtherSites(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	socket := live("/api/v2/orders/" + s.shipped + "/updates")
	cookie := s.session(t, s.owner)
	require.Contains(t, s.follow(t, socket.with(cookie...)).next().text, "canary-recipient")
	for _, origin := range []string{"https://evil.example", "null", "http://" + s.address + ".evil.example"} {
		for name, r := range map[string]request{"a session": socket.with(cookie...), "a key": s.owner.as(socket)} {
			status, _ := s.tryFollow(t, r.with("Origin", origin))
			require.Equal(t, 403, status, "%s of a page of %s", name, origin)
		}
	}
}

// endMax is how long what is open may stay open when the credential behind it has ended.
const endMax = time.Second

// Whatever was opened with a credential ends with it.
func TestSockets_EndWithTheirCredential(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	paths := map[string]request{"one order": ways(s.shipped)["WebSocket"], "events": ways(s.shipped)["Server-Sent Events"]}
	paths["all orders"] = live("/api/v2/orders/updates")
	for name, path := range paths {
		for how, begin := range map[string]func(t *testing.T) (c *caller, end func() time.Time){
			"revoked by this server": func(t *testing.T) (*caller, func() time.Time) {
				id, key := s.key(t, ownerName, ofCustomers, time.Time{})
				return &caller{fields: bearer(key)}, func() time.Time {
					s.must(t, s.admin.as(request{method: "DELETE", path: "/api/v2/admin/keys/" + id.String()}))
					return time.Now()
				}
			},
			"revoked beside this server": func(t *testing.T) (*caller, func() time.Time) {
				id, key := s.key(t, ownerName, ofCustomers, time.Time{})
				return &caller{fields: bearer(key)}, func() time.Time {
					_, err := access.NewKeys(s.store, slog.New(slog.DiscardHandler)).Revoke(t.Context(), id, access.Cause{Actor: "root"})
					require.NoError(t, err)
					return time.Now()
				}
			},
			"rotated without grace": func(t *testing.T) (*caller, func() time.Time) {
				id, key := s.key(t, ownerName, ofCustomers, time.Time{})
				return &caller{fields: bearer(key)}, func() time.Time {
					s.must(t, s.admin.as(request{method: "POST", path: "/api/v2/admin/keys/" + id.String() + "/rotate", body: `{"grace_seconds":0}`}))
					return time.Now()
				}
			},
			"revoked, behind a ticket": func(t *testing.T) (*caller, func() time.Time) {
				id, key := s.key(t, ownerName, ofCustomers, time.Time{})
				return &caller{ticket: s.ticket(t, &caller{fields: bearer(key)})}, func() time.Time { s.revoke(t, id); return time.Now() }
			},
			"revoked, behind a session": func(t *testing.T) (*caller, func() time.Time) {
				id, key := s.key(t, ownerName, ofCustomers, time.Time{})
				return &caller{fields: s.session(t, &caller{fields: bearer(key)})}, func() time.Time { s.revoke(t, id); return time.Now() }
			},
			"logged out": func(t *testing.T) (*caller, func() time.Time) {
				cookie := s.session(t, s.owner)
				return &caller{fields: cookie}, func() time.Time {
					s.must(t, request{method: "DELETE", path: "/api/v2/session"}.with(cookie...))
					return time.Now()
				}
			},
			"logged out, behind a ticket": func(t *testing.T) (*caller, func() time.Time) {
				cookie := s.session(t, s.owner)
				return &caller{ticket: s.ticket(t, &caller{fields: cookie})}, func() time.Time {
					s.must(t, request{method: "DELETE", path: "/api/v2/session"}.with(cookie...))
					return time.Now()
				}
			},
			"expired token": func(t *testing.T) (*caller, func() time.Time) {
				expires := time.Now().Add(1500 * time.Millisecond).Truncate(time.Second).Add(time.Second)
				token := s.issuer.token(t, said("orders:read", expires))
				return &caller{fields: bearer(token)}, func() time.Time { return expires }
			},
			"expired key": func(t *testing.T) (*caller, func() time.Time) {
				expires := time.Now().Add(time.Second)
				_, key := s.key(t, ownerName, ofCustomers, expires)
				return &caller{fields: bearer(key)}, func() time.Time { return expires }
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				c, end := begin(t)
				f := s.follow(t, c.as(path))
				f.next()
				ended := f.endsWithin(4 * endMax)
				since := end()
				code, after := ended(since)
				t.Logf("closed %s after", after.Round(100*time.Microsecond))
				if f.events {
					require.Zero(t, code)
				} else {
					require.Equal(t, uint16(1008), code)
				}
				require.Less(t, after, endMax+100*time.Millisecond)
				require.Greater(t, after, -100*time.Millisecond, "not before its time")
				if c.ticket == "" {
					status, _ := s.tryFollow(t, c.as(path))
					require.Equal(t, 401, status, "it does not open anything any more")
				}
			})
		}
	}
}
