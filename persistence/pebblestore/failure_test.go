package pebblestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// failingDisk is a disk in memory that drops what was not synced when it crashes, and whose writes
// fail as a test says.
type failingDisk struct {
	mem  *vfs.MemFS
	fail atomic.Pointer[func(errorfs.Op) error]
	hits atomic.Int64
}

func newFailingDisk() *failingDisk { return &failingDisk{mem: vfs.NewCrashableMem()} }

// failWith makes writes for which fault returns an error fail with it; nil mends the disk.
func (d *failingDisk) failWith(fault func(errorfs.Op) error) {
	if fault == nil {
		d.fail.Store(nil)
		return
	}
	d.fail.Store(&fault)
}

func (d *failingDisk) String() string { return "failing disk" }

// MaybeError implements errorfs.Injector.
func (d *failingDisk) MaybeError(op errorfs.Op) error {
	fault := d.fail.Load()
	if fault == nil || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	err := (*fault)(op)
	if err != nil {
		d.hits.Add(1)
	}
	return err
}

// shop is a store on a failing disk, and a writer that never gives up.
type shop struct {
	*testing.T
	disk   *failingDisk
	opts   Options
	store  *Store
	writer persistence.Writer
	w      *storetest.Workload
	res    persistence.Result

	product *commerce.Product
	placed  []*commerce.Order // acknowledged
}

func openShop(t *testing.T, disk *failingDisk) *shop {
	t.Helper()
	opts := small(errorfs.Wrap(disk.mem, disk))
	opts.FoldEntries, opts.FoldInterval = 8, 5*time.Millisecond
	opts.ledgerLinesMax, opts.mergeProductsMax = 20, 1
	s := openShopWith(t, opts)
	s.disk = disk
	return s
}

// openShopWith is openShop on any options.
func openShopWith(t *testing.T, opts Options) *shop {
	t.Helper()
	s := &shop{T: t, opts: opts, w: storetest.NewWorkload(1)}
	var err error
	s.store, err = Open(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		if s.disk != nil {
			s.disk.failWith(nil)
			_ = s.store.Close() // may rightly complain of the last fault
			return
		}
		require.NoError(t, s.store.Close())
	})
	s.writer, err = s.store.OpenWriter(t.Context())
	require.NoError(t, err)
	s.w.Epoch = s.writer.Epoch()
	e := s.w.Product("", commerce.OnHandMax)
	require.NoError(t, s.writer.Commit(t.Context(), s.w.Batch(s.writer.NextSeq(), e), &s.res))
	s.product = e.Product.Row
	return s
}

func (s *shop) orders(n int) *persistence.Batch {
	entries := make([]*commerce.Entry, n)
	for i := range entries {
		entries[i] = s.w.Order("ann", s.w.SKU(), storetest.Line{Product: s.product, Quantity: 1})
	}
	return s.w.Batch(s.writer.NextSeq(), entries...)
}

// commit tries once, and notes what is acknowledged.
func (s *shop) commit(batch *persistence.Batch) error {
	err := s.writer.Commit(s.Context(), batch, &s.res)
	if err == nil {
		for i, e := range batch.Entries {
			require.Equal(s, commerce.Applied, s.res.Outcomes[i].Kind)
			s.placed = append(s.placed, e.Order.Row)
		}
	}
	return err
}

// insist commits a batch as often as it takes, and returns the errors on the way.
func (s *shop) insist(batch *persistence.Batch) (errs []error) {
	s.Helper()
	for range 200 {
		err := s.commit(batch)
		if err == nil {
			return errs
		}
		require.True(s, errors.Is(err, persistence.ErrUnknown) || errors.Is(err, persistence.ErrUnavailable), "%v", err)
		errs = append(errs, err)
	}
	require.FailNow(s, "the store does not come back", "%v", errs[len(errs)-1])
	return nil
}

// check requires that exactly what was acknowledged is there, on the store as it is and on what a
// power cut would leave of it.
func (s *shop) check() {
	s.Helper()
	crashed := s.opts
	crashed.FS = s.disk.mem.CrashClone(vfs.CrashCloneCfg{})
	again, err := Open(s.Context(), crashed)
	require.NoError(s, err)
	defer func() { require.NoError(s, again.Close()) }()
	for name, store := range map[string]*Store{"as it is": s.store, "after a power cut": again} {
		report, err := store.Verify(s.Context(), nil)
		require.NoError(s, err, name)
		require.True(s, report.OK(), "%s: %v", name, report.Faults)
		require.EqualValues(s, len(s.placed), report.Orders, name)
		for _, want := range s.placed {
			got, err := store.Order(s.Context(), want.ID)
			require.NoError(s, err, name)
			require.Equal(s, want, got, name)
		}
	}
}

func onFile(kinds []errorfs.OpKind, part string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		for _, kind := range kinds {
			if op.Kind == kind && strings.Contains(filepath.Base(op.Path), part) {
				return true
			}
		}
		return false
	}
}

