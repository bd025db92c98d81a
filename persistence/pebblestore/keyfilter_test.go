package pebblestore

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func filterKey(n int) commerce.KeyID {
	sum := sha256.Sum256(binary.AppendUvarint(nil, uint64(n)))
	return commerce.KeyID(sum[:16])
}

func TestKeyFilter(t *testing.T) {
	t.Parallel()

	t.Run("holds every key it was given, and few others", func(t *testing.T) {
		t.Parallel()
		const keys = 200_000 // three segments
		f := newKeyFilter()
		for i := range keys {
			id := filterKey(i)
			f.add(id[:], 100)
		}
		require.Len(t, *f.segments.Load(), 3)
		wrong := 0
		for i := range keys {
			require.True(t, f.mayHold(filterKey(i)))
			if f.mayHold(filterKey(keys + i)) {
				wrong++
			}
		}
		require.Less(t, wrong, keys/50)
	})

	t.Run("forgets keys that have all expired, a segment at a time", func(t *testing.T) {
		t.Parallel()
		f := newKeyFilter()
		for i := range filterKeysMin + 1 {
			id := filterKey(i)
			f.add(id[:], int64(100+i/filterKeysMin))
		}
		f.drop(time.Unix(100*60+59, 0))
		require.Len(t, *f.segments.Load(), 2)
		f.drop(time.Unix(101*60, 0))
		require.Len(t, *f.segments.Load(), 1)
		require.True(t, f.mayHold(filterKey(filterKeysMin)))
	})

	t.Run("knows nothing beyond its bound until what was left out has expired", func(t *testing.T) {
		t.Parallel()
		f := newKeyFilter()
		full := make([]*filterSegment, filterSegmentsMax)
		for i := range full {
			full[i] = &filterSegment{blocks: make([]filterBlock, 1), until: 99}
		}
		f.segments.Store(&full)
		require.False(t, f.mayHold(filterKey(1)))
		id := filterKey(1)
		f.add(id[:], 101)
		require.True(t, f.mayHold(filterKey(1)))
		require.True(t, f.mayHold(filterKey(2)))
		f.drop(time.Unix(100*60, 0))
		id = filterKey(3)
		f.add(id[:], 102)
		require.True(t, f.mayHold(filterKey(1)), "there is room again, but not for those that were left out")
		f.drop(time.Unix(101*60, 0))
		require.True(t, f.mayHold(filterKey(1)))
		f.drop(time.Unix(102*60, 0))
		require.False(t, f.mayHold(filterKey(1)))
		require.True(t, f.mayHold(filterKey(3)))
	})
}
