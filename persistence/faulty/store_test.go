package faulty_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/faulty"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func open(t storetest.T, opts faulty.Options) *faulty.Store {
	t.Helper()
	inner, err := pebblestore.Open(t.Context(), pebblestore.Options{
		Dir: "data", FS: vfs.NewMem(), FreeSpaceMin: -1, CacheSize: 1 << 20, MemTableSize: 256 << 10,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	s := faulty.Wrap(inner, opts)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStoreWithoutFaultsKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t storetest.T) *storetest.Place {
		return &storetest.Place{Store: open(t, faulty.Options{})}
	})
}

// shop sells one product over a faulty store, and retries as a committer does.
type shop struct {
	*testing.T
	store   *faulty.Store
	writer  persistence.Writer
	w       *storetest.Workload
	product *commerce.Product
	res     persistence.Result
	log     []string // what Commit answered
}

func openShop(t *testing.T, opts faulty.Options) *shop {
	t.Helper()
	s := &shop{T: t, store: open(t, opts), w: storetest.NewWorkload(1)}
	var err error
	s.writer, err = s.store.OpenWriter(t.Context())
	require.NoError(t, err)
	s.w.Epoch = s.writer.Epoch()
	e := s.w.Product("", 10_000)
	s.insist(e)
	s.product = e.Product.Row
	return s
}

func (s *shop) insist(entries ...*commerce.Entry) {
	s.Helper()
	batch := s.w.Batch(s.writer.NextSeq(), entries...)
	unknown := false
	for {
		err := s.writer.Commit(s.Context(), batch, &s.res)
		s.log = append(s.log, fmt.Sprint(err))
		switch {
		case err == nil:
			for _, o := range s.res.Outcomes {
				require.Equal(s, commerce.Applied, o.Kind)
			}
			return
		case errors.Is(err, persistence.ErrUnknown):
			unknown = true
		default:
			require.ErrorIs(s, err, persistence.ErrUnavailable)
			require.False(s, unknown, "nothing was written, it says of a batch that may have been")
		}
	}
}

func TestFaultsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := openShop(t, faulty.Options{
		Seed: 7, RefuseRate: 0.2, VanishRate: 0.2, LostAnswerRate: 0.2, SlowCommitRate: 0.1, CommitDelayMax: time.Millisecond,
	})
	for i := range 200 {
		s.insist(s.w.Order("ann", fmt.Sprint(i), storetest.Line{Product: s.product, Quantity: 1}))
	}
	require.Greater(t, s.store.Faults(), int64(100))
	report, err := s.store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Faults)
	require.EqualValues(t, 200, report.Orders)
}

func TestSameSeedSameFaults(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []string {
		s := openShop(t, faulty.Options{Seed: seed, RefuseRate: 0.2, VanishRate: 0.2, LostAnswerRate: 0.2})
		for range 50 {
			s.insist(s.w.Order("ann", "", storetest.Line{Product: s.product, Quantity: 1}))
		}
		return s.log
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

func TestReadsFailUntilFaultsAreSwitchedOff(t *testing.T) {
	t.Parallel()
	s := openShop(t, faulty.Options{ReadErrorRate: 1, SlowReadRate: 1, ReadDelayMax: time.Millisecond})
	ctx, id := t.Context(), s.product.ID
	reads := map[string]func() error{
		"Product":      func() error { _, err := s.store.Product(ctx, id); return err },
		"ProductBySKU": func() error { _, err := s.store.ProductBySKU(ctx, "none"); return err },
		"Products":     func() error { _, err := s.store.Products(ctx, commerce.ID{}, 1); return err },
		"Stock":        func() error { _, err := s.store.Stock(ctx, id); return err },
		"Order":        func() error { _, err := s.store.Order(ctx, id); return err },
		"Orders":       func() error { _, err := s.store.Orders(ctx, persistence.OrderQuery{Limit: 1}); return err },
		"Events":       func() error { _, err := s.store.Events(ctx, id, 0, 1); return err },
		"Movements":    func() error { _, err := s.store.Movements(ctx, id, 0, 1); return err },
		"Movement":     func() error { _, err := s.store.Movement(ctx, id, 1); return err },
		"Keys":         func() error { _, err := s.store.Keys(ctx, nil); return err },
		"BoundKeys":    func() error { _, err := s.store.BoundKeys(ctx, commerce.KeyID{}, 1); return err },

		"AccessKeys":    func() error { _, err := s.store.AccessKeys(ctx); return err },
		"AccessVersion": func() error { _, err := s.store.AccessVersion(ctx); return err },
		"AuditRecords":  func() error { _, err := s.store.AuditRecords(ctx, 0, 1); return err },
		"AuditHead":     func() error { _, err := s.store.AuditHead(ctx); return err },
	}
	for name, read := range reads {
		require.ErrorIs(t, read(), faulty.ErrRead, name)
	}
	s.store.SetFaults(false)
	for name, read := range reads {
		require.NotErrorIs(t, read(), faulty.ErrRead, name)
	}
}

func TestGateHoldsCommits(t *testing.T) {
	t.Parallel()
	s := openShop(t, faulty.Options{})
	passed := s.store.Gate.Passed()
	s.store.Gate.Shut()
	s.store.Gate.Shut()
	batch := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", "", storetest.Line{Product: s.product, Quantity: 1}))
	done := make(chan error, 1)
	go func() { done <- s.writer.Commit(t.Context(), batch, &s.res) }()
	require.NoError(t, s.store.Gate.Await(t.Context(), 1))
	require.Equal(t, 1, s.store.Gate.Waiting())
	row, err := s.store.Stock(t.Context(), s.product.ID)
	require.NoError(t, err)
	require.Zero(t, row.Allocated, "reads go on, and show nothing of it")
	s.store.Gate.Open()
	s.store.Gate.Open()
	require.NoError(t, <-done)
	require.Zero(t, s.store.Gate.Waiting())
	require.Equal(t, passed+1, s.store.Gate.Passed())
	row, err = s.store.Stock(t.Context(), s.product.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, row.Allocated)
}
