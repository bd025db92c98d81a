package gatekeeper_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fields by which proxies and frameworks say who asks, what for and from where change nothing.
func TestTampering_FieldsOfProxiesChangeNothing(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	d := shop.document(t)
	said := []string{
		"X-Forwarded-For", "127.0.0.1", "Forwarded", "for=127.0.0.1;proto=https", "X-Real-IP", "127.0.0.1", "X-Client-IP", "127.0.0.1",
		"X-Forwarded-Host", "localhost", "X-Forwarded-Proto", "https", "Via", "1.1 proxy", "X-Original-URL", "/livez", "X-Rewrite-URL", "/livez",
		"X-HTTP-Method-Override", "GET", "X-HTTP-Method", "GET", "X-Method-Override", "GET",
		"X-Forwarded-User", ownerName, "X-Remote-User", ownerName, "Remote-User", ownerName, "X-Authenticated-User", ownerName,
		"X-Customer-ID", ownerName, "X-User", ownerName, "X-Scopes", "admin", "X-API-Key", "admin", "Proxy-Authorization", "Basic cm9vdDpyb290",
	}
	for name, o := range operations() {
		for _, c := range callers {
			if c.name == "other customer" || c.name == "anonymous" || c.name == "only stock:write" || c.name == "revoked key" {
				s.check(t, name, &o, c, c.as(s.request(&o, d.operations()[name])).with(said...))
			}
		}
	}
}

// X-User-ID says for whom somebody acts who may act for everybody. From others it is refused, and from nobody it
// is nothing.
func TestTampering_NamingSomebodyElse(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	d := shop.document(t)
	for name, o := range operations() {
		for _, c := range callers {
			r := c.as(s.request(&o, d.operations()[name])).with("X-User-ID", ownerName)
			switch {
			case c.standing != proven, c.subject == ownerName, c.scopes.Has(1 << 3): // orders:any
				s.check(t, name, &o, c, r)
			default:
				got := s.ask(t, r)
				require.Equal(t, 403, got.status, "%s as %s: %s", name, c.name, got.body)
				require.Zero(t, s.secretsIn(strings.ReplaceAll(got.text(), s.asked(r), "")), got.text())
			}
		}
	}

	placed := s.made(s.desk.as(request{method: "POST", path: "/api/v2/orders", body: plainOrder(s.product)}.with("X-User-ID", "ann")))
	ann := s.customer(t, "ann", "ann")
	order := s.must(t, ann.as(request{method: "GET", path: "/api/v2/orders/" + placed}))
	require.Contains(t, order.body, `"customer_id":"ann"`)
	track := s.must(t, ann.as(request{method: "GET", path: "/api/v2/orders/" + placed + "/tracking"}))
	require.Contains(t, track.body, `"actor":"desk"`, "who has placed it for her is written down")
}

// A credential that is sent in a place where none belongs proves nothing.
func TestTampering_CredentialsElsewhere(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	key := strings.TrimPrefix(s.owner.fields[1], "Bearer ")
	path := "/api/v2/orders/" + s.shipped
	for name, r := range map[string]request{
		"in the query":           {method: "GET", path: path + "?access_token=" + key},
		"as a ticket":            {method: "GET", path: path + "?ticket=" + key},
		"as a ticket of a feed":  {method: "GET", path: path + "/updates?ticket=" + key, fields: upgrade()},
		"as a session":           {method: "GET", path: path, fields: s.cookie(key)},
		"as X-User-ID":           {method: "GET", path: path, fields: []string{"X-User-ID", ownerName}},
		"as another scheme":      {method: "GET", path: path, fields: []string{"Authorization", "Token " + key}},
		"without a scheme":       {method: "GET", path: path, fields: []string{"Authorization", key}},
		"for a proxy":            {method: "GET", path: path, fields: []string{"Proxy-Authorization", "Bearer " + key}},
		"a ticket as a bearer":   {method: "GET", path: path, fields: bearer(s.ticket(t, s.owner))},
		"a session as a bearer":  {method: "GET", path: path, fields: bearer(strings.TrimPrefix(s.session(t, s.owner)[1], "__Host-penstock="))},
		"a ticket where none is": {method: "GET", path: path + "?ticket=" + s.ticket(t, s.owner)},
	} {
		got := s.ask(t, r)
		require.Equal(t, 401, got.status, "%s: %s", name, got.body)
		require.NotContains(t, got.text(), key, name)
	}
}

