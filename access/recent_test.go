package access

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecentHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 1023, 1024, 5000} {
		r := newRecent[int, int](most)
		for i := range 3 * most {
			r.put(i, i)
			require.Equal(t, -i, r.getOrPut(-i-1, func() int { return -i }))
		}
		require.LessOrEqual(t, r.len(), most)
		require.Greater(t, r.len(), most/2)
		last, ok := r.get(-3 * most)
		require.True(t, ok)
		require.Equal(t, 1-3*most, last)
	}
}
