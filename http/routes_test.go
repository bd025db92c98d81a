package http

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
)

// openapi is what the tests read of the document.
type openapi struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string `json:"summary"`
		Parameters  []struct {
			Name     string         `json:"name"`
			In       string         `json:"in"`
			Required bool           `json:"required"`
			Schema   map[string]any `json:"schema"`
		} `json:"parameters"`
		RequestBody *struct {
			Required bool           `json:"required"`
			Content  map[string]any `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Description string         `json:"description"`
			Codes       []string       `json:"x-codes"`
			Content     map[string]any `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]map[string]any `json:"schemas"`
		Headers map[string]any            `json:"headers"`
	} `json:"components"`
}

func readDocument(t *testing.T, b *testBundle) (doc openapi, text string) {
	t.Helper()
	a := b.do(t, call{"GET", "/openapi.json", "", nil})
	require.Equal(t, 200, a.status)
	require.NoError(t, json.Unmarshal([]byte(a.body), &doc))
	return doc, a.body
}

func TestRegistry_RouterAndDocumentHoldTheSameRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	doc, text := readDocument(t, b)
	golden(t, "openapi.json", text+"\n")
	require.Equal(t, "3.1.0", doc.OpenAPI)

	var registered, routed, documented []string
	for _, r := range b.server.routes {
		registered = append(registered, r.Method+" "+r.Path)
	}
	for method, paths := range b.server.newRouter(doorPublic).List() {
		for _, path := range paths {
			if method == fasthttp.MethodHead {
				require.Contains(t, registered, "GET "+path)
				continue
			}
			routed = append(routed, method+" "+path)
		}
	}
	for path, operations := range doc.Paths {
		for method := range operations {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	require.ElementsMatch(t, registered, routed)
	require.ElementsMatch(t, registered, documented)
}

func TestRegistry_IsComplete(t *testing.T) {
	t.Parallel()
	operations := make(map[string]bool)
	for _, r := range routes() {
		require.False(t, operations[r.Operation], r.Operation)
		operations[r.Operation] = true
		require.NotEmpty(t, r.Summary, r.Operation)
		require.NotNil(t, r.Handle, r.Operation)
		require.LessOrEqual(t, len(r.Parameters), parametersMax, r.Operation)
		require.Equal(t, strings.Contains(r.Path, "{id}"), r.parameter("id") >= 0, r.Operation)
		for _, code := range r.problems() {
			status, _ := statusOf(code)
			require.NotZero(t, status, "%s: %s", r.Operation, code)
			for _, a := range r.Answers {
				require.True(t, status == 503 || status != a.Status, "%s: %s hides an answer", r.Operation, code)
			}
		}
		for _, p := range r.Parameters {
			require.NotEmpty(t, p.Description, "%s %s", r.Operation, p.Name)
			if p.Kind == KindText && p.In != InHeader {
				require.NotZero(t, p.Max, "%s %s has no limit", r.Operation, p.Name)
			}
		}
	}
}

// Every name that the document refers to is in it, and everything in it is referred to.
func TestDocument_RefersToWhatItHolds(t *testing.T) {
	t.Parallel()
	doc, text := readDocument(t, setup(t, nil))
	for name := range doc.Components.Schemas {
		require.Contains(t, text, `"#/components/schemas/`+name+`"`)
	}
	for name := range doc.Components.Headers {
		require.Contains(t, text, `"#/components/headers/`+name+`"`)
	}
	for _, part := range strings.Split(text, `"$ref": "#/components/`)[1:] {
		kind, rest, _ := strings.Cut(part, "/")
		name, _, _ := strings.Cut(rest, `"`)
		if kind == "schemas" {
			require.Contains(t, doc.Components.Schemas, name)
		} else {
			require.Contains(t, doc.Components.Headers, name)
		}
	}
}

func TestDocument_LimitsAreCommercesOwn(t *testing.T) {
	t.Parallel()
	doc, _ := readDocument(t, setup(t, nil))
	limit := func(schema, property, keyword string) int64 {
		properties, ok := doc.Components.Schemas[schema]["properties"].(map[string]any)
		require.True(t, ok, schema)
		fields, ok := properties[property].(map[string]any)
		require.True(t, ok, property)
		number, ok := fields[keyword].(float64)
		require.True(t, ok, "%s.%s has no %s", schema, property, keyword)
		return int64(number)
	}
	for _, c := range []struct {
		schema, property, keyword string
		want                      int64
	}{
		{"CreateProduct", "name", "maxLength", commerce.NameMax},
		{"CreateProduct", "name", "minLength", 1},
		{"CreateProduct", "description", "maxLength", commerce.DescriptionMax},
		{"CreateProduct", "category", "maxLength", commerce.CategoryMax},
		{"CreateProduct", "sku", "maxLength", commerce.SKUMax},
		{"CreateProduct", "price", "maximum", commerce.PriceMax},
		{"CreateProduct", "price", "minimum", 0},
		{"CreateProduct", "stock_quantity", "maximum", commerce.OnHandMax},
		{"ProductPatch", "name", "maxLength", commerce.NameMax},
		{"ProductPatch", "price", "maximum", commerce.PriceMax},
		{"AdjustStock", "quantity_change", "minimum", -commerce.QuantityMax},
		{"AdjustStock", "quantity_change", "maximum", commerce.QuantityMax},
		{"AdjustStock", "reason", "maxLength", commerce.ReasonMax},
		{"PlaceOrder", "items", "maxItems", commerce.OrderItemsMax},
		{"PlaceOrder", "items", "minItems", 1},
		{"PlaceOrder", "note", "maxLength", commerce.NoteMax},
		{"OrderLine", "quantity", "minimum", 1},
		{"OrderLine", "quantity", "maximum", commerce.QuantityMax},
		{"OrderLine", "price", "maximum", commerce.PriceMax},
		{"Address", "street", "maxLength", commerce.AddressFieldMax},
		{"Address", "street", "minLength", 1},
		{"TransitionOrder", "carrier", "maxLength", commerce.CarrierMax},
		{"TransitionOrder", "tracking_number", "maxLength", commerce.TrackingNumberMax},
		{"TransitionOrder", "reason", "maxLength", commerce.ReasonMax},
		{"CancelOrder", "reason", "maxLength", commerce.ReasonMax},
	} {
		require.Equal(t, c.want, limit(c.schema, c.property, c.keyword), "%s.%s", c.schema, c.property)
	}
}

// What the document says of a parameter is what is checked.
func TestDocument_ParametersAreCheckedAsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	doc, _ := readDocument(t, b)
	for i := range b.server.routes {
		r := &b.server.routes[i]
		operation := doc.Paths[r.Path][strings.ToLower(r.Method)]
		require.Len(t, operation.Parameters, len(r.Parameters)+len(commonParameters()))
		for _, described := range operation.Parameters {
			at := r.parameter(described.Name)
			if at < 0 {
				require.Equal(t, string(InHeader), described.In)
				continue
			}
			p := &r.Parameters[at]
			require.Equal(t, p.Required, described.Required)
			accepts := func(text string) bool { return p.parse(text, new(value)) == "" }
			switch p.Kind {
			case KindInteger:
				minimum, maximum := int64(described.Schema["minimum"].(float64)), int64(described.Schema["maximum"].(float64))
				require.True(t, accepts(itoa(minimum)) && accepts(itoa(maximum)), p.Name)
				require.False(t, accepts(itoa(minimum-1)) || accepts(itoa(maximum+1)), p.Name)
				for _, bad := range []string{"", "x", "1.0", "1e1", "+1", " 1", "0x1", "99999999999999999999"} {
					require.False(t, accepts(bad), "%s=%s", p.Name, bad)
				}
			case KindText:
				longest := int(described.Schema["maxLength"].(float64))
				require.True(t, accepts(strings.Repeat("x", longest)), p.Name)
				require.False(t, accepts(strings.Repeat("x", longest+1)), p.Name)
				require.False(t, accepts("") || accepts("\x00") || accepts("\xff"), p.Name)
			case KindWord:
				for _, word := range described.Schema["enum"].([]any) {
					require.True(t, accepts(word.(string)), p.Name)
				}
				require.False(t, accepts("none of them") || accepts(""), p.Name)
			case KindBoolean:
				require.True(t, accepts("true") && accepts("false"), p.Name)
				require.False(t, accepts("1") || accepts("TRUE") || accepts(""), p.Name)
			default:
				require.False(t, accepts("") || accepts("x"), p.Name)
			}
			if fallback, ok := described.Schema["default"]; ok && p.Kind == KindInteger {
				require.True(t, accepts(itoa(int64(fallback.(float64)))), p.Name)
			}
		}
	}
}

