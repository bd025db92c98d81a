package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// keysListed reads all keys page by page: those that have expired are left out, wherever they lie.
func keysListed(b *bundle) {
	p := b.product(1000)
	var want []commerce.KeyBinding
	for i := range 30 {
		b.w.Terms.KeyTTL = 24 * time.Hour
		if i%3 == 0 {
			b.w.Terms.KeyTTL = -time.Minute
		}
		e := b.w.Order("ann", fmt.Sprint(i), Line{p, 1})
		b.apply(e)
		if i%3 != 0 {
			want = append(want, *e.Key)
		}
	}
	slices.SortFunc(want, func(x, y commerce.KeyBinding) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	for _, limit := range []int{1, 7, persistence.PageMax + 1} {
		var got []commerce.KeyBinding
		for after := (commerce.KeyID{}); ; after = got[len(got)-1].ID {
			page, err := b.store.BoundKeys(b.Context(), after, limit)
			require.NoError(b, err)
			require.LessOrEqual(b, len(page), min(limit, persistence.PageMax))
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		require.Equal(b, want, got, "in pages of %d", limit)
	}
	none, err := b.store.BoundKeys(b.Context(), commerce.KeyID{}, 0)
	require.NoError(b, err)
	require.Empty(b, none)
}
