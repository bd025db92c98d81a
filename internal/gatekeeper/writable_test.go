package gatekeeper_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWritable puts into each object that is sent, at every depth, each member that an answer shows and that is not
// to be sent: what the server decides. It must be refused by name.
func TestWritable(t *testing.T) {
	t.Parallel()
	s := newScene(t, newShop(t, nil))
	d := s.document(t)
	shown := d.shownMembers()
	for _, name := range []string{"status", "customer_id", "version", "total_amount", "unit_price", "placed_at", "id", "stock", "archived", "created_at"} {
		require.Contains(t, shown, name)
	}
	good := goodBodies(s)
	checked := 0
	for name, o := range d.operations() {
		for kind, content := range o.RequestBody.Content {
			if name == "importBenchmarkResult" { // a document from elsewhere, of which only some members are read
				continue
			}
			body, ok := good[name]
			require.True(t, ok, "give a good body of %s", name)
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(body), &object))
			d.eachObject(content.Schema, object, "", func(schema schema, at map[string]any, pointer string) {
				for _, member := range slices.Sorted(maps.Keys(shown)) {
					if _, writable := schema.Properties[member]; writable {
						continue
					}
					for _, value := range []any{shown[member], "x", 1, nil} {
						at[member] = value
						text, err := json.Marshal(object)
						require.NoError(t, err)
						delete(at, member)
						op := operations()[name]
						r := s.request(&op, o)
						r.body = string(text)
						got := s.ask(t, s.admin.as(r).with("Content-Type", kind))
						require.Equal(t, 400, got.status, "%s with %s/%s: %s", name, pointer, member, got.body)
						require.Contains(t, got.body, member, "%s says which member", name)
						require.Equal(t, "validation_failed", got.problem(t).Code)
						checked++
					}
				}
			})
		}
	}
	t.Logf("%d members put in", checked)
	after := s.must(t, s.owner.as(request{method: "GET", path: "/api/v2/orders/" + s.shipped})).body
	require.Contains(t, after, `"status":"shipped"`)
}

// goodBodies are bodies with every object that can be sent. They are never accepted: something is always put in.
func goodBodies(s *scene) map[string]string {
	return map[string]string{
		"placeOrder":       canaryOrder(s.canary),
		"cancelOrder":      `{"reason":"x"}`,
		"transitionOrder":  `{"to":"paid"}`,
		"transitionOrders": `{"transitions":[{"order_id":"` + s.shipped + `","to":"delivered"}]}`,
		"createProduct":    `{"name":"n","description":"","price":1,"stock_quantity":1}`,
		"updateProduct":    `{"price":1}`,
		"adjustStock":      `{"quantity_change":1}`,
		"createKey":        `{"name":"n","subject":"s","scopes":["orders:read"]}`,
		"rotateKey":        `{"grace_seconds":1}`,
	}
}

// resolve follows a reference.
func (d *document) resolve(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Components.Schemas[name]
	}
	return s
}

// eachObject calls visit with an object and those in it, and what may stand in them. Attributes of products are
// free, and have no properties.
func (d *document) eachObject(of schema, object map[string]any, pointer string, visit func(schema, map[string]any, string)) {
	of = d.resolve(of)
	visit(of, object, pointer)
	for name, property := range of.Properties {
		property = d.resolve(property)
		inner := object[name]
		if list, ok := inner.([]any); ok && property.Items != nil {
			inner, property = list[0], d.resolve(*property.Items)
		}
		if deeper, ok := inner.(map[string]any); ok && len(property.Properties) > 0 {
			d.eachObject(property, deeper, pointer+"/"+name, visit)
		}
	}
}

// shownMembers are the members of all objects in answers, each with a likely value.
func (d *document) shownMembers() map[string]any {
	likely := map[string]any{
		"status": "completed", "customer_id": otherName, "version": 1, "total_amount": 0, "unit_price": 0, "price": 0,
		"id": missingOrder(), "archived": false, "stock": map[string]any{"on_hand": 1},
	}
	all := make(map[string]any)
	var visit func(schema, int)
	visit = func(of schema, depth int) {
		of = d.resolve(of)
		if of.Items != nil {
			visit(*of.Items, depth+1)
		}
		for name, property := range of.Properties {
			if all[name] = likely[name]; depth < 5 {
				visit(property, depth+1)
			}
		}
	}
	for _, o := range d.operations() {
		for status, response := range o.Responses {
			for kind, content := range response.Content {
				if kind == "application/json" && status[0] == '2' {
					visit(content.Schema, 0)
				}
			}
		}
	}
	return all
}
