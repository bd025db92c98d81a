package pebblestore

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// A pacer rests after a slice of work, and goes on without rest while the store is behind or somebody waits.
func TestBackgroundWorkRests(t *testing.T) {
	t.Parallel()
	rests := func(p *pace, worked time.Duration) bool {
		start := time.Now()
		w := pacer{pace: p, since: start.Add(-worked)}
		for range paceSteps {
			w.step()
		}
		return time.Since(start) > 0
	}
	synctest.Test(t, func(t *testing.T) {
		var p pace
		require.True(t, rests(&p, paceWork))
		require.False(t, rests(&p, paceWork-1), "it has worked for less than its slice")
		require.False(t, rests(&p, paceLost+1), "it has waited for something else")

		done, again := p.hurry(), p.hurry()
		require.False(t, rests(&p, paceWork))
		done()
		require.False(t, rests(&p, paceWork), "somebody else still waits")
		again()
		require.True(t, rests(&p, paceWork))

		p.tailBehind.Store(true)
		require.False(t, rests(&p, paceWork))
		p.tailBehind.Store(false)

		var m pebble.Metrics
		m.Levels[0].Sublevels = l0SublevelsBehind + 1
		p.look(&m, 64<<20)
		require.False(t, rests(&p, paceWork))
		m.Levels[0].Sublevels, m.MemTable.Size = 0, memTablesBehind*64<<20+1
		p.look(&m, 64<<20)
		require.False(t, rests(&p, paceWork))
		m.MemTable.Size--
		p.look(&m, 64<<20)
		require.True(t, rests(&p, paceWork))
	})
}

// Flushes rest as well: Pebble steps their pacers.
func TestFlushesRest(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.store.pace = pace{} // closing the keeper has left it in a hurry
	in := s.store.mu.instance
	batch := in.db.NewBatch()
	for i := range uint64(50_000) {
		require.NoError(t, batch.Set(appendNumber([]byte("a row "), i), nil, nil))
	}
	require.NoError(t, in.apply(batch))
	flushed, err := in.db.AsyncFlush()
	require.NoError(t, err)
	<-flushed
	require.Positive(t, s.store.pace.rests.Load())
}

// Nobody waits for a flush that rests.
func TestFlushesHurryForThoseWhoWait(t *testing.T) {
	t.Parallel()
	fs := &watchedFS{FS: vfs.NewMem()}
	store, err := Open(t.Context(), small(fs))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.Zero(t, store.pace.urgent.Load(), "an open store is in no hurry")

	tables, hurried := 0, 0
	fs.mu.Lock()
	fs.created = func(name string) {
		if strings.HasSuffix(name, ".sst") {
			tables++
			if !store.pace.mayRest() {
				hurried++
			}
		}
	}
	fs.mu.Unlock()
	in := store.mu.instance
	batch := in.db.NewBatch()
	require.NoError(t, batch.Set([]byte("a row"), nil, nil))
	require.NoError(t, in.apply(batch))
	require.NoError(t, in.flush(t.Context()))
	fs.mu.Lock()
	fs.created = nil
	fs.mu.Unlock()
	require.Positive(t, tables)
	require.Equal(t, tables, hurried)
	require.Zero(t, store.pace.urgent.Load())
}

// watchedFS tells which files are created.
type watchedFS struct {
	vfs.FS
	mu      sync.Mutex
	created func(name string)
}

func (f *watchedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f.mu.Lock()
	if f.created != nil {
		f.created(name)
	}
	f.mu.Unlock()
	return f.FS.Create(name, category)
}

// Folds do not rest while much waits to be folded.
func TestFoldsHurryWhenTheTailIsLong(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.fold()
	s.store.opts.FoldEntries = 1
	s.place(generationsBehind, 0)
	s.fold()
	require.False(t, s.store.pace.tailBehind.Load())
	s.place(generationsBehind+1, 0)
	s.fold()
	require.True(t, s.store.pace.tailBehind.Load())
	s.place(1, 0)
	s.fold()
	require.False(t, s.store.pace.tailBehind.Load())
}
