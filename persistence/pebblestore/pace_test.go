package pebblestore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
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

// Flushes rest as well, unless somebody waits for them.
func TestFlushesKeepThePace(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.store.pace = pace{} // closing the keeper has left it in a hurry
	in := s.store.mu.instance
	fill := func() {
		batch := in.db.NewBatch()
		for i := range uint64(50_000) {
			require.NoError(t, batch.Set(appendNumber([]byte("a row "), i), nil, nil))
		}
		require.NoError(t, in.apply(batch))
	}
	fill()
	flushed, err := in.db.AsyncFlush()
	require.NoError(t, err)
	<-flushed
	rested := s.store.pace.rests.Load()
	require.Positive(t, rested)
	fill()
	require.NoError(t, in.flush(t.Context()))
	require.Equal(t, rested, s.store.pace.rests.Load())
}

// Folds do not rest while much waits to be folded.
func TestFoldsHurryWhenTheTailIsLong(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.fold()
	s.store.opts.FoldEntries = 1
	s.place(tailBehind, 0)
	s.fold()
	require.False(t, s.store.pace.tailBehind.Load())
	s.place(tailBehind+1, 0)
	s.fold()
	require.True(t, s.store.pace.tailBehind.Load())
	s.place(1, 0)
	s.fold()
	require.False(t, s.store.pace.tailBehind.Load())
}
