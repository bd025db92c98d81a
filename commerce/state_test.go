package commerce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const testEpoch = 3

func newTestState(now time.Time, stocks ...Stock) *State {
	s := NewState(func(ID) uint64 { return testEpoch })
	s.Reset(now)
	for _, row := range stocks {
		s.LoadStock(row)
	}
	return s
}

func move(product ID, onHand, allocated int64) *Entry {
	return &Entry{Movements: []Movement{{Product: product, OnHandDelta: onHand, AllocatedDelta: allocated, Epoch: testEpoch}}}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000).UTC()
	product := testID(1)
	row := Stock{Product: product, OnHand: 5, Allocated: 3, Version: 7}

	t.Run("applies what fits exactly, and refuses one more", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		fits := move(product, 0, 2)
		require.Equal(t, Applied, s.Decide(fits).Kind)
		require.Equal(t, Stock{Product: product, OnHand: 5, Allocated: 5, Version: 8}, fits.Movements[0].Level)
		refused := s.Decide(move(product, 0, 1))
		require.Equal(t, Insufficient, refused.Kind)
		require.Equal(t, int64(0), refused.Stock.Available())
		require.Equal(t, []Stock{fits.Movements[0].Level}, s.Touched(nil))
	})

	t.Run("never lets allocated or on hand leave their bounds", func(t *testing.T) {
		t.Parallel()
		for _, e := range []*Entry{
			move(product, 0, -4), move(product, -3, 0),
		} {
			s := newTestState(now, row)
			require.Equal(t, Insufficient, s.Decide(e).Kind)
			require.Empty(t, s.Touched(nil))
		}
		s := newTestState(now, row)
		require.Equal(t, Overstocked, s.Decide(move(product, OnHandMax-4, 0)).Kind)
		require.Equal(t, Applied, s.Decide(move(product, OnHandMax-5, 0)).Kind)
	})

	t.Run("an entry that cannot move one product moves none", func(t *testing.T) {
		t.Parallel()
		other := Stock{Product: testID(2), OnHand: 9}
		s := newTestState(now, row, other)
		e := &Entry{Movements: append(move(other.Product, 0, 1).Movements, move(product, 0, 3).Movements...)}
		refused := s.Decide(e)
		require.Equal(t, Insufficient, refused.Kind)
		require.Equal(t, row, refused.Stock)
		require.Empty(t, s.Touched(nil))
	})

	t.Run("knows no product that nobody made", func(t *testing.T) {
		t.Parallel()
		refused := newTestState(now).Decide(move(product, 1, 0))
		require.Equal(t, UnknownProduct, refused.Kind)
		require.Equal(t, product, refused.Stock.Product)
	})

	t.Run("refuses the grant of a passed epoch, after stock", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		e := move(product, 0, 1)
		e.Movements[0].Epoch--
		require.Equal(t, StaleGrant, s.Decide(e).Kind)
		require.Empty(t, s.Touched(nil))
	})

	t.Run("a key makes one thing, whatever stock says later", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		keyed := func(request byte) *Entry {
			e := move(product, 0, 2)
			e.Key = &KeyBinding{ID: KeyID{1}, Request: RequestHash{request}, Resource: testID(50), ExpiresAt: now.Add(time.Hour)}
			return e
		}
		require.Equal(t, Applied, s.Decide(keyed(1)).Kind)
		again := s.Decide(keyed(1))
		require.Equal(t, Replay, again.Kind)
		require.Equal(t, testID(50), again.Key.Resource)
		require.Equal(t, KeyMismatch, s.Decide(keyed(2)).Kind)
		require.Equal(t, int64(5), s.Touched(nil)[0].Allocated)
	})

	t.Run("a refused entry does not bind its key", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		e := move(product, 0, 3)
		e.Key = &KeyBinding{ID: KeyID{1}, ExpiresAt: now.Add(time.Hour)}
		require.Equal(t, Insufficient, s.Decide(e).Kind)
		e.Movements[0].AllocatedDelta = 1
		require.Equal(t, Applied, s.Decide(e).Kind)
	})

	t.Run("an expired binding is none", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		s.LoadKey(KeyBinding{ID: KeyID{1}, Request: RequestHash{9}, ExpiresAt: now})
		e := move(product, 0, 1)
		e.Key = &KeyBinding{ID: KeyID{1}, ExpiresAt: now.Add(time.Hour)}
		require.Equal(t, Applied, s.Decide(e).Kind)
	})

	t.Run("binds a stock change to its number in the ledger", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now, row)
		e := (&AdjustStock{Product: product, Delta: 4, Key: "k"}).NewEntry(now, testEpoch, time.Hour)
		e.Key.Version = 99 // of an earlier attempt
		require.Equal(t, Applied, s.Decide(e).Kind)
		require.Equal(t, uint64(8), e.Key.Version)
	})

	t.Run("guards rows by their versions", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now)
		s.LoadOrder(testID(60), 4)
		change := func(expect, version uint64) *Entry {
			return &Entry{Order: &OrderChange{Row: &Order{ID: testID(60), Version: version}, Expect: expect}}
		}
		require.Equal(t, VersionConflict, s.Decide(change(3, 4)).Kind)
		require.Equal(t, VersionConflict, s.Decide(change(0, 1)).Kind, "an id is used once")
		require.Equal(t, Applied, s.Decide(change(4, 5)).Kind)
		require.Equal(t, VersionConflict, s.Decide(change(4, 5)).Kind)
	})

	t.Run("a SKU belongs to one product, until it changes", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now)
		named := func(n byte, sku, previous string, expect uint64) *Entry {
			return &Entry{Product: &ProductChange{
				Row: &Product{ID: testID(n), SKU: sku, Version: expect + 1}, Expect: expect, PreviousSKU: previous,
			}}
		}
		require.Equal(t, Applied, s.Decide(named(1, "A", "", 0)).Kind)
		taken := s.Decide(named(2, "A", "", 0))
		require.Equal(t, SKUTaken, taken.Kind)
		require.Equal(t, testID(1), taken.Stock.Product)
		require.Equal(t, Applied, s.Decide(named(1, "B", "A", 1)).Kind)
		require.Equal(t, Applied, s.Decide(named(2, "A", "", 0)).Kind)
		require.Equal(t, Applied, s.Decide(named(3, "", "", 0)).Kind)
		require.Equal(t, Applied, s.Decide(named(4, "", "", 0)).Kind)
	})

	t.Run("a new product starts from nothing", func(t *testing.T) {
		t.Parallel()
		s := newTestState(now)
		e := (&CreateProduct{Name: "x", OnHand: 12}).NewEntry(product, testEpoch, time.Hour)
		require.Equal(t, Applied, s.Decide(e).Kind)
		require.Equal(t, Stock{Product: product, OnHand: 12, Version: 1}, e.Movements[0].Level)
		require.Equal(t, VersionConflict, s.Decide(e).Kind)
	})
}