func TestDiskFailures(t *testing.T) {
	t.Parallel()
	write, create := []errorfs.OpKind{errorfs.OpFileWrite}, []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}
	sync := []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}
	for name, at := range map[string]func(errorfs.Op) bool{
		"writing the log":        onFile(write, ".log"),
		"syncing the log":        onFile(sync, ".log"),
		"beginning a log":        onFile(create, ".log"),
		"closing a log":          onFile([]errorfs.OpKind{errorfs.OpFileClose}, ".log"),
		"beginning a table":      onFile(create, ".sst"),
		"writing a table":        onFile(write, ".sst"),
		"syncing a table":        onFile(sync, ".sst"),
		"writing the manifest":   onFile(write, "MANIFEST"),
		"syncing the manifest":   onFile(sync, "MANIFEST"),
		"syncing the directory":  onFile(sync, "data"),
		"removing a file":        onFile([]errorfs.OpKind{errorfs.OpRemove}, ""),
		"any write":              func(errorfs.Op) bool { return true },
		"any write but removing": func(op errorfs.Op) bool { return op.Kind != errorfs.OpRemove },
	} {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
			t.Run(fmt.Sprintf("%s fails with %v", name, fault), func(t *testing.T) {
				t.Parallel()
				s := openShop(t, newFailingDisk())
				for range 3 {
					for range 5 {
						require.Empty(t, s.insist(s.orders(8)))
					}
					s.disk.hits.Store(0)
					s.disk.failWith(func(op errorfs.Op) error {
						if at(op) {
							return fault
						}
						return nil
					})
					batch := s.outage()
					s.disk.failWith(nil)
					s.insist(batch)
					s.check()
				}
			})
		}
	}
}

// outage commits until a commit fails, or for a while, and returns the batch that is to be told.
func (s *shop) outage() *persistence.Batch {
	for range 100 {
		batch := s.orders(8)
		if err := s.commit(batch); err != nil {
			require.Positive(s, s.disk.hits.Load())
			s.readsGoOn()
			return batch
		}
	}
	return s.orders(8)
}

// readsGoOn requires that single rows read as acknowledged while nothing can be written.
func (s *shop) readsGoOn() {
	s.Helper()
	for _, want := range s.placed[max(0, len(s.placed)-20):] {
		got, err := s.store.Order(s.Context(), want.ID)
		require.NoError(s, err)
		require.Equal(s, want, got)
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	s := openShop(t, newFailingDisk())
	s.insist(s.orders(20))
	s.disk.failWith(func(errorfs.Op) error { return syscall.EIO })
	batch := s.orders(2)
	require.ErrorIs(t, s.commit(batch), persistence.ErrUnknown)
	for range 3 {
		require.ErrorIs(t, s.commit(batch), persistence.ErrUnknown, "it stays unknown until the disk is back")
		other := s.w.Batch(batch.Seq, batch.Entries...)
		err := s.commit(other)
		require.ErrorIs(t, err, persistence.ErrUnavailable, "nothing of another batch is written")
		require.NotErrorIs(t, err, persistence.ErrUnknown)
		require.ErrorIs(t, s.store.Health(t.Context()), persistence.ErrUnavailable)
		_, err = s.store.OpenWriter(t.Context())
		require.ErrorIs(t, err, persistence.ErrUnavailable)
		s.readsGoOn()
		row, err := s.store.Stock(t.Context(), s.product.ID)
		require.NoError(t, err)
		require.EqualValues(t, len(s.placed), row.Allocated, "nothing is shown that is not durable")
	}
	s.disk.failWith(nil)
	s.insist(batch)
	require.NoError(t, s.store.Health(t.Context()))
	s.check()
}

func TestDiskFailsAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, newFailingDisk())
			var mu sync.Mutex
			rng := rand.New(rand.NewPCG(seed, 1))
			rate := []float64{0.002, 0.01, 0.05}[seed%3]
			s.disk.failWith(func(errorfs.Op) error {
				mu.Lock()
				defer mu.Unlock()
				if rng.Float64() < rate {
					return errorfs.ErrInjected
				}
				return nil
			})
			for range 60 {
				s.insist(s.orders(1 + int(seed)))
			}
			s.disk.failWith(nil)
			s.insist(s.orders(1))
			s.check()
		})
	}
}

func TestPowerGoesWhileTheDiskFails(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, newFailingDisk())
			for range seed {
				s.insist(s.orders(4))
			}
			s.disk.failWith(func(op errorfs.Op) error {
				if op.Kind == errorfs.OpFileSyncData {
					return syscall.EIO
				}
				return nil
			})
			batch := s.orders(4)
			require.ErrorIs(t, s.commit(batch), persistence.ErrUnknown)

			// Any part of what was not synced may have reached the disk: the batch is there as a whole
			// or not at all.
			opts := s.opts
			opts.FS = s.disk.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 2))})
			again, err := Open(t.Context(), opts)
			require.NoError(t, err)
			defer func() { require.NoError(t, again.Close()) }()
			report, err := again.Verify(t.Context(), nil)
			require.NoError(t, err)
			require.True(t, report.OK(), "%v", report.Faults)
			require.Contains(t, []int64{int64(len(s.placed)), int64(len(s.placed) + 4)}, report.Orders)
		})
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := newFailingDisk()
	disk.mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1000, TotalBytes: 2000, UsedBytes: 1000})
	opts := small(disk.mem)
	opts.FreeSpaceMin = 500
	s := openShopWith(t, opts)
	s.disk = disk

	fill := func(free uint64) {
		disk.mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: free, TotalBytes: 2000, UsedBytes: 2000 - free})
		s.store.space.mu.Lock()
		s.store.space.mu.checked = time.Time{} // as if a second had passed
		s.store.space.mu.Unlock()
	}
	batch := s.orders(3)
	fill(499)
	err := s.commit(batch)
	require.ErrorIs(t, err, persistence.ErrUnavailable)
	require.NotErrorIs(t, err, persistence.ErrUnknown, "nothing was written")
	require.ErrorContains(t, err, "499 bytes free, writing needs 500")
	require.ErrorIs(t, s.store.Health(t.Context()), persistence.ErrUnavailable)
	fill(500)
	require.NoError(t, s.store.Health(t.Context()))
	require.NoError(t, s.commit(batch))
	s.check()
}
