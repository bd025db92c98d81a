package http

import (
	"encoding/json"
	"fmt"
	"maps"
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
		"components": map[string]any{"schemas": schemas(), "headers": headerDescriptions(), "securitySchemes": securitySchemes()},
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
		"security":    security(r),
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

// The names of the ways to say who asks.
const (
	securityBearer  = "bearer"
	securitySession = "session"
	securityTicket  = "ticket"
)

func securitySchemes() map[string]any {
	return map[string]any{
		securityBearer: map[string]any{
			"type": "http", "scheme": "bearer",
			"description": "An API key (pk_…) or a token of the shop's OpenID Connect issuer. A server on a loopback address does " +
				"without, unless it was started with --auth=on.",
		},
		securitySession: map[string]any{
			"type": "apiKey", "in": "cookie", "name": cookieSession, "description": "The session of a page: POST /api/v2/session.",
		},
		securityTicket: map[string]any{
			"type": "apiKey", "in": "query", "name": ticketParameter,
			"description": "For browsers, which cannot send a header with a WebSocket: from POST /api/v2/tickets, good once and for half a minute.",
		},
	}
}

// security says what a route needs to know of its caller: one of these, with all of its scopes.
func security(r *Route) []any {
	if r.Policy.kind == policyAnybody {
		return []any{}
	}
	ways := []string{securityBearer, securitySession}
	if r.Ticket {
		ways = append(ways, securityTicket)
	}
	var out []any
	for _, way := range ways {
		scopes := r.Policy.needs()
		if scopes == nil {
			scopes = []string{}
		}
		out = append(out, map[string]any{way: scopes})
	}
	return out
}

// Patterns of texts, for readers of the document.
const (
	patternVisible    = "^[!-~]+$"
	patternProductTag = `^(\*|(W/)?"[0-9]+(-[0-9]+)?"(, *(W/)?"[0-9]+(-[0-9]+)?")*)$`
	patternCurrency   = "^[A-Z]{3}$"
	patternWord       = `[\p{L}\p{N}]`
	patternText       = `^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$`
	patternNotBlank   = `^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$`
	patternPrintable  = `^[^\p{Cc}]*[^\s\p{Cc}][^\p{Cc}]*$`
)

// commonParameters are the header fields that every route reads.
func commonParameters() []Parameter {
	return []Parameter{
		{
			Name: headerCaller, In: InHeader, Kind: KindText, Max: commerce.UserIDMax, Default: callerAnonymous, Pattern: patternVisible,
			Description: "In visible ASCII characters: who asks, where callers are believed; otherwise the customer that a caller " +
				"with the scope orders:any acts for.",
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
	if p.Pattern != "" {
		s["pattern"] = p.Pattern
	}
	if p.NotZero {
		s = unequal(s, 0)
	}
	if p.Format != "" {
		s["format"] = p.Format
	}
	if len(p.Examples) > 0 {
		s["examples"] = p.Examples
	}
	switch number, err := strconv.ParseInt(p.Default, 10, 64); {
	case p.Default == "":
	case p.Kind == KindInteger && err == nil:
		s["default"] = number
	case p.Kind == KindBoolean:
		s["default"] = p.Default == "true"
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
			content := make(map[string]any)
			for _, kind := range append([]string{a.Type}, a.OtherTypes...) {
				content[kind] = map[string]any{"schema": schema{"type": "string"}}
			}
			response["content"] = content
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
		description, content := strings.Join(names, ", "), map[string]any{contentTypeProblem: map[string]any{"schema": reference("Problem")}}
		headers := headerReferences(problemHeaders(status, names))
		if own, ok := out[strconv.Itoa(status)].(map[string]any); ok { // the route has its own way of saying it, too
			description = fmt.Sprint(own["description"], " Or a problem: ", description)
			if more, ok := own["content"].(map[string]any); ok {
				maps.Copy(content, more)
			}
			headers = headerReferences(nil)
		}
		out[strconv.Itoa(status)] = map[string]any{
			"description": description, "headers": headers, "content": content, extensionCodes: names,
		}
	}
	return out
}

// extensionCodes names, for programs, the codes of the problems that an answer can be.
const extensionCodes = "x-codes"

// problemHeaders returns the fields that problems of a status carry.
func problemHeaders(status int, codes []string) []string {
	switch {
	case status == 401:
		return []string{"WWW-Authenticate"}
	case status == 429:
		return []string{"Retry-After", "RateLimit", "RateLimit-Policy"}
	case status == 503:
		return []string{"Retry-After"}
	case slices.Contains(codes, string(commerce.CodeIdempotencyInFlight)):
		return []string{headerRetryMaybe}
	}
	return nil
}

func headerReferences(names []string) map[string]any {
	out := make(map[string]any)
	for _, name := range slices.Concat(names, []string{headerCorrelation}) {
		out[strings.TrimSuffix(name, maybe)] = schema{"$ref": "#/components/headers/" + name}
	}
	return out
}

// A field whose name ends in maybe is one that not every answer has which could.
const (
	maybe            = "-Maybe"
	headerRetryMaybe = "Retry-After" + maybe
)

// publicHeaders are the header fields of an answer that is the same for everybody.
func publicHeaders(names ...string) []string {
	return append(names, "Cache-Control", "CDN-Cache-Control", "Surrogate-Key", "Vary")
}

func headerDescriptions() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"description": description, "schema": schema{"type": "string"}}
	}
	// always is a field that every answer has of which the document says so.
	always := func(description string) map[string]any {
		return map[string]any{"description": description, "schema": schema{"type": "string"}, "required": true}
	}
	return map[string]any{
		headerCorrelation:      always("The id under which the request is logged."),
		"ETag":                 always("The version that was shown. A product's holds its own and its stock's, like \"12-3407\"."),
		"Location":             always("The path of what was made."),
		"Idempotency-Replayed": text("true when this is the first answer to the key, given once more."),
		"Link":                 always("Other pages of the list (RFC 8288): first, prev, next, last."),
		"X-Total-Count":        always("How many rows were selected in all."),
		"Cache-Control":        always("Who may keep the answer. What is public may be kept, but is asked for again by its ETag."),
		"CDN-Cache-Control":    text("How long a CDN may answer by itself (RFC 9213)."),
		"Surrogate-Key":        text("The name under which a CDN is told to forget the answer."),
		"Vary":                 text("Which fields of the request the answer depends on."),
		"Set-Cookie":           always("The session, or its end."),
		"WWW-Authenticate":     always("How to say who you are."),
		"RateLimit":            text("How many more requests of this kind may come at once, and when all may again. Every answer to a caller with a rate carries it."),
		"RateLimit-Policy":     text("How many requests of this kind may come in how many seconds."),
		"Retry-After":          always("Seconds to wait before the same request can succeed."),
		headerRetryMaybe:       text("Seconds to wait before the same request can succeed, when waiting helps."),
	}
}

func (s *Server) serveDocument(r *request) error {
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answerShared(contentTypeJSON, s.document)
	return nil
}
