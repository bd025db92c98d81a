package gatekeeper_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// The customers. Whose orders are looked for is a planted secret itself.
const (
	ownerName = "canary-customer-7f3a"
	otherName = "other"
)

const (
	ofCustomers = commerce.ScopeOrdersRead | commerce.ScopeOrdersWrite | commerce.ScopeOrdersCancel
	ofStaff     = commerce.ScopesAll &^ (commerce.ScopeAdmin | commerce.ScopeBenchRun)
)

// standing says what a caller's credential is worth.
type standing uint8

const (
	proven  standing = iota // it is good
	nobody                  // there is none, or what was one is taken for none
	refused                 // it proves nothing, and its sender is told
)

// caller is who asks.
type caller struct {
	name     string
	standing standing
	subject  string
	scopes   commerce.Scopes
	// fields are what proves it: the same for all requests.
	fields []string
	// ticket is sent in the query.
	ticket string
	// each makes the fields of one request, of a caller whose credential ends with some requests.
	each func() []string
}

// reaches reports whether the owner's orders are open to the caller.
func (c *caller) reaches() bool {
	return c.standing == proven && (c.subject == ownerName || c.scopes.Has(commerce.ScopeOrdersAny))
}

func bearer(credential string) []string { return []string{"Authorization", "Bearer " + credential} }

// as sends a request as somebody.
func (c *caller) as(r request) request {
	fields := c.fields
	if c.each != nil {
		fields = c.each()
	}
	r = r.with(fields...)
	if c.ticket != "" {
		separator := "?"
		if strings.Contains(r.path, "?") {
			separator = "&"
		}
		r.path += separator + "ticket=" + c.ticket
	}
	return r
}

// callers makes one of each kind.
func (s *shop) callers(t testing.TB) []*caller {
	t.Helper()
	all := []*caller{
		s.customer(t, "owner", ownerName), s.customer(t, "other customer", otherName), s.staff(t),
		{name: "anonymous", standing: nobody},
	}
	for bit := commerce.Scopes(1); bit < commerce.ScopesAll; bit <<= 1 {
		_, text := s.key(t, "clerk", bit, time.Time{})
		all = append(all, &caller{name: "only " + bit.String(), subject: "clerk", scopes: bit, fields: bearer(text)})
	}
	now := time.Now()
	const scope = "orders:read orders:write orders:cancel"
	good, old := now.Add(24*time.Hour), now.Add(-time.Minute)
	token := func(name string, standing standing, change func(map[string]any), expires time.Time) *caller {
		claims := said(scope, expires)
		change(claims)
		return &caller{name: name, standing: standing, subject: ownerName, scopes: ofCustomers, fields: bearer(s.issuer.token(t, claims))}
	}
	all = append(all,
		token("owner by token", proven, func(map[string]any) {}, good),
		token("expired token", refused, func(map[string]any) {}, old),
		token("token for another audience", refused, func(c map[string]any) { c["aud"] = "billing" }, good),
		token("token of another issuer", refused, func(c map[string]any) { c["iss"] = "https://login.example/realms/other" }, good),
	)
	stranger := newIssuer(t)
	all = append(all, &caller{
		name: "token that somebody else has signed", standing: refused, fields: bearer(stranger.token(t, said(scope, good))),
	})
	return append(all, s.ended(t)...)
}

func (s *shop) customer(t testing.TB, name, subject string) *caller {
	t.Helper()
	_, text := s.key(t, subject, ofCustomers, time.Time{})
	return &caller{name: name, subject: subject, scopes: ofCustomers, fields: bearer(text)}
}

func (s *shop) staff(t testing.TB) *caller {
	t.Helper()
	_, text := s.key(t, "desk", ofStaff, time.Time{})
	return &caller{name: "staff", subject: "desk", scopes: ofStaff, fields: bearer(text)}
}

// ended are callers whose credentials were good once, the owner's session, and what is no credential. It puts the
// clock forward, so that what it makes has ended.
func (s *shop) ended(t testing.TB) []*caller {
	t.Helper()
	_, expired := s.key(t, ownerName, ofCustomers, time.Now().Add(time.Hour))
	s.ahead.Add(int64(2 * time.Hour))
	id, revoked := s.key(t, ownerName, ofCustomers, time.Time{})
	owner := s.customer(t, "", ownerName)
	used := s.ticket(t, owner)
	_, err := s.access.Redeem([]byte(used))
	require.NoError(t, err)
	closed := s.session(t, owner)
	s.must(t, request{method: "DELETE", path: "/api/v2/session"}.with(closed...))
	pushed := s.session(t, &caller{fields: bearer(revoked)})
	s.revoke(t, id)
	key := strings.TrimPrefix(owner.fields[1], "Bearer ")
	wrong := key[:len(key)-1] + map[bool]string{true: "a", false: "b"}[strings.HasSuffix(key, "b")]
	return []*caller{
		{name: "expired key", standing: refused, fields: bearer(expired)},
		{name: "revoked key", standing: refused, fields: bearer(revoked)},
		{name: "key with a wrong secret", standing: refused, fields: bearer(wrong)},
		{name: "no key at all", standing: refused, fields: []string{"Authorization", "Basic b3duZXI6"}},
		{name: "used ticket", standing: nobody, ticket: used},
		{
			name: "owner's session", subject: ownerName, scopes: ofCustomers,
			each: func() []string { return s.session(t, owner) },
		},
		{name: "closed session", standing: nobody, fields: closed},
		{name: "session of a revoked key", standing: nobody, fields: pushed},
		{name: "forged session", standing: nobody, fields: s.cookie(strings.Repeat("A", 43))},
	}
}

// session opens a session and returns the fields that a page of the server sends with it.
func (s *shop) session(t testing.TB, of *caller) []string {
	t.Helper()
	opened := s.must(t, of.as(request{method: "POST", path: "/api/v2/session"}))
	cookie, _, _ := strings.Cut(opened.header.Get("Set-Cookie"), ";")
	return s.cookie(strings.TrimPrefix(cookie, "__Host-penstock="))
}

func (s *shop) cookie(value string) []string {
	return []string{"Cookie", "__Host-penstock=" + value, "Origin", "http://" + s.address}
}

func (s *shop) ticket(t testing.TB, of *caller) string {
	t.Helper()
	var issued struct{ Ticket string }
	text := s.must(t, of.as(request{method: "POST", path: "/api/v2/tickets"})).body
	require.NoError(t, json.Unmarshal([]byte(text), &issued))
	return issued.Ticket
}
