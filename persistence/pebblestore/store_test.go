package pebblestore

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/penstock-dev/penstock/persistence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	t.Run("a store that another process has open", func(t *testing.T) {
		t.Parallel()
		opts := Options{Dir: t.TempDir(), FreeSpaceMin: -1}
		s, err := Open(t.Context(), opts)
		require.NoError(t, err)
		_, err = Open(t.Context(), opts)
		require.ErrorContains(t, err, "a store belongs to one process: stop the other one")
		require.NoError(t, s.Close())
		s, err = Open(t.Context(), opts)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	})
	t.Run("a format it does not know", func(t *testing.T) {
		t.Parallel()
		opts := small(vfs.NewMem())
		s, err := Open(t.Context(), opts)
		require.NoError(t, err)
		require.NoError(t, s.mu.instance.db.Set([]byte(metaFormat), appendNumber(nil, 99), pebble.Sync))
		require.NoError(t, s.Close())
		_, err = Open(t.Context(), opts)
		require.ErrorContains(t, err, "the store has format 99, this program reads formats 1 to 2: run the version of penstock that wrote it")
	})
	t.Run("a journal that it cannot read", func(t *testing.T) {
		t.Parallel()
		opts := small(vfs.NewMem())
		s, err := Open(t.Context(), opts)
		require.NoError(t, err)
		require.NoError(t, s.mu.instance.db.Set(journalKey(nil, 7), []byte("not a record"), pebble.Sync))
		require.NoError(t, s.Close())
		_, err = Open(t.Context(), opts)
		require.ErrorIs(t, err, errCorrupt)
		require.ErrorContains(t, err, "replay batch 7")
	})
	t.Run("no directory, and sizes that make no sense", func(t *testing.T) {
		t.Parallel()
		_, err := Open(t.Context(), Options{})
		require.ErrorContains(t, err, "no directory")
		_, err = Open(t.Context(), Options{Dir: "data", FS: vfs.NewMem(), CacheSize: -1})
		require.ErrorContains(t, err, "must not be negative")
	})
}

func TestNewDirectoriesOutlastAPowerCut(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	opts := small(fs)
	opts.Dir = "some/where/deep"
	s := openShopWith(t, opts)
	require.NoError(t, s.commit(s.orders(1)))
	opts.FS = fs.CrashClone(vfs.CrashCloneCfg{})
	again, err := Open(t.Context(), opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	_, err = again.Order(t.Context(), s.placed[0].ID)
	require.NoError(t, err)
}

func TestReopenedStoreGoesOn(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), FreeSpaceMin: -1, FoldInterval: time.Hour}
	s := openShopWith(t, opts)
	batch := s.orders(3)
	require.NoError(t, s.commit(batch))
	require.NoError(t, s.store.Close())

	again, err := Open(t.Context(), opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	require.Zero(t, again.mu.tail.newest(0), "a store that was closed has nothing to replay")
	writer, err := again.OpenWriter(t.Context())
	require.NoError(t, err)
	require.Equal(t, s.writer.Epoch()+1, writer.Epoch())
	require.Equal(t, batch.Seq+1, writer.NextSeq())

	var res persistence.Result
	require.NoError(t, writer.Commit(t.Context(), batch, &res), "the last batch can be told across restarts")
	require.Equal(t, s.res, res)
	report, err := again.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK())
	require.EqualValues(t, 3, report.Orders)
}

// stall makes the store's folds wait, as when compactions are behind.
func stall(s *Store) (goOn func()) {
	s.mu.instance.stalled.Store(true)
	return func() { s.mu.instance.stalled.Store(false) }
}

func TestCommitWaitsWhenTheTablesAreBehind(t *testing.T) {
	t.Parallel()
	opts := small(vfs.NewMem())
	opts.FoldEntries = 4
	s := openShopWith(t, opts)
	require.NoError(t, s.store.keep.fold(t.Context()))
	goOn := stall(s.store)

	var full error
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a commit that must wait gives up at once
	for range 2 * tailGenerationsMax * opts.FoldEntries {
		batch := s.orders(1)
		if full = s.writer.Commit(ctx, batch, &s.res); full != nil {
			break
		}
		s.placed = append(s.placed, batch.Entries[0].Order.Row)
	}
	require.ErrorIs(t, full, persistence.ErrUnavailable)
	require.ErrorContains(t, full, "tables are behind")
	require.GreaterOrEqual(t, len(s.placed), tailGenerationsMax*opts.FoldEntries)

	done := make(chan error, 1)
	batch := s.orders(1)
	go func() { done <- s.writer.Commit(t.Context(), batch, &s.res) }()
	goOn()
	require.NoError(t, <-done)
	report, err := s.store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK())
	require.EqualValues(t, len(s.placed)+1, report.Orders)
}

func TestCallersShareOneFold(t *testing.T) {
	t.Parallel()
	opts := small(vfs.NewMem())
	opts.FoldInterval = time.Hour
	s := openShopWith(t, opts)
	require.NoError(t, s.commit(s.orders(1)))
	goOn := stall(s.store)
	before := s.store.stats.folds.Load()
	const callers = 50
	var wait sync.WaitGroup
	errs := make(chan error, callers)
	for range callers {
		wait.Go(func() {
			_, err := s.store.Orders(t.Context(), persistence.OrderQuery{Limit: 1})
			errs <- err
		})
	}
	goOn()
	wait.Wait()
	for range callers {
		require.NoError(t, <-errs)
	}
	require.LessOrEqual(t, s.store.stats.folds.Load()-before, uint64(2))
}

func TestExpiredKeysArePurged(t *testing.T) {
	t.Parallel()
	opts := small(vfs.NewMem())
	opts.FoldInterval = time.Hour
	s := openShopWith(t, opts)
	s.w.Terms.KeyTTL = time.Hour
	require.NoError(t, s.commit(s.orders(20)))
	s.w.Terms.KeyTTL = 24 * time.Hour
	require.NoError(t, s.commit(s.orders(3)))
	require.NoError(t, s.store.keep.fold(t.Context()))
	bindings := func() (n int) {
		require.NoError(t, scan(t.Context(), s.store.mu.instance.db, []byte{tableBindings}, func(_, _ []byte) error { n++; return nil }))
		return n
	}
	f := newFolder()
	for after, want := range map[time.Duration]int{0: 23, 59 * time.Minute: 23} {
		s.store.purge(f, s.w.Now().Add(after))
		require.Equal(t, want, bindings())
	}
	for s.store.purge(f, s.w.Now().Add(2*time.Hour)) {
	}
	require.Equal(t, 3, bindings())
	report, err := s.store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Faults)
	require.EqualValues(t, 3, report.Keys)
}

func TestReadyFastWithALongJournal(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	opts := small(fs)
	opts.FoldInterval = time.Hour
	s := openShopWith(t, opts)
	stall(s.store)
	for range 10 {
		require.NoError(t, s.commit(s.orders(300)))
	}
	opts.FS = fs.CrashClone(vfs.CrashCloneCfg{})
	again, err := Open(t.Context(), opts)
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	row, err := again.Stock(t.Context(), s.product.ID)
	require.NoError(t, err)
	require.EqualValues(t, 3000, row.Allocated)
	s.store.mu.instance.stalled.Store(false)
}

func ExampleOpen() {
	s, err := Open(context.Background(), Options{Dir: "data", FS: vfs.NewMem()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Health(context.Background()), s.Close())
	// Output: <nil> <nil>
}
