package http

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// document makes the OpenAPI 3.1 document out of the registry.
func document(routes []Route, version string) ([]byte, error) {
	paths := make(map[string]map[string]any)
	for i := range routes {
		r := &routes[i]
		if paths[r.Path] == nil {
			paths[r.Path] = make(map[string]any)
		}
		paths[r.Path][strings.ToLower(r.Method)] = operation(r)
	}
	doc := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":   "Penstock",
			"version": version,
			"description": "A commerce ordering engine: an order is durable before it is answered, and no unit is sold twice. " +
				"Amounts of money are integers in minor units. Every refusal is a problem (RFC 9457) with a code to branch on.",
			"license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"paths":      paths,
		"components": map[string]any{"schemas": schemas(), "headers": headerDescriptions()},
		"security":   []any{map[string]any{}}, // nothing proves who asks
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the API document: %w", err)
	}
	return text, nil
}

func operation(r *Route) map[string]any {
	op := map[string]any{
		"operationId": r.Operation,
		"tags":        []string{r.Tag},
		"summary":     r.Summary,
		"parameters":  parameters(r),
		"responses":   responses(r),
	}
	if r.Body != nil {
		content := make(map[string]any)
		for _, kind := range r.Body.Types {
			content[kind] = map[string]any{"schema": reference(r.Body.Schema)}
		}
		op["requestBody"] = map[string]any{"required": !r.Body.Optional, "content": content}
	}
	return op
}

// commonParameters are the header fields that every route reads.
func commonParameters() []Parameter {
	return []Parameter{
		{
			Name: headerCaller, In: InHeader, Kind: KindText, Max: commerce.UserIDMax, Default: callerAnonymous,
			Description: "Who asks, in visible ASCII characters. It is believed.",
		},
		{
			Name: headerCorrelation, In: InHeader, Kind: KindText, Max: correlationMax,
			Description: "Comes back with the answer and stands in the log: letters, digits, '.', '_' and '-'. " +
				"Anything else is replaced by a fresh one.",
		},
	}
}

func parameters(r *Route) []any {
	var out []any
	for _, p := range slices.Concat(r.Parameters, commonParameters()) {
		out = append(out, map[string]any{
			"name": p.Name, "in": string(p.In), "required": p.Required, "description": p.Description,
			"schema": p.schema(),
		})
	}
	return out
}

// schema describes the values that parse accepts.
func (p *Parameter) schema() schema {
	s := schema{"type": "string"}
	switch p.Kind {
	case KindText:
		s["minLength"] = 1
		if p.Max > 0 {
			s["maxLength"] = p.Max
		}
	case KindInteger:
		s = schema{"type": "integer", "format": "int64", "minimum": p.Min, "maximum": p.Max}
	case KindBoolean:
		s = schema{"type": "boolean"}
	case KindWord:
		s["enum"] = p.Words
	case KindID:
		s["format"] = "uuid"
	case KindStart, KindEnd:
		s = schema{"anyOf": []schema{{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}}}
	case KindOrderCursor, KindMovementCursor, KindStreamCursor:
		s["pattern"] = "^[A-Za-z0-9_-]+$"
	}
	switch number, err := strconv.ParseInt(p.Default, 10, 64); {
	case p.Default == "":
	case p.Kind == KindInteger && err == nil:
		s["default"] = number
	default:
		s["default"] = p.Default
	}
	return s
}

// responses describes the answers, and the problems by their status.
func responses(r *Route) map[string]any {
	out := make(map[string]any)
	for _, a := range r.Answers {
		response := map[string]any{"description": a.Description, "headers": headerReferences(a.Headers)}
		switch {
		case a.Schema != "":
			response["content"] = map[string]any{contentTypeJSON: map[string]any{"schema": reference(a.Schema)}}
		case a.Type != "":
			response["content"] = map[string]any{a.Type: map[string]any{"schema": schema{"type": "string"}}}
		}
		out[strconv.Itoa(a.Status)] = response
	}
	codes := make(map[int][]string)
	for _, code := range r.problems() {
		status, _ := statusOf(code)
		codes[status] = append(codes[status], string(code))
	}
	for status, names := range codes {
		slices.Sort(names)
		headers := []string(nil)
		if status == 429 || status == 503 || slices.Contains(names, string(commerce.CodeIdempotencyInFlight)) {
			headers = []string{"Retry-After"}
		}
		out[strconv.Itoa(status)] = map[string]any{
			"description": strings.Join(names, ", "),
			"headers":     headerReferences(headers),
			"content":     map[string]any{contentTypeProblem: map[string]any{"schema": reference("Problem")}},
		}
	}
	return out
}

func headerReferences(names []string) map[string]any {
	out := make(map[string]any)
	for _, name := range slices.Concat(names, []string{headerCorrelation}) {
		out[name] = schema{"$ref": "#/components/headers/" + name}
	}
	return out
}

// publicHeaders are the header fields of an answer that is the same for everybody.
func publicHeaders(names ...string) []string {
	return append(names, "Cache-Control", "CDN-Cache-Control", "Surrogate-Key", "Vary")
}

func headerDescriptions() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"description": description, "schema": schema{"type": "string"}}
	}
	return map[string]any{
		headerCorrelation:      text("The id under which the request is logged."),
		"ETag":                 text("The version that was shown. A product's holds its own and its stock's, like \"12-3407\"."),
		"Location":             text("The path of what was made."),
		"Idempotency-Replayed": text("true when this is the first answer to the key, given once more."),
		"Link":                 text("Other pages of the list (RFC 8288): first, prev, next, last."),
		"X-Total-Count":        text("How many rows were selected in all."),
		"Cache-Control":        text("Who may keep the answer. What is public may be kept, but is asked for again by its ETag."),
		"CDN-Cache-Control":    text("How long a CDN may answer by itself (RFC 9213)."),
		"Surrogate-Key":        text("The name under which a CDN is told to forget the answer."),
		"Vary":                 text("Which fields of the request the answer depends on."),
		"Retry-After":          text("Seconds to wait before the same request can succeed."),
	}
}

func (s *Server) serveDocument(r *request) error {
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answer(200, contentTypeJSON, s.document)
	return nil
}