// Every refusal in these tests that a route answers is one that the document names.
func TestDocument_NamesTheProblemsOfEveryRoute(t *testing.T) {
	t.Parallel()
	doc, _ := readDocument(t, setup(t, nil))
	for _, r := range routes() {
		responses := doc.Paths[r.Path][strings.ToLower(r.Method)].Responses
		for _, code := range r.problems() {
			status, _ := statusOf(code)
			response, ok := responses[itoa(int64(status))]
			require.True(t, ok, "%s: %s", r.Operation, code)
			require.Contains(t, response.Codes, string(code))
			require.Contains(t, response.Content, contentTypeProblem)
		}
	}
}

func TestRouter_RefusesOtherPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{
		"/", "/api/v2", "/api/v2/", "/api/v2/orders/", "/api/v2/Orders", "/api/v1/orders", "/api/v2//orders",
		"/api/v2/orders/x/y/z", "/debug/pprof/", "/api/v2/products/../orders",
	} {
		a := b.do(t, call{"GET", path, "", nil})
		require.Equal(t, 404, a.status, path)
		require.Contains(t, a.body, `"code":"not_found"`)
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", pathOrders, "GET, HEAD, OPTIONS, POST"},
		{"DELETE", orderPath(1, ""), "GET, HEAD, OPTIONS"},
		{"GET", orderPath(1, "/cancel"), "OPTIONS, POST"},
		{"POST", productPath(2, ""), "DELETE, GET, HEAD, OPTIONS, PATCH"},
		{"BREW", "/health", "GET, HEAD, OPTIONS"},
		{"TRACE", pathOrders, "GET, HEAD, OPTIONS, POST"},
	} {
		a := b.do(t, call{c.method, c.path, "", nil})
		require.Equal(t, 405, a.status, c.path)
		require.Equal(t, c.allow, a.field("Allow"), c.path)
		require.Contains(t, a.body, `"code":"method_not_allowed"`)
	}
	require.Empty(t, b.engine.seen())
}
