package pebblestore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// reserved is a file that notes what is reserved for it.
type reserved struct {
	vfs.File
	bytes int64
}

func (r *reserved) Preallocate(_, length int64) error {
	r.bytes += length
	return nil
}

func TestLogsReserveNothing(t *testing.T) {
	t.Parallel()
	below := &reserved{File: vfs.NewMemFile(nil)}
	file := &fuseFile{File: below, fuse: newFuse(vfs.NewMem()), isLog: true}
	require.NoError(t, file.Preallocate(0, 64<<20))
	require.Zero(t, below.bytes)
}

func TestReclaimFreesOldLogs(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), FreeSpaceMin: -1, MemTableSize: 8 << 20}
	s := openShopWith(t, opts)
	noise := make([]byte, 1<<20)
	in := s.store.mu.instance
	for range 3 {
		for range 6 {
			require.NoError(t, in.put([]byte("~noise"), noise)) // overwritten: only the logs grow
		}
		require.NoError(t, in.flush(t.Context()))
	}
	logs := func() (bytes int64) {
		files, err := filepath.Glob(filepath.Join(opts.Dir, "*.log"))
		require.NoError(t, err)
		for _, file := range files {
			info, err := os.Stat(file)
			if err == nil {
				bytes += info.Size()
			}
		}
		return bytes
	}
	require.Greater(t, logs(), int64(4<<20), "Pebble keeps logs for reuse")
	require.NoError(t, in.reclaim(t.Context()))
	require.Less(t, logs(), int64(reclaimed)+1)
	require.NoError(t, s.commit(s.orders(3)))
}

func TestNearlyFullDiskIsReclaimedOnce(t *testing.T) {
	t.Parallel()
	disk := newFailingDisk()
	usage := func(free uint64) vfs.DiskUsage {
		return vfs.DiskUsage{AvailBytes: free, TotalBytes: 2000, UsedBytes: 2000 - free}
	}
	disk.mem.TestingSetDiskUsage(usage(1000))
	opts := small(disk.mem)
	opts.FreeSpaceMin, opts.FoldInterval = 500, time.Hour
	s := openShopWith(t, opts)
	s.disk = disk
	batch := s.orders(3)
	reclaims := &s.store.stats.reclaims

	setFree := func(free uint64) {
		disk.mem.TestingSetDiskUsage(usage(free))
		s.store.space.mu.Lock()
		s.store.space.mu.checked = time.Time{} // as if a second had passed
		s.store.space.mu.Unlock()
	}
	for n := range uint64(2) {
		setFree(499)
		for range 3 {
			require.Error(t, s.commit(batch))
			require.NoError(t, s.store.keep.fold(t.Context())) // the keeper has come round
		}
		require.NoError(t, s.store.keep.fold(t.Context()))
		require.Equal(t, n+1, reclaims.Load())
		setFree(500)
		require.NoError(t, s.commit(batch))
		batch = s.orders(3)
		for range 2 {
			require.NoError(t, s.store.keep.fold(t.Context()))
		}
	}
	s.check()
}
