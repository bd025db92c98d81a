package pebblestore

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// scanRows is how many rows of a KiB the tables of these tests hold: more than twice what a scan may keep.
const scanRows = 40 << 10

// openBlocks opens a database with tables on a disk, and the memory for all their blocks.
func openBlocks(t *testing.T) (*pebble.DB, *blocks) {
	t.Helper()
	b := newBlocks(2 * scanRows << 10)
	t.Cleanup(b.Unref)
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Cache: b.Cache})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	random := rand.NewChaCha8([32]byte{})
	row := make([]byte, 1<<10)
	for i := range uint32(scanRows) {
		_, _ = random.Read(row) // never fails
		require.NoError(t, db.Set(binary.BigEndian.AppendUint32(nil, i), row, pebble.NoSync))
	}
	require.NoError(t, db.Flush())
	return db, b
}

// scanAll reads all rows of a database, and calls visit after each.
func scanAll(t *testing.T, db *pebble.DB, visit func()) {
	t.Helper()
	it, err := db.NewIter(nil)
	require.NoError(t, err)
	rows := 0
	for valid := it.Last(); valid; valid = it.Prev() {
		rows += len(it.Value()) >> 10
		visit()
	}
	require.NoError(t, it.Close())
	require.Equal(t, scanRows, rows)
}

func TestBlocks_ScansLeaveTheCacheNearlyAsItWas(t *testing.T) {
	t.Parallel()
	db, b := openBlocks(t)
	size := b.Size()
	b.beginScan()
	scanAll(t, db, func() {})
	require.LessOrEqual(t, b.Size(), size+scanRoom)
	require.Greater(t, b.Size(), size+scanRoom/2)

	size = b.Size()
	b.beginScan() // another one, beside it
	b.endScan()
	scanAll(t, db, func() {})
	require.LessOrEqual(t, b.Size(), size+scanRoom)

	b.endScan()
	scanAll(t, db, func() {})
	require.GreaterOrEqual(t, b.Size(), int64(scanRows<<10), "the cache has not got back what scans took away")
}

func TestBlocks_ScansKeepWhatOthersReadOften(t *testing.T) {
	t.Parallel()
	db, b := openBlocks(t)
	often := binary.BigEndian.AppendUint32(nil, scanRows/2)
	missed := int64(0)
	read := func() {
		before := b.Metrics().Misses
		_, closer, err := db.Get(often)
		require.NoError(t, err)
		require.NoError(t, closer.Close())
		missed += b.Metrics().Misses - before
	}
	read()
	missed = 0
	b.beginScan()
	rows := 0
	scanAll(t, db, func() {
		if rows++; rows%1000 == 0 {
			read()
		}
	})
	b.endScan()
	require.Zero(t, missed)
}

func TestBlocks_ASmallCacheIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBlocks(scanRoom / 2)
	t.Cleanup(b.Unref)
	b.beginScan()
	require.Nil(t, b.mu.giveBack)
	b.endScan()
}
