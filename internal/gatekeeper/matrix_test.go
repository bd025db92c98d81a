package gatekeeper_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// described is what the server's document says of an operation.
type described struct {
	OperationID string
	Security    []map[string][]string
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}

	method, path string
}

// schema is what these tests read of a JSON schema.
type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
	Items      *schema
}

type document struct {
	Paths      map[string]map[string]*described
	Components struct{ Schemas map[string]schema }
}

func (s *shop) document(t testing.TB) (d document) {
	t.Helper()
	s.must(t, request{method: "GET", path: "/openapi.json"}).decode(t, &d)
	return d
}

// operations returns what is described, by its name.
func (d *document) operations() map[string]*described {
	all := make(map[string]*described)
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			all[o.OperationID] = o
		}
	}
	return all
}

// request makes the request of an operation.
func (s *scene) request(o *operation, d *described) request {
	s.t.Helper()
	r := request{method: d.method, path: d.path}
	if o.id != nil {
		r.path = strings.NewReplacer("{id}", o.id(s), "{file}", "no.js").Replace(d.path)
	}
	if o.send != nil {
		o.send(s, &r)
	}
	return r
}

func TestMatrix_NamesEveryOperationOfTheDocument(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	d := shop.document(t)
	documented := d.operations()
	table := operations()
	require.Equal(t, slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(documented)),
		"say in operations_test.go who may use a new operation")
	for name, d := range documented {
		o := table[name]
		var want []map[string][]string
		for _, way := range []string{"bearer", "session", "ticket"} {
			if o.who != everybody && (way != "ticket" || o.ticket) {
				want = append(want, map[string][]string{way: o.scopes.Names()})
			}
		}
		require.ElementsMatch(t, want, d.Security, name)
	}
}

// TestMatrix asks for every operation as every caller.
func TestMatrix(t *testing.T) {
	t.Parallel()
	shop := newShop(t, nil)
	callers := shop.callers(t)
	s := newScene(t, shop)
	d := shop.document(t)
	cells := 0
	for name, o := range operations() {
		d := d.operations()[name]
		require.NotNil(t, d, name)
		for _, c := range callers {
			methods := []string{d.method}
			if d.method == "GET" {
				methods = append(methods, "HEAD")
			}
			for _, method := range methods {
				r := s.request(&o, d)
				r.method = method
				cells++
				s.check(t, name, &o, c, c.as(r))
			}
		}
	}
	t.Logf("%d operations, %d callers, %d requests", len(operations()), len(callers), cells)
}

// check asks for an operation and compares the answer with what is expected.
func (s *scene) check(t testing.TB, name string, o *operation, c *caller, r request) {
	t.Helper()
	cell := name + " as " + c.name + ": " + r.method + " " + r.path
	want, got := o.expected(c), s.ask(t, r)
	switch {
	case o.done == 101 && r.method == "HEAD" && (want == 101 || want == 404):
		want = 426 // before it is looked for
	case c.ticket != "" && o.who == everybody && got.status == 400: // such a parameter is not known there
		want = 400
	}
	require.Equal(t, want, got.status, "%s: %s", cell, got.body)
	require.Equal(t, got.status == 401, got.header.Get("WWW-Authenticate") != "", cell)
	if got.status >= 400 && r.method != "HEAD" && name != "trackPage" {
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), cell)
		require.Equal(t, map[int]string{
			400: "validation_failed", 401: "unauthenticated", 403: string(commerce.CodeForbidden), 404: "not_found", 426: "upgrade_required",
		}[got.status], got.problem(t).Code, cell)
	}
	if kind := got.header.Get("Content-Type"); kind == "application/json" || kind == "application/problem+json" {
		require.True(t, r.method == "HEAD" || json.Valid([]byte(got.body)), "%s: %s", cell, got.body)
	}
	leaked := s.secretsIn(strings.ReplaceAll(got.text(), s.asked(r), "")) &^ o.mayShow(c)
	require.Zero(t, leaked, "%s shows what it must not: %s", cell, got.text())
}

// asked is the id in a request's path, which an answer may repeat; or a text that is nowhere.
func (s *scene) asked(r request) string {
	for _, id := range s.orders {
		if strings.Contains(r.path, id) {
			return id
		}
	}
	return "\x00"
}
