package commerce

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestID(t *testing.T) {
	t.Parallel()

	t.Run("reads back what it prints", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			id := ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
			for _, text := range []string{id.String(), strings.ToUpper(id.String())} {
				back, err := ParseID(text)
				require.NoError(t, err)
				require.Equal(t, id, back)
			}
		})
	})

	t.Run("refuses everything else", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			"", "0", "01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a805",
			"01890a5d-ac96-774b-bcce-b302099a80577", "01890a5d-ac96-774b-bcce-b302099a805g",
			"{1890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcceab302099a8057",
		} {
			_, err := ParseID(text)
			require.Error(t, err, text)
		}
	})

	t.Run("sorts by its time", func(t *testing.T) {
		t.Parallel()
		at := time.Date(2026, 11, 22, 13, 0, 0, 123e6, time.UTC)
		floor := IDFloor(at)
		require.Equal(t, at, floor.Time())
		require.Negative(t, IDFloor(at.Add(-time.Millisecond)).Compare(floor))
		require.Positive(t, IDFloor(at.Add(time.Millisecond)).Compare(floor))
		require.Zero(t, floor.Compare(floor))
		require.True(t, IDFloor(time.Unix(-5, 0)).IsZero(), "times before 1970 have the first id")
	})

	t.Run("spreads evenly over the partitions", func(t *testing.T) {
		t.Parallel()
		var counts [PartitionsMax]int
		const each = 200
		for i := range PartitionsMax * each {
			id := IDFloor(time.UnixMilli(int64(i)))
			id[15], id[14], id[13] = byte(i), byte(i>>8), byte(i>>16)
			counts[id.Partition()]++
		}
		for partition, n := range counts {
			require.InDelta(t, each, n, each*0.5, "partition %d", partition)
		}
	})
}