// Whatever arrives in whatever order, the rows are the sums of the applied deltas, and valid.
func TestDecideKeepsTheBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const products = 3
		var rows []Stock
		sums := make(map[ID]Stock)
		for i := range byte(products) {
			row := Stock{Product: testID(i), OnHand: rapid.Int64Range(0, 10).Draw(t, "on hand")}
			rows, sums[row.Product] = append(rows, row), row
		}
		s := newTestState(time.UnixMilli(1), rows...)
		for range rapid.IntRange(1, 60).Draw(t, "entries") {
			e := &Entry{}
			for i := range byte(products) {
				if rapid.Bool().Draw(t, "touch") {
					e.Movements = append(e.Movements, move(testID(i),
						rapid.Int64Range(-4, 4).Draw(t, "on hand delta"), rapid.Int64Range(-4, 4).Draw(t, "allocated delta")).Movements...)
				}
			}
			if s.Decide(e).Kind != Applied {
				continue
			}
			for _, m := range e.Movements {
				sum := sums[m.Product]
				sum.OnHand, sum.Allocated, sum.Version = sum.OnHand+m.OnHandDelta, sum.Allocated+m.AllocatedDelta, sum.Version+1
				sums[m.Product] = sum
				require.Equal(t, sum, m.Level)
			}
		}
		for _, row := range s.Touched(nil) {
			require.True(t, row.Valid())
			require.Equal(t, sums[row.Product], row)
		}
	})
}
