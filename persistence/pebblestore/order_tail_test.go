package pebblestore

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// openUnfolded opens a shop whose journal is folded only when somebody asks.
func openUnfolded(t *testing.T) *shop {
	t.Helper()
	opts := small(vfs.NewMem())
	opts.FoldEntries, opts.FoldInterval = 4*tailOrdersMax, time.Hour
	return openShopWith(t, opts)
}

func TestPagesOfOrders_FoldOnlyALongTail(t *testing.T) {
	t.Parallel()
	s := openUnfolded(t)
	for range 4 {
		require.NoError(t, s.commit(s.orders(tailOrdersMax/4)))
	}
	page := func() []*commerce.Order {
		orders, err := s.store.Orders(t.Context(), persistence.OrderQuery{Customer: "ann", Limit: 10})
		require.NoError(t, err)
		return orders
	}
	newest := func() (orders []*commerce.Order) {
		orders = slices.Clone(s.placed[len(s.placed)-10:])
		slices.Reverse(orders)
		return orders
	}
	require.Equal(t, newest(), page())
	require.Zero(t, s.store.stats.folds.Load())
	require.NoError(t, s.commit(s.orders(1)))
	require.Equal(t, newest(), page())
	require.EqualValues(t, 1, s.store.stats.folds.Load())
}

// A page is the same whatever of it has been folded, and while it is.
func TestPagesOfOrders_AreThoseOfAllThatIsCommitted(t *testing.T) {
	t.Parallel()
	s := openUnfolded(t)
	other := s.w.Product("", commerce.OnHandMax)
	require.NoError(t, s.writer.Commit(t.Context(), s.w.Batch(s.writer.NextSeq(), other), &s.res))
	products := []*commerce.Product{s.product, other.Product.Row}
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(n int) int { return rng.IntN(n) }
	var all []*commerce.Order // as they are now
	for range 1500 {
		switch at := pick(max(1, len(all))); {
		case pick(12) == 0:
			require.NoError(t, s.store.keep.fold(t.Context()))
		case pick(8) == 0:
			s.beginFold()
		case len(all) > 0 && pick(3) == 0 && len(all[at].Status.Next()) > 0:
			next := all[at].Status.Next()
			e := s.w.Transition(all[at], next[pick(len(next))], "")
			require.NoError(t, s.commit(s.w.Batch(s.writer.NextSeq(), e)))
			all[at] = e.Order.Row
		default:
			s.w.Advance(time.Duration(pick(3)) * time.Millisecond)
			e := s.w.Order([]string{"ann", "ben"}[pick(2)], "", storetest.Line{Product: products[pick(2)], Quantity: 1})
			require.NoError(t, s.commit(s.w.Batch(s.writer.NextSeq(), e)))
			all = append(all, e.Order.Row)
		}
		if len(all) == 0 {
			continue
		}
		q := persistence.OrderQuery{
			Customer: []string{"", "ann", "ben"}[pick(3)], Status: commerce.Status(pick(int(commerce.StatusMax) + 1)), Limit: 1 + pick(30),
		}
		if pick(3) == 0 {
			q.Product = products[pick(2)].ID
		}
		if pick(2) == 0 {
			q.Before = all[pick(len(all))].ID
		}
		if pick(4) == 0 {
			q.From, q.To = all[pick(len(all))].PlacedAt, all[pick(len(all))].PlacedAt
		}
		var want []*commerce.Order
		for _, o := range slices.Backward(all) { // ids grow
			if q.Matches(o) && (q.Before.IsZero() || o.ID.Compare(q.Before) < 0) && len(want) < q.Limit {
				want = append(want, o)
			}
		}
		got, err := s.store.Orders(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, want, got, "%+v", q)
	}
	require.Greater(t, len(all), 300)
}

// beginFold leaves the store as it is while a fold writes.
func (s *shop) beginFold() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if t := s.store.mu.tail; len(t.folding.records) == 0 {
		t.filling, t.folding = t.folding, t.filling
	}
}