// Only what the document names is there; everything else on its paths is refused, whoever asks.
func TestTampering_OtherVerbs(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	document := shop.document(t)
	for path, known := range document.Paths {
		r := request{path: strings.NewReplacer("{id}", s.shipped, "{file}", "no.js").Replace(path)}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "LOCK", "get"} {
			described := method
			if method == "HEAD" {
				described = "GET"
			}
			if _, ok := known[strings.ToLower(described)]; ok && method != "get" {
				continue
			}
			parent := path[:strings.LastIndexByte(path, '/')]
			if _, ok := document.Paths[parent+"/{id}"][strings.ToLower(described)]; ok {
				continue // there it is a product that is called "search"
			}
			for _, c := range callers {
				if c.each != nil {
					continue
				}
				r.method = method
				got := s.ask(t, c.as(r))
				want := 405
				if c.standing == refused {
					want = 401
				}
				require.Equal(t, want, got.status, "%s %s as %s", method, r.path, c.name)
				require.Zero(t, s.secretsIn(strings.ReplaceAll(got.text(), s.shipped, "")))
			}
		}
	}
}

// A page of another site cannot use the session that its visitor has here.
func TestTampering_SessionsAndOtherSites(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	d := s.document(t)
	all := operations()
	for name, d := range d.operations() {
		if d.method == "GET" {
			continue
		}
		o := all[name]
		for _, origin := range []string{"https://evil.example", "null", "http://" + s.address + ".evil.example", "http://127.0.0.1:1"} {
			r := s.request(&o, d).with(s.session(t, s.owner)...)
			r.fields[slices.Index(r.fields, "Origin")+1] = origin
			got := s.ask(t, r)
			require.Equal(t, 403, got.status, "%s from %s: %s", name, origin, got.body)
			require.Equal(t, "origin_not_allowed", got.problem(t).Code, name)
		}
	}
	opened := s.must(t, s.owner.as(request{method: "POST", path: "/api/v2/session"})).header.Get("Set-Cookie")
	for _, attribute := range []string{"__Host-penstock=", "; path=/", "; secure", "; HttpOnly", "; SameSite=Strict"} {
		require.Contains(t, opened, attribute)
	}
	require.NotContains(t, strings.ToLower(opened), "domain=")
	got := s.ask(t, s.owner.as(request{method: "POST", path: "/api/v2/session"}).with("Origin", "https://evil.example"))
	require.Equal(t, 403, got.status, "no site signs its visitors in under a name of its own")
}

// What operators ask for at a door of their own is not at the callers' door, and needs the same scopes there.
func TestTampering_TheOperatorsDoor(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	all := operations()
	all["profiles"] = all["health"]
	d := s.document(t)
	documented := d.operations()
	documented["profiles"] = &described{method: "GET", path: "/debug/pprof/"}
	for _, name := range []string{"health", "metrics", "listAudit", "verify", "live", "ready", "profiles"} {
		o := all[name]
		for _, c := range callers {
			if c.each != nil {
				continue // a session of the callers' door is of another origin
			}
			r := c.as(s.request(&o, documented[name]))
			r.operations = true
			s.check(t, name, &o, c, r)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap"} {
		require.Equal(t, 404, s.ask(t, s.admin.as(request{method: "GET", path: path})).status)
	}
	for _, path := range []string{"/api/v2/orders", "/api/v2/orders/" + s.shipped, "/api/v2/admin/keys"} {
		require.Equal(t, 404, s.ask(t, s.admin.as(request{method: "GET", path: path, operations: true})).status, path)
	}
}
