package apifuzz

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/valyala/fasthttp"
)

// draft is a request while it is made up.
type draft struct {
	op      *operation
	method  string
	path    string // as it is sent
	query   []pair // values as they are sent
	headers []pair
	body    any    // what text is written from
	text    []byte // the body as it is sent; nil: none
	media   string
	caller  *Caller
	ticket  bool // a ticket stands for the credential
	stray   bool // it may not reach the operation at all

	wrong   []string // what the document does not allow about the parameters
	breaks  string   // how the body breaks its schema, or ""
	broken  string   // why the body's text is not what it was written from, or ""
	touched []string // parameters that were spoiled
	unsure  bool     // the document does not say whether it may be refused as not valid
}

type pair struct{ name, value string }

func (d *draft) spoiled(format string, args ...any) {
	d.wrong = append(d.wrong, fmt.Sprintf(format, args...))
}

// faults says what the document does not allow about the request; "" is nothing.
func (d *draft) faults() string {
	all := slices.Clone(d.wrong)
	for _, fault := range []string{d.breaks, d.broken} {
		if fault != "" {
			all = append(all, fault)
		}
	}
	return strings.Join(all, "; ")
}

// maker makes requests up.
type maker struct {
	grower
	callers []Caller
	set     map[string]map[string]string // see Fuzzer.Set
	lenient []string                     // see Fuzzer.Lenient
	stored  []string                     // see Fuzzer.Stored
}

// valid makes a request that the document allows. hints are values for fields and parameters, by name.
func (m *maker) valid(op *operation, hints map[string]string) *draft {
	d := &draft{op: op, method: op.Method, path: op.Path}
	if op.Method == "GET" && m.oneIn(16) {
		d.method = "HEAD"
	}
	withBody := op.Body != nil && (op.Body.Required || m.oneIn(2))
	for i := range op.Parameters {
		p := &op.Parameters[i]
		hint, hinted := hints[p.Name]
		if !hinted {
			hint, hinted = m.set[op.ID][p.Name]
		}
		// What may stand in the query or in a body must stand in one of them.
		elsewhere := withBody && p.In == "query" && !p.Required
		if elsewhere || !hinted && !p.Required && !m.oneIn(3) {
			continue
		}
		text := hint
		if !hinted {
			if text = m.parameter(op, p); text == "" {
				continue // nothing is known that it could be
			}
		}
		d.unsure = d.unsure || slices.Contains(m.stored, p.Name)
		d.put(p, text)
	}
	m.order(d)
	if withBody {
		d.body = m.body(op, hints)
		d.media = pick(m.g(), op.Body.Types)
		d.text = encode(d.body)
		if fields, ok := d.body.(map[string]any); ok {
			for _, name := range m.stored {
				d.unsure = d.unsure || fields[name] != nil
			}
		}
	}
	m.need(d, withBody)
	return d
}

// fill puts ids into the values of a step: @orders is the newest order's.
func (m *maker) fill(values map[string]string) map[string]string {
	filled := make(map[string]string, len(values))
	for name, text := range values {
		for kind, id := range m.memory.newest {
			text = strings.ReplaceAll(text, "@"+kind, id)
		}
		if _, kind, open := strings.Cut(text, "@"); open { // none was made yet
			kind, _, _ = strings.Cut(kind, `"`)
			text = strings.ReplaceAll(text, "@"+kind, m.id(strings.TrimSuffix(kind, "s")+"_id"))
		}
		filled[name] = text
	}
	return filled
}

