package apifuzz

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
)

// rememberedMax bounds what is remembered of each kind: newer things take the place of older ones.
const rememberedMax = 64

// memory is what one worker has learned from answers: ids by the collection they are of, cursors by the
// operation that gave them, tags, tickets, idempotency keys. Workers share nothing, so that what one asks
// depends on its seed and on its own answers only.
type memory struct {
	rand  *rand.Rand
	kinds map[string][]string
	// newest is the last one of each kind.
	newest map[string]string
	// spared are ids that are never asked for again: see Fuzzer.Spared.
	spared []string
}

// The kinds of things that are not ids.
const (
	kindTag    = "*tag"
	kindTicket = "*ticket"
	kindKey    = "*idempotency key"
	kindCursor = "*cursor of "
)

func newMemory(source *rand.Rand, spared []string) *memory {
	return &memory{rand: source, spared: spared, kinds: make(map[string][]string), newest: make(map[string]string)}
}

func (m *memory) keep(kind, text string) {
	if slices.Contains(m.spared, text) {
		return
	}
	m.newest[kind] = text
	if len(m.kinds[kind]) < rememberedMax {
		m.kinds[kind] = append(m.kinds[kind], text)
		return
	}
	m.kinds[kind][m.rand.IntN(rememberedMax)] = text
}

// recall returns something of a kind, mostly one of the newest.
func (m *memory) recall(kind string) (string, bool) {
	all := m.kinds[kind]
	if len(all) == 0 {
		return "", false
	}
	if m.rand.IntN(2) == 0 {
		all = all[max(0, len(all)-4):]
	}
	return all[m.rand.IntN(len(all))], true
}

// take recalls something that is good only once.
func (m *memory) take(kind string) (string, bool) {
	all := m.kinds[kind]
	if len(all) == 0 {
		return "", false
	}
	m.kinds[kind] = all[:len(all)-1]
	return all[len(all)-1], true
}

// collection is what an operation's ids are of: the word before the id in its path, or its last one.
func (o *operation) collection() string {
	words := strings.Split(strings.Trim(o.Path, "/"), "/")
	for i, word := range words {
		if word == "{id}" && i > 0 {
			return words[i-1]
		}
	}
	return words[len(words)-1]
}

// learn reads an answer's body.
func (m *memory) learn(op *operation, body []byte) {
	var document any
	if json.Unmarshal(body, &document) == nil {
		m.read(op, document)
	}
}

func (m *memory) read(op *operation, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if text, ok := inner.(string); ok && text != "" {
				m.note(op, name, text)
				continue
			}
			m.read(op, inner)
		}
	case []any:
		for _, inner := range v {
			m.read(op, inner)
		}
	}
}

func (m *memory) note(op *operation, name, text string) {
	switch {
	case name == "id":
		m.keep(op.collection(), text)
	case name == "next_cursor":
		m.keep(kindCursor+op.ID, text)
	case name == "ticket":
		m.keep(kindTicket, text)
	case strings.HasSuffix(name, "_id") && len(text) == idLength:
		m.keep(collectionOf(name), text)
	}
}

// idLength is how long an id is.
const idLength = 36

// collectionOf returns where the ids of a field are from: product_id is of products.
func collectionOf(field string) string { return strings.TrimSuffix(field, "_id") + "s" }
