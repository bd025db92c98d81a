package pebblestore

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// salesShop is a store whose keeper rests: a test does its work, step by step.
type salesShop struct {
	*testing.T
	opts   Options
	store  *Store
	folder *folder
	writer persistence.Writer
	w      *storetest.Workload
	goods  *commerce.Product
	orders int64
}

func newSalesShop(t *testing.T) *salesShop {
	t.Helper()
	s := &salesShop{T: t, opts: small(vfs.NewCrashableMem()), w: storetest.NewWorkload(1)}
	s.opts.FoldEntries = 1 << 20
	s.open()
	e := s.w.Product("", commerce.OnHandMax)
	s.commit(e)
	s.goods = e.Product.Row
	return s
}

func (s *salesShop) open() {
	s.Helper()
	var err error
	s.store, err = Open(s.Context(), s.opts)
	require.NoError(s, err)
	s.store.keep.close()
	s.folder = newFolder()
	store := s.store
	s.Cleanup(func() { require.NoError(s, store.Close()) })
	s.writer, err = store.OpenWriter(s.Context())
	require.NoError(s, err)
	s.w.Epoch = s.writer.Epoch()
}

func (s *salesShop) commit(entries ...*commerce.Entry) {
	s.Helper()
	var res persistence.Result
	require.NoError(s, s.writer.Commit(s.Context(), s.w.Batch(s.writer.NextSeq(), entries...), &res))
	for i := range res.Outcomes {
		require.Equal(s, commerce.Applied, res.Outcomes[i].Kind)
	}
	require.NoError(s, s.store.fold(s.Context(), s.folder))
}

// place places orders of one unit, in one batch.
func (s *salesShop) place(orders int) (placed []*commerce.Order) {
	s.Helper()
	var entries []*commerce.Entry
	for range orders {
		e := s.w.Order("ann", "", storetest.Line{Product: s.goods, Quantity: 1})
		entries = append(entries, e)
		placed = append(placed, e.Order.Row)
		s.orders++
	}
	s.commit(entries...)
	return placed
}

// tend does one step of the keeper's work on the sums.
func (s *salesShop) tend(now time.Time) (more bool) { return s.store.tendSales(s.folder, now) }

// count adds up what the sums say.
func (s *salesShop) count() (orders, units int64, err error) {
	all := persistence.SalesRange{To: 1 << 22}
	err = s.store.Sales(s.Context(), all, func(c persistence.SalesCell) { orders += c.Orders })
	if err != nil {
		return 0, 0, err
	}
	top, err := s.store.TopProducts(s.Context(), persistence.TopQuery{SalesRange: all, Limit: 1})
	if err != nil || len(top) == 0 {
		return orders, 0, err
	}
	return orders, top[0].Units, nil
}

func (s *salesShop) requireSums(cancelled int64) {
	s.Helper()
	orders, units, err := s.count()
	require.NoError(s, err)
	require.Equal(s, []int64{s.orders, s.orders - cancelled}, []int64{orders, units})
	report, err := s.store.Verify(s.Context(), nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "%v", report.Faults)
}

func TestSales_OldOrdersAreAddedUpInStepsThatSurviveARestart(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	const batch = 500
	var old []*commerce.Order
	for len(old) < 2*salesStep+100 {
		old = append(old, s.place(batch)...)
	}
	require.NoError(t, s.store.Close())
	forgetSales(t, s.opts)
	s.open()
	_, _, err := s.count()
	require.ErrorIs(t, err, persistence.ErrSalesPending)

	require.True(t, s.tend(time.Now()), "one step of three")
	// One that is in the sums moves on, one that is not, and one is placed.
	s.commit(s.w.Transition(old[3], commerce.StatusCancelled, ""), s.w.Transition(old[salesStep+3], commerce.StatusCancelled, ""))
	s.place(1)
	require.NoError(t, s.store.Close())
	s.open()
	_, _, err = s.count()
	require.ErrorIs(t, err, persistence.ErrSalesPending)
	s.commit(s.w.Transition(old[5], commerce.StatusCancelled, ""))
	for s.tend(time.Now()) {
		_, _, err = s.count()
		require.ErrorIs(t, err, persistence.ErrSalesPending)
	}
	s.requireSums(3)
	s.place(1)
	s.requireSums(3)
}

func TestSales_DeltasAndMonthsAreTakenIn(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	s.opts.salesDeltasMax = 2
	s.store.opts.salesDeltasMax = 2
	s.w.Advance(-200 * 24 * time.Hour)
	var placed []*commerce.Order
	for range 40 {
		placed = append(placed, s.place(3)...)
		s.w.Advance(5 * 24 * time.Hour)
		s.tend(s.w.Now())
	}
	s.requireSums(0)
	now := s.w.Now().AddDate(0, 2, 0)
	for s.tend(now) {
	}
	months := 0
	require.NoError(t, scan(t.Context(), s.store.mu.instance.db, salesPrefix(nil, salesMonths), func(_, _ []byte) error {
		months++
		return nil
	}))
	require.GreaterOrEqual(t, months, 6)
	s.requireSums(0)
	// What happens to orders of months that are over changes their rows.
	for i, o := range placed[:30] {
		s.commit(s.w.Transition(o, commerce.StatusCancelled, ""))
		if i%4 == 0 {
			s.tend(now)
			s.requireSums(int64(i + 1))
		}
	}
	for s.tend(now) {
	}
	s.requireSums(30)
}
