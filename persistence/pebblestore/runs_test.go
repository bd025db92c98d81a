package pebblestore

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
)

// anyRunLines returns sorted lines of some products, whose versions follow one another.
func anyRunLines(t *rapid.T) (lines []runLine) {
	products := rapid.SliceOfNDistinct(rapid.Byte(), 1, 5, rapid.ID).Draw(t, "products")
	slices.Sort(products)
	for _, p := range products {
		first := rapid.Uint64Range(1, 1<<40).Draw(t, "first")
		for i := range rapid.IntRange(1, 30).Draw(t, "lines") {
			line := anyMovement(t)
			lines = append(lines, runLine{product: commerce.ID{p}, version: first + uint64(i), row: appendMovement(nil, &line)})
		}
	}
	return lines
}

func TestRun_ComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := anyRunLines(t)
		made, parts, err := makeRun(7, lines)
		require.NoError(t, err)
		read := &run{seq: 7}
		for _, part := range parts {
			require.NoError(t, read.add(part))
		}
		read.seal()
		for _, r := range []*run{made, read} {
			var got []runLine
			var orders []commerce.ID
			for i := range r.products {
				part, ok := r.of(r.products[i].id)
				require.True(t, ok)
				for version := part.first; version <= part.newest(); version++ {
					got = append(got, runLine{product: r.products[i].id, version: version, row: part.row(version)})
				}
				require.True(t, slices.IsSortedFunc(part.orders, commerce.ID.Compare))
				orders = append(orders, part.orders...)
			}
			require.Equal(t, lines, got)
			var placed []commerce.ID
			for _, line := range lines {
				order, err := placedBy(line.row)
				require.NoError(t, err)
				if !order.IsZero() {
					placed = append(placed, order)
				}
			}
			require.ElementsMatch(t, placed, orders)
			for _, id := range placed {
				require.LessOrEqual(t, id.Compare(r.newest), 0)
			}
			_, ok := r.of(commerce.ID{lines[0].product[0], 1})
			require.False(t, ok)
		}
	})
}

func TestRun_PartsAreBounded(t *testing.T) {
	t.Parallel()
	var lines []runLine
	for p := range byte(3) {
		for version := range uint64(2000) {
			line := commerce.Movement{Order: commerce.ID{1, byte(rand.N(256))}, Reason: commerce.ReasonPlaced, Actor: "somebody"}
			lines = append(lines, runLine{product: commerce.ID{p}, version: version + 1, row: appendMovement(nil, &line)})
		}
	}
	r, parts, err := makeRun(7, lines)
	require.NoError(t, err)
	require.Greater(t, len(parts), 3)
	for _, part := range parts {
		require.LessOrEqual(t, len(part), runPartBytes+runGroupBytes+200)
	}
	require.Len(t, r.products, 3)
	part, ok := r.of(commerce.ID{1})
	require.True(t, ok)
	require.Len(t, part.lines, 2000)
	require.Len(t, part.orders, 2000)
	require.LessOrEqual(t, cap(r.bytes), len(r.bytes)*11/10, "a run wastes little memory")
}

func TestRun_SpoiltPartsAreRefused(t *testing.T) {
	t.Parallel()
	row := appendMovement(nil, &commerce.Movement{Order: commerce.ID{1}, Reason: commerce.ReasonPlaced})
	at := func(product byte, version uint64) runLine { return runLine{commerce.ID{product}, version, row} }
	for name, part := range map[string][]byte{
		"a gap":                       loosePart([]runLine{at(1, 1), at(1, 3)}),
		"a line twice":                loosePart([]runLine{at(1, 1), at(1, 1)}),
		"products in the wrong order": loosePart([]runLine{at(2, 1), at(1, 1)}),
		"a group of nothing":          append(append([]byte{rowVersion}, make([]byte, 16)...), 1, 0),
		"a line that is none":         loosePart([]runLine{{commerce.ID{1}, 1, []byte{9}}}),
		"bytes after the last line":   append(loosePart([]runLine{at(1, 1)}), 0),
		"another version":             {9},
		"nothing":                     {},
	} {
		require.ErrorIs(t, new(run).add(part), errCorrupt, name)
	}
	require.NoError(t, new(run).add(loosePart([]runLine{at(1, 1), at(1, 2), at(2, 1)})))
}
