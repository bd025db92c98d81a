package apifuzz

import (
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
)

// matching makes a text that a pattern matches, as long as its lengths let it: low and high bound what the
// pattern repeats at will.
func (g *grower) matching(pattern string, low, high int) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err) // Parse has looked at it
	}
	count := low + g.rand.IntN(max(1, min(high, low+textMax)-low+1))
	var out strings.Builder
	g.match(parsed.Simplify(), &out, count)
	return out.String()
}

func (g *grower) match(r *syntax.Regexp, out *strings.Builder, count int) {
	repeat := func(least, most int) {
		for range min(max(count, least), most) {
			g.match(r.Sub[0], out, 1)
		}
	}
	switch r.Op {
	case syntax.OpLiteral:
		out.WriteString(string(r.Rune))
	case syntax.OpCharClass:
		at := 2 * g.rand.IntN(len(r.Rune)/2)
		out.WriteRune(r.Rune[at] + g.rand.Int32N(r.Rune[at+1]-r.Rune[at]+1))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		out.WriteByte('x')
	case syntax.OpCapture:
		g.match(r.Sub[0], out, count)
	case syntax.OpConcat:
		for _, sub := range r.Sub {
			g.match(sub, out, count)
		}
	case syntax.OpAlternate:
		g.match(pick(g, r.Sub), out, count)
	case syntax.OpStar:
		repeat(0, count)
	case syntax.OpPlus:
		repeat(1, max(count, 1))
	case syntax.OpQuest:
		repeat(0, g.rand.IntN(2))
	default: // beginnings, ends and what is empty
	}
}

// sortedNames returns the names of fields in an order that does not change.
func sortedNames(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }
