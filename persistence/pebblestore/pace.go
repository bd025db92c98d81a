package pebblestore

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// Background work takes turns with orders. A flush or a compaction would keep a processor to itself for half a second,
// and where there are two of them, every order of that half second would wait for a tenth of one. So folds, merges,
// flushes and compactions rest for three milliseconds after each one that they worked, so that none of them takes more
// than a quarter of a processor. They do not rest while they are behind, nor while somebody waits for them.
const (
	paceWork = time.Millisecond
	paceRest = 3 * paceWork
	// paceSteps is how many rows are worked on between two looks at the clock: some twenty microseconds.
	paceSteps = 64
	// paceLost is how long after its last rest work counts as begun anew: it waited for something else, or might not rest.
	paceLost = 10 * paceWork
	// generationsBehind is how many generations may wait to be folded before nobody rests, l0SublevelsBehind and
	// memTablesBehind how much the database may have to compact and to flush.
	generationsBehind = tailGenerationsMax / 4
	l0SublevelsBehind = 2 * l0CompactionStart
	memTablesBehind   = 2
)

// pace says whether a store's background work may rest.
type pace struct {
	urgent       atomic.Int32 // how many wait for background work to be done
	tailBehind   atomic.Bool
	tablesBehind atomic.Bool
	rests        atomic.Uint64
}

// hurry keeps background work from resting until the function it returns is called.
func (p *pace) hurry() (done func()) {
	p.urgent.Add(1)
	return func() { p.urgent.Add(-1) }
}

func (p *pace) mayRest() bool {
	return p.urgent.Load() == 0 && !p.tailBehind.Load() && !p.tablesBehind.Load()
}

// look notes what the database has to flush and to compact.
func (p *pace) look(m *pebble.Metrics, memTableSize uint64) {
	p.tablesBehind.Store(m.MemTable.Size > memTablesBehind*memTableSize || m.Levels[0].Sublevels > l0SublevelsBehind)
}

// pacer makes one piece of background work keep a store's pace. Whoever does the work owns it.
type pacer struct {
	pace  *pace
	steps int
	since time.Time // when the work began, or went on after its last rest
}

// begin returns the pacer of work that begins now.
func (p *pace) begin() pacer { return pacer{pace: p, since: time.Now()} }

// step is called for each row; it rests when it is time to.
func (p *pacer) step() {
	if p.steps++; p.steps >= paceSteps {
		p.rest()
	}
}

// rest rests when it is time to. Work whose steps are long calls it rather than step.
func (p *pacer) rest() {
	p.steps = 0
	now := time.Now()
	worked := now.Sub(p.since)
	switch {
	case worked > paceLost:
		p.since = now
	case worked >= paceWork && p.pace.mayRest():
		time.Sleep(paceRest)
		p.pace.rests.Add(1)
		p.since = time.Now()
	}
}

// collector is a pacer of flushes and compactions. Pebble calls collectors of properties for each row that it writes to
// a table, from the goroutine that makes it, without a lock. It collects nothing.
type collector struct{ pacer }

// newCollector is what Pebble begins each table with.
func (p *pace) newCollector() pebble.BlockPropertyCollector {
	return &collector{p.begin()}
}

// Name implements pebble.BlockPropertyCollector. Tables carry it, with nothing to it.
func (c *collector) Name() string { return "penstock.pace" }

// AddPointKey implements pebble.BlockPropertyCollector.
func (c *collector) AddPointKey(pebble.InternalKey, []byte) error {
	c.step()
	return nil
}

// AddRangeKeys implements pebble.BlockPropertyCollector.
func (c *collector) AddRangeKeys(sstable.Span) error { return nil }

// AddCollectedWithSuffixReplacement implements pebble.BlockPropertyCollector.
func (c *collector) AddCollectedWithSuffixReplacement(_, _, _ []byte) error { return nil }

// SupportsSuffixReplacement implements pebble.BlockPropertyCollector.
func (c *collector) SupportsSuffixReplacement() bool { return false }

// FinishDataBlock implements pebble.BlockPropertyCollector.
func (c *collector) FinishDataBlock([]byte) ([]byte, error) { return nil, nil }

// AddPrevDataBlockToIndexBlock implements pebble.BlockPropertyCollector.
func (c *collector) AddPrevDataBlockToIndexBlock() {}

// FinishIndexBlock implements pebble.BlockPropertyCollector.
func (c *collector) FinishIndexBlock([]byte) ([]byte, error) { return nil, nil }

// FinishTable implements pebble.BlockPropertyCollector.
func (c *collector) FinishTable([]byte) ([]byte, error) { return nil, nil }
