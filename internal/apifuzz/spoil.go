package apifuzz

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// spoiler changes one thing about a request, and notes what the document says of that.
type spoiler func(*maker, *draft)

// spoilers are the ways in which requests go wrong.
func spoilers() []spoiler {
	return []spoiler{
		(*maker).spoilParameter, (*maker).spoilParameter, (*maker).dropParameter, (*maker).repeatParameter,
		(*maker).addParameter, (*maker).spoilEncoding,
		(*maker).spoilField, (*maker).spoilField, (*maker).spoilField, (*maker).dropField, (*maker).addField,
		(*maker).spoilText, (*maker).spoilText, (*maker).spoilMedia,
		(*maker).spoilHeader,
	}
}

// spoilParameter gives a parameter a value that may be wrong: the schema says whether it is.
func (m *maker) spoilParameter(d *draft) {
	if len(d.op.Parameters) == 0 {
		return
	}
	p := &d.op.Parameters[m.rand.IntN(len(d.op.Parameters))]
	if !d.touch(p.Name) {
		return
	}
	text := m.oddValue(p)
	switch p.In {
	case "path":
		d.stray = d.stray || text == "" || strings.ContainsAny(text, `/.\`) // another path
		d.path = strings.Replace(d.op.Path, "{"+p.Name+"}", url.PathEscape(text), 1)
	case "query":
		d.query = slices.DeleteFunc(d.query, func(q pair) bool { return q.name == p.Name })
		d.query = append(d.query, pair{p.Name, url.QueryEscape(text)})
	case "header":
		d.headers = slices.DeleteFunc(d.headers, func(h pair) bool { return h.name == p.Name })
		text = headerText(text)
		d.headers = append(d.headers, pair{p.Name, text})
		if text == "" {
			d.unsure = true
			return // a field without a value may count as none
		}
	}
	d.unsure = true // it may not go with the others
	if !p.accepts(text) && !slices.Contains(m.lenient, p.Name) {
		d.spoiled("%s is %.60q", p.Name, text)
	}
}

// oddValue is a value at a bound of a parameter, beyond it, or of another kind.
func (m *maker) oddValue(p *parameter) string {
	s := m.doc.resolve(p.Schema)
	low, high := s.number("minimum", 0), s.number("maximum", 100)
	longest := int(s.number("maxLength", 200))
	return pick(m.g(), []func() string{
		func() string { return strconv.FormatInt(low-1, 10) },
		func() string { return strconv.FormatInt(high, 10) + "0" },
		func() string { return strconv.FormatInt(low, 10) },
		func() string { return strconv.FormatInt(high, 10) },
		func() string { return strings.Repeat("x", longest+1) },
		func() string { return strings.Repeat("é", longest) },
		func() string { return strings.Repeat("x", longest) },
		func() string { return m.odd(1 + m.rand.IntN(20)) },
		func() string { return textOf(m.anything(0)) },
		func() string {
			return pick(m.g(), []string{
				"", " ", "null", "true", "TRUE", "-0", "+1", "1e3", "0x10", "1.0", "NaN", "\x00", "\xff\xfe", "'", "' OR 1=1--", "../..", "%00", "[]", "{}",
				"9999999999999999999", "-9223372036854775809", "2026-02-30", "2026-07-14T25:00:00Z", "0000-00-00", "019f5fda-c2fb-7000-8000-00000000000",
				"019F5FDA-C2FB-7000-8000-000000000002", "{019f5fda-c2fb-7000-8000-000000000002}", "019f5fdac2fb70008000000000000002", "*", "\"", "W/\"\"",
			})
		},
	})()
}

func (m *maker) g() *grower { return &m.grower }

// headerText takes out what would end a field.
func headerText(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.Trim(text, " "))
}

func (m *maker) dropParameter(d *draft) {
	for i := range d.op.Parameters {
		p := &d.op.Parameters[i]
		if p.Required && p.In != "path" && m.oneIn(2) && d.touch(p.Name) {
			missing := func(q pair) bool { return q.name == p.Name }
			d.query, d.headers = slices.DeleteFunc(d.query, missing), slices.DeleteFunc(d.headers, missing)
			d.spoiled("%s is missing", p.Name)
		}
	}
}

func (m *maker) repeatParameter(d *draft) {
	if len(d.query) > 0 {
		twice := pick(m.g(), d.query)
		if !d.touch(twice.name) {
			return
		}
		d.query = append(d.query, twice)
		if slices.ContainsFunc(d.op.Parameters, func(p parameter) bool { return p.In == "query" && p.Name == twice.name }) {
			d.spoiled("%s is there twice", twice.name)
		}
		return
	}
	if len(d.headers) > 0 {
		d.headers = append(d.headers, pick(m.g(), d.headers))
		d.unsure = true
	}
}

// addParameter adds one that the document does not know. It does not say what becomes of that.
func (m *maker) addParameter(d *draft) {
	d.query = append(d.query, pair{url.QueryEscape(m.odd(1 + m.rand.IntN(8))), url.QueryEscape(m.odd(m.rand.IntN(8)))})
	d.unsure = true
}

// spoilEncoding writes what is right in an odd way, or what cannot be read at all.
func (m *maker) spoilEncoding(d *draft) {
	d.unsure = true
	switch odd := pick(m.g(), []string{"%", "%zz", "%0", "%u0041", "%c0%af", "%00", "&", "&&=", "=", "?", ";", "%2f", "%2e%2e", "/", "//", "%25"}); {
	case len(d.query) > 0 && m.oneIn(2):
		d.query[m.rand.IntN(len(d.query))].value += odd
	case m.oneIn(2):
		d.path, d.stray = d.path+odd, true
	default: // every letter as a number
		var path strings.Builder
		for _, c := range []byte(d.path) {
			if c == '/' || c == '%' {
				path.WriteByte(c)
				continue
			}
			path.WriteString("%" + strconv.FormatInt(int64(c), 16))
		}
		d.path, d.stray = path.String(), true
	}
}

// spoilField puts something else in place of a value somewhere in the body.
func (m *maker) spoilField(d *draft) {
	if d.body == nil || slices.Contains(m.lenient, d.op.ID) {
		return
	}
	wrongs := []any{
		nil, "", "x", true, json.Number("-1"), json.Number("0"), json.Number("1.5"), json.Number("9223372036854775807"),
		json.Number("9223372036854775808"), json.Number("1e400"), json.Number("-0"), json.Number("1e2"),
		[]any{},
		map[string]any{},
		m.anything(0),
		strings.Repeat("x", 5000), strings.Repeat("é", 200), "\u0000", m.odd(30), json.Number(strings.Repeat("9", 500)),
	}
	d.body = replaced(d.body, m.rand, pick(m.g(), wrongs))
	d.rewrite()
}

// replaced returns a value in which one leaf, field or element is another one.
func replaced(value any, source *rand.Rand, with any) any {
	switch v := value.(type) {
	case map[string]any:
		if names := sortedNames(v); len(names) > 0 {
			name := names[source.IntN(len(names))]
			if source.IntN(3) == 0 {
				v[name] = with
			} else {
				v[name] = replaced(v[name], source, with)
			}
			return v
		}
	case []any:
		if len(v) > 0 {
			at := source.IntN(len(v))
			v[at] = replaced(v[at], source, with)
			return v
		}
	}
	return with
}

func (m *maker) dropField(d *draft) {
	fields, ok := d.body.(map[string]any)
	if !ok || len(fields) == 0 {
		return
	}
	delete(fields, pick(m.g(), sortedNames(fields)))
	d.rewrite()
}

func (m *maker) addField(d *draft) {
	if fields, ok := d.body.(map[string]any); ok {
		fields[pick(m.g(), []string{"id", "status", "total_amount", "customer_id", "version", "__proto__", "", "x"})] = m.anything(0)
		d.rewrite()
	}
}

// rewrite writes the body anew and asks the schema what it is now.
func (d *draft) rewrite() {
	if d.broken != "" {
		return
	}
	d.text = encode(d.body)
	d.unsure = true // formats, like a time, have forms that one reader takes and another does not
	d.breaks = ""
	if err := d.op.Body.check.Validate(d.body); err != nil {
		d.breaks = "the body breaks its schema: " + err.Error()
	}
}

// touch reports whether nobody has spoiled a parameter before: who does so twice may put it right.
func (d *draft) touch(name string) bool {
	if slices.Contains(d.touched, name) {
		return false
	}
	d.touched = append(d.touched, name)
	return true
}

// spoilText breaks the text of the body.
func (m *maker) spoilText(d *draft) {
	if len(d.text) < 2 || d.body == nil || d.broken != "" {
		return
	}
	text := bytes.Clone(d.text)
	at := 1 + m.rand.IntN(len(text)-1)
	switch m.rand.IntN(9) {
	case 0:
		d.text = text[:at]
	case 1:
		d.text = append(text, pick(m.g(), []string{"}", "]", ",", "{}", "\x00", "null"})...)
	case 2:
		d.text = append([]byte("\ufeff"), text...)
	case 3:
		d.text = slices.Concat(text[:at], []byte{0xff, 0xc0, 0x80}, text[at:])
	case 4: // the first field twice
		end := bytes.IndexByte(text, ':')
		if end < 0 {
			return
		}
		d.text = slices.Concat([]byte("{"), text[1:end], []byte(":null,"), text[1:])
	case 5:
		d.text = bytes.Repeat([]byte(pick(m.g(), []string{"[", `{"a":`})), 2000)
	case 6:
		d.text = []byte(pick(m.g(), []string{"nul", "'{}'", "{a:1}", "// x\n{}", "{,}", "\xef\xbb\xbf", "NaN", `{"a":1,}`}))
	case 7:
		d.text = []byte(pick(m.g(), []string{"null", "0", `""`, "[]", "true"}))
	default:
		d.text = append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 200_000)...), `"}`...)
	}
	d.broken = "the body is no JSON of its schema"
}

func (m *maker) spoilMedia(d *draft) {
	if d.text == nil {
		d.text, d.unsure = []byte("{}"), true // nobody asked for a body
	}
	d.media = pick(m.g(), []string{
		"", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json; charset=latin1",
		"application/json; charset=utf-8", "application/merge-patch+json", "*/*", "application/json, text/plain", ";", strings.Repeat("a/", 100),
	})
	d.unsure = true
}

// spoilHeader adds fields that mean something to servers, or nothing to anybody.
func (m *maker) spoilHeader(d *draft) {
	d.unsure = true
	d.headers = append(d.headers, pick(m.g(), []pair{
		{"X-HTTP-Method-Override", "DELETE"},
		{"Accept", "application/xml"},
		{"Accept", "*/*;q=0"},
		{"Accept-Encoding", "gzip, br, identity;q=0"},
		{"Content-Encoding", "gzip"},
		{"Range", "bytes=0-1"},
		{"Expect", "200-ok"},
		{"X-Forwarded-For", "1.2.3.4"},
		{"Forwarded", "for=1.2.3.4"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"If-Modified-Since", "Tue, 14 Jul 2026 09:00:00 GMT"},
		{"Cookie", "__Host-penstock=x; a=b"},
		{"X-Long", strings.Repeat("x", 17<<10)},
		{"Upgrade", "h2c"},
		{"Upgrade", "websocket"},
		{"Connection", "close"},
		{"Last-Event-ID", "99999999999999999999"},
		{"Sec-WebSocket-Version", "12"},
		{"X-Correlation-ID", "a b"},
		{"Host", "evil.example"},
		{"Content-Length", "0"},
		{"Traceparent", "00-zz"},
		{"X-User-ID", "bob"},
		{"X-User-ID", "a b"},
		{"Bad Name", "x"},
		{"Idempotency-Key", ""},
		{"TE", "trailers"},
		{"X-Bytes", "\xff\x80"},
	}))
}
