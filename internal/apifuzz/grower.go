package apifuzz

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// grower makes values that a schema allows, at its bounds as often as between them.
type grower struct {
	rand   *rand.Rand
	doc    *Document
	memory *memory
}

const (
	// textMax and itemsMax bound what is made at will. Bounds that the schema names are met whatever they are.
	textMax  = 24
	itemsMax = 3
	// depthMax bounds what is made of schemas that say nothing of their inside.
	depthMax = 4
)

// oneIn reports true once in n times.
func (g *grower) oneIn(n int) bool { return g.rand.IntN(n) == 0 }

func pick[T any](g *grower, from []T) T { return from[g.rand.IntN(len(from))] }

// grow makes a value. name is that of the field or parameter: it tells of which collection an id is.
func (g *grower) grow(s shape, name string, depth int) any {
	s = g.doc.resolve(s)
	if options, ok := s["anyOf"].([]any); ok {
		return g.grow(inner(pick(g, options)), name, depth)
	}
	if words, ok := s["enum"].([]any); ok {
		return pick(g, words)
	}
	kinds := s.kinds()
	if len(kinds) == 0 {
		return g.anything(depth)
	}
	switch kind := pick(g, kinds); kind {
	case "object":
		return g.object(s, depth)
	case "array":
		return g.array(s, name, depth)
	case "integer":
		return json.Number(strconv.FormatInt(g.integer(s), 10))
	case "number":
		low, high := float64(s.number("minimum", -1000)), float64(s.number("maximum", 1000))
		return json.Number(strconv.FormatFloat(pick(g, []float64{low, high, low + g.rand.Float64()*(high-low)}), 'f', -1, 64))
	case "boolean":
		return g.oneIn(2)
	case "string":
		return g.text(s, name)
	}
	return nil
}

func (g *grower) object(s shape, depth int) any {
	properties := inner(s["properties"])
	out := make(map[string]any)
	if properties == nil && s["additionalProperties"] == nil {
		for range g.rand.IntN(itemsMax) {
			out[g.letters(1+g.rand.IntN(textMax))] = g.anything(depth + 1)
		}
		return out
	}
	required := make(map[string]bool)
	if names, ok := s["required"].([]any); ok {
		for _, name := range names {
			required[name.(string)] = true //nolint:forcetypeassert // the schema was compiled
		}
	}
	for _, name := range sortedNames(properties) {
		if required[name] || g.oneIn(2) {
			out[name] = g.grow(inner(properties[name]), name, depth+1)
		}
	}
	if len(out) == 0 && s.number("minProperties", 0) > 0 {
		name := pick(g, sortedNames(properties))
		out[name] = g.grow(inner(properties[name]), name, depth+1)
	}
	return out
}

func (g *grower) array(s shape, name string, depth int) any {
	low := s.number("minItems", 0)
	high := s.number("maxItems", low+itemsMax)
	count := low + g.rand.Int64N(min(high, low+itemsMax)-low+1)
	if g.oneIn(50) {
		count = high
	}
	out := make([]any, 0, count)
	named := make(map[string]bool)
	for range count {
		item := g.grow(inner(s["items"]), name, depth+1)
		if id := idOf(item); id != "" && named[id] && int64(len(out)) >= low {
			continue // no schema says that no two items may be about the same
		} else if id != "" {
			named[id] = true
		}
		out = append(out, item)
	}
	return out
}

// idOf returns the id of what an item is about, if it is about something.
func idOf(item any) string {
	fields, _ := item.(map[string]any)
	for _, name := range sortedNames(fields) {
		if id, ok := fields[name].(string); ok && len(id) == idLength {
			return id
		}
	}
	return ""
}

// integer makes a number at a bound, near zero, or anywhere.
func (g *grower) integer(s shape) int64 {
	low, high := s.number("minimum", -1<<53), s.number("maximum", 1<<53)
	n := low
	switch g.rand.IntN(8) {
	case 0:
	case 1:
		n = high
	case 2:
		n = low + int64(g.rand.Uint64N(uint64(high-low)+1)) //nolint:gosec // the difference fits
	default:
		n = min(high, max(low, 0)+g.rand.Int64N(20))
	}
	if not := inner(s["not"]); not != nil && not.number("const", n+1) == n {
		return min(high, n+1)
	}
	return n
}

func (g *grower) text(s shape, name string) any {
	low, high := s.number("minLength", 0), s.number("maxLength", textMax)
	switch s["format"] {
	case "uuid":
		return g.id(name)
	case "date-time":
		at := g.moment()
		if g.oneIn(4) {
			return at.In(time.FixedZone("", 9*3600)).Format(time.RFC3339)
		}
		return at.UTC().Format("2006-01-02T15:04:05.000Z")
	case "date":
		return g.moment().Format(time.DateOnly)
	}
	if examples, ok := s["examples"].([]any); ok { // the schema alone does not say enough
		return pick(g, examples)
	}
	text := g.letters(int(low + g.rand.Int64N(min(high, low+textMax)-low+1)))
	switch g.rand.IntN(10) {
	case 0:
		text = g.odd(int(low))
	case 1:
		text = g.odd(int(min(high, 4096)))
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		return g.matching(pattern, int(low), int(high))
	}
	return text
}

// moment is a time that orders may have been placed at, or one far away.
func (g *grower) moment() time.Time {
	now := time.Now()
	if g.oneIn(6) {
		return time.Unix(g.rand.Int64N(4_000_000_000), 0)
	}
	return now.Add(-time.Duration(g.rand.Int64N(int64(72 * time.Hour))))
}

// id is that of something that is there, or of nothing.
func (g *grower) id(name string) string {
	kind := collectionOf(name)
	if known, ok := g.memory.recall(kind); ok && !g.oneIn(12) {
		return known
	}
	if len(g.memory.kinds[kind]) == 0 && !g.oneIn(4) { // baseline, current: names that tell nothing
		for _, other := range []string{"results", "products", "orders"} {
			if known, ok := g.memory.recall(other); ok {
				return known
			}
		}
	}
	var raw [16]byte
	for i := range raw {
		raw[i] = byte(g.rand.Uint32())
	}
	raw[6], raw[8] = raw[6]&0x0f|0x70, raw[8]&0x3f|0x80
	text := hex.EncodeToString(raw[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

func (g *grower) letters(n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[g.rand.IntN(len(alphabet))]
	}
	return string(text)
}

// odd is a text of n characters that programs trip over.
func (g *grower) odd(n int) string {
	alphabet := []rune("\"\\/<>'&%;=+- \t\néß한글日本😀\u200b\u202e\ufeff\u0301{}[]$`|*,.#?")
	text := make([]rune, n)
	for i := range text {
		text[i] = pick(g, alphabet)
	}
	return string(text)
}

// anything is JSON without a schema.
func (g *grower) anything(depth int) any {
	kinds := 7
	if depth >= depthMax {
		kinds = 5
	}
	switch g.rand.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return g.oneIn(2)
	case 2:
		return json.Number(strconv.Itoa(g.rand.IntN(1000) - 500))
	case 3:
		return json.Number(strconv.FormatFloat(g.rand.NormFloat64(), 'f', 3, 64))
	case 4:
		return g.odd(g.rand.IntN(textMax))
	case 5:
		out := make([]any, g.rand.IntN(itemsMax))
		for i := range out {
			out[i] = g.anything(depth + 1)
		}
		return out
	}
	out := make(map[string]any)
	for range g.rand.IntN(itemsMax) {
		out[g.letters(1+g.rand.IntN(8))] = g.anything(depth + 1)
	}
	return out
}
