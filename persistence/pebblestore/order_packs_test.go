package pebblestore

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
)

// Packs, rows and runs are one list, wherever it is entered.
func TestProductOrders_AreOneList(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), small(vfs.NewMem()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	db := s.mu.instance.db
	product := commerce.ID{7}
	id := func(n int) commerce.ID { return commerce.ID{byte(n >> 8), byte(n), 9} }
	rapid.Check(t, func(t *rapid.T) {
		require.NoError(t, db.DeleteRange([]byte{tablePacks}, []byte{tableProductOf + 1}, pebble.NoSync))
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 300), 0, 60, rapid.ID).Draw(t, "orders")
		slices.Sort(ids)
		var all, pack []commerce.ID
		var runs [3][]commerce.ID
		for _, n := range ids {
			all = append(all, id(n))
			switch where := rapid.IntRange(0, 9).Draw(t, "where"); {
			case where < 3:
				runs[where] = append(runs[where], id(n))
			case where < 5:
				require.NoError(t, db.Set(append(productPrefix(nil, product), all[len(all)-1][:]...), nil, pebble.NoSync))
			default:
				pack = append(pack, id(n))
			}
			if n := len(pack); n > 0 && rapid.IntRange(0, 4).Draw(t, "end of pack") == 0 {
				require.NoError(t, db.Set(packKey(nil, product, pack[n-1]), appendPack(nil, pack[:n-1]), pebble.NoSync))
				pack = nil
			}
		}
		if n := len(pack); n > 0 {
			require.NoError(t, db.Set(packKey(nil, product, pack[n-1]), appendPack(nil, pack[:n-1]), pebble.NoSync))
		}
		snap, err := s.snapshot(t.Context())
		require.NoError(t, err)
		defer snap.release()
		snap.unmerged = new(unmerged)
		for i, orders := range runs {
			if len(orders) > 0 {
				snap.unmerged.runs = append(snap.unmerged.runs, &run{
					seq: uint64(i + 1), orders: orders, lines: []uint32{0}, products: []runProduct{{id: product, first: 1}},
				})
			}
		}
		var bounds orderBounds
		if rapid.Bool().Draw(t, "from") {
			bounds.from = id(rapid.IntRange(0, 300).Draw(t, "from id"))
		}
		if rapid.Bool().Draw(t, "to") {
			bounds.to = id(rapid.IntRange(1, 301).Draw(t, "to id"))
		}
		want := bounds.cut(all)
		list, err := openProductOrders(t.Context(), snap, product, bounds)
		require.NoError(t, err)
		valid := list.last()
		for len(want) > 0 {
			require.True(t, valid)
			require.Equal(t, want[len(want)-1], list.id())
			if rapid.IntRange(0, 2).Draw(t, "leap") > 0 {
				to := id(rapid.IntRange(0, 300).Draw(t, "leap to"))
				valid = list.downTo(to)
				for len(want) > 0 && want[len(want)-1].Compare(to) > 0 {
					want = want[:len(want)-1]
				}
			} else {
				valid = list.previous()
				want = want[:len(want)-1]
			}
		}
		require.False(t, valid)
		require.NoError(t, list.close())
	})
}

func TestPack_SpoiltRowsAreRefused(t *testing.T) {
	t.Parallel()
	a, b, c := commerce.ID{1}, commerce.ID{2}, commerce.ID{3}
	key := packKey(nil, commerce.ID{9}, c)
	orders, err := readPack(nil, key, appendPack(nil, []commerce.ID{a, b}))
	require.NoError(t, err)
	require.Equal(t, []commerce.ID{a, b, c}, orders)
	for name, value := range map[string][]byte{
		"nothing":                {},
		"another version":        {9},
		"half an order":          appendPack(nil, []commerce.ID{a})[:9],
		"orders that go back":    appendPack(nil, []commerce.ID{b, a}),
		"an order twice":         appendPack(nil, []commerce.ID{a, a}),
		"the key's order":        appendPack(nil, []commerce.ID{c}),
		"an order after the key": appendPack(nil, []commerce.ID{{4}}),
	} {
		_, err := readPack(nil, key, value)
		require.ErrorIs(t, err, errCorrupt, name)
	}
	_, err = readPack(nil, key[:20], appendPack(nil, nil))
	require.ErrorIs(t, err, errCorrupt)
}