// shake adds the handshake that a WebSocket begins with, where the document knows one.
func (m *maker) shake(d *draft) {
	if d.op.Answers[fasthttp.StatusSwitchingProtocols] == nil {
		return
	}
	d.method = d.op.Method
	d.headers = append(d.headers, pair{"Connection", "Upgrade"}, pair{"Upgrade", "websocket"}, pair{"Sec-WebSocket-Version", "13"},
		pair{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="})
}

// useTicket lets a ticket stand for a credential, or a text that is none.
func (m *maker) useTicket(d *draft) {
	ticket, ok := m.memory.take(kindTicket)
	if !ok || m.oneIn(8) {
		ticket = m.letters(43)
	}
	d.ticket, d.caller = true, new(Caller)
	d.query = append(d.query, pair{"ticket", ticket})
}

// stray makes a request at a path that is not there, or with a method that the path does not have.
func (m *maker) stray(op *operation) *draft {
	d := &draft{op: op, method: op.Method, path: strings.ReplaceAll(op.Path, "{id}", m.id(strings.TrimSuffix(op.collection(), "s")+"_id")), caller: &m.callers[0], stray: true}
	if m.oneIn(2) {
		d.method = pick(m.g(), []string{"PUT", "TRACE", "OPTIONS", "BREW", "CONNECT", "HEAD", "get"})
		return d
	}
	d.path += pick(m.g(), []string{"/", "/x", ".json", "/..", "/%2e%2e/%2e%2e", "//", "/%00", "/.git/config", "\\", ";x", "/" + m.letters(9000)})
	return d
}

// need gives a request without a body the parameter that stands for it.
func (m *maker) need(d *draft, withBody bool) {
	if d.op.Body == nil || withBody {
		return
	}
	for i := range d.op.Parameters {
		p := &d.op.Parameters[i]
		required, _ := m.doc.resolve(d.op.Body.Schema)["required"].([]any)
		for _, name := range required {
			if name == p.Name && p.In == "query" && !d.has(p.Name) {
				d.unsure = d.unsure || slices.Contains(m.stored, p.Name)
				d.put(p, m.parameter(d.op, p))
			}
		}
	}
}

func (d *draft) has(name string) bool {
	return slices.ContainsFunc(d.query, func(q pair) bool { return q.name == name })
}

// put places a parameter's value, encoded.
func (d *draft) put(p *parameter, text string) {
	switch p.In {
	case "path":
		d.path = strings.Replace(d.path, "{"+p.Name+"}", url.PathEscape(text), 1)
	case "query":
		d.query = append(d.query, pair{p.Name, url.QueryEscape(text)})
	case "header":
		d.headers = append(d.headers, pair{p.Name, headerText(text)})
	}
}

// parameter makes a value for a parameter.
func (m *maker) parameter(op *operation, p *parameter) string {
	switch {
	case p.Name == "cursor":
		known, _ := m.memory.recall(kindCursor + op.ID)
		return known
	case p.In == "path" && p.Name == "id":
		return m.id(strings.TrimSuffix(op.collection(), "s") + "_id")
	case p.Name == "If-Match" || p.Name == "If-None-Match":
		if known, ok := m.memory.recall(kindTag); ok && !m.oneIn(4) && p.accepts(known) {
			return known
		}
		return pick(m.g(), []string{`*`, `"1-1"`, `"1"`, `W/"1-1", "2-3"`})
	case p.Name == "Idempotency-Key":
		if known, ok := m.memory.recall(kindKey); ok && m.oneIn(6) {
			return known
		}
		made := textOf(m.grow(p.Schema, p.Name, 0))
		m.memory.keep(kindKey, made)
		return made
	}
	return textOf(m.grow(p.Schema, p.Name, 0))
}

// order puts the ends of ranges in their order: no schema says that a least price is not above a largest one.
func (m *maker) order(d *draft) {
	for _, ends := range [][2]string{{"min_price", "max_price"}, {"start_date", "end_date"}} {
		low := slices.IndexFunc(d.query, func(q pair) bool { return q.name == ends[0] })
		high := slices.IndexFunc(d.query, func(q pair) bool { return q.name == ends[1] })
		switch {
		case low >= 0 && high >= 0:
			d.unsure = d.unsure || ends[0] == "start_date"
			a, b := &d.query[low].value, &d.query[high].value
			if len(*a) > len(*b) || len(*a) == len(*b) && *a > *b {
				*a, *b = *b, *a
			}
		case (low >= 0 || high >= 0) && ends[0] == "start_date":
			d.unsure = true // a first day after today, more intervals than there may be
		}
	}
}

func (m *maker) body(op *operation, hints map[string]string) any {
	body := m.grow(op.Body.Schema, "", 0)
	if fields, ok := body.(map[string]any); ok {
		for name, text := range hints {
			if inner(m.doc.resolve(op.Body.Schema)["properties"])[name] != nil {
				fields[name] = hintValue(text)
			}
		}
	}
	return body
}

// hintValue is a hint as JSON: numbers and lists by themselves, other texts as strings.
func hintValue(text string) any {
	if value, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
		return value
	}
	return text
}

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // made of maps, lists and texts
	}
	return text
}

// textOf is a value as it stands in a query.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return string(encode(value))
}

// accepts reports whether the document allows a parameter's value.
func (p *parameter) accepts(text string) bool {
	var value any = text
	for _, kind := range p.Schema.kinds() {
		switch {
		case kind == "integer" && isInteger(text):
			value = json.Number(text)
		case kind == "boolean" && (text == "true" || text == "false"):
			value = text == "true"
		}
	}
	return p.check.Validate(value) == nil
}

func isInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}
