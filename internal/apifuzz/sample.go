package apifuzz

import (
	"math/rand/v2"
	"strings"
)

// Sample is a request that the document allows, with everything in it that it may hold: where other tools
// begin.
type Sample struct {
	Operation string
	Method    string
	Path      string // with the query
	Inputs    int    // parameters and fields of the body
	Fields    [][2]string
	Media     string
	Body      string
}

// Samples makes a request for each operation; two where something can be said in the query or in a body. ids
// names things that are there, by their collection.
func (d *Document) Samples(seed uint64, ids map[string]string) []Sample {
	source := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's choices, not secrets
	m := &maker{grower: grower{rand: source, doc: d, memory: newMemory(source, nil)}}
	for kind, id := range ids {
		for range rememberedMax { // so that it is nearly always taken
			m.memory.keep(kind, id)
		}
	}
	var all []Sample
	for _, op := range d.operations {
		if op.Body == nil {
			all = append(all, m.sample(op, false))
			continue
		}
		all = append(all, m.sample(op, true))
		if !op.Body.Required {
			all = append(all, m.sample(op, false))
		}
	}
	return all
}

func (m *maker) sample(op *operation, withBody bool) Sample {
	d := &draft{op: op, method: op.Method, path: op.Path, caller: new(Caller)}
	s := Sample{Operation: op.ID, Method: op.Method}
	for i := range op.Parameters {
		p := &op.Parameters[i]
		common := p.In == "header" && strings.HasPrefix(p.Name, "X-") // every operation has them
		if common && (!withBody || p.Name == "X-Correlation-ID") || withBody && p.In == "query" && !p.Required {
			continue
		}
		if text := m.parameter(op, p); text != "" {
			d.put(p, text)
			s.Inputs++
		}
	}
	m.order(d)
	if withBody {
		body := m.whole(op.Body.Schema, "")
		if fields, ok := body.(map[string]any); ok {
			s.Inputs += len(fields)
		}
		s.Media, s.Body = op.Body.Types[0], string(encode(body))
	}
	var query strings.Builder
	for i, q := range d.query {
		query.WriteString([]string{"?", "&"}[min(i, 1)] + q.name + "=" + q.value)
	}
	s.Path = d.path + query.String()
	for _, h := range d.headers {
		s.Fields = append(s.Fields, [2]string{h.name, h.value})
	}
	return s
}

// whole is grow with every field that there may be, and one item in each list.
func (m *maker) whole(s shape, name string) any {
	s = m.doc.resolve(s)
	switch kinds := s.kinds(); {
	case s["properties"] != nil:
		out := make(map[string]any)
		fields := inner(s["properties"])
		for _, field := range sortedNames(fields) {
			out[field] = m.whole(inner(fields[field]), field)
		}
		return out
	case len(kinds) == 1 && kinds[0] == "array":
		return []any{m.whole(inner(s["items"]), name)}
	}
	return m.grow(s, name, 0)
}
