package pebblestore

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/persistence"
)

// stats counts what the store does.
type stats struct {
	batches, entries     atomic.Uint64
	syncs, syncNanos     atomic.Uint64
	journalBytes         atomic.Uint64
	folds, foldedEntries atomic.Uint64
	foldNanos            atomic.Uint64
	purged, reopens      atomic.Uint64
	reclaims             atomic.Uint64
	merges, mergeNanos   atomic.Uint64
}

func (s *stats) synced(took time.Duration, bytes int) {
	s.syncs.Add(1)
	s.syncNanos.Add(uint64(took))
	s.journalBytes.Add(uint64(bytes))
}

// Metrics implements persistence.Store.
func (s *Store) Metrics() []persistence.Metric {
	counter := func(name, help string, v float64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Counter: true, Value: v}
	}
	gauge := func(name, help string, v float64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Value: v}
	}
	seconds := func(nanos *atomic.Uint64) float64 { return time.Duration(nanos.Load()).Seconds() }
	st := &s.stats
	list := []persistence.Metric{
		counter("batches_total", "batches committed", float64(st.batches.Load())),
		counter("entries_total", "entries applied", float64(st.entries.Load())),
		counter("journal_syncs_total", "journal records written and synced", float64(st.syncs.Load())),
		counter("journal_sync_seconds_total", "time spent writing and syncing journal records", seconds(&st.syncNanos)),
		counter("journal_bytes_total", "bytes of journal records", float64(st.journalBytes.Load())),
		counter("folds_total", "times the journal was folded into the tables", float64(st.folds.Load())),
		counter("folded_entries_total", "entries folded into the tables", float64(st.foldedEntries.Load())),
		counter("fold_seconds_total", "time spent folding", seconds(&st.foldNanos)),
		counter("merges_total", "times runs of the ledger were merged into pages", float64(st.merges.Load())),
		counter("merge_seconds_total", "time spent merging", seconds(&st.mergeNanos)),
		counter("background_rest_seconds_total", "time that folds, merges, flushes and compactions rested for the sake of orders; it is in their seconds too",
			float64(s.pace.rests.Load())*paceRest.Seconds()),
		counter("purged_keys_total", "expired idempotency keys looked at and removed", float64(st.purged.Load())),
		counter("reopens_total", "times the store was reopened after its disk had failed", float64(st.reopens.Load())),
		counter("corruptions_total", "times a corrupt file was met since the store was opened", float64(s.corruptions.met.Load())),
		counter("reclaims_total", "times old logs were freed because the disk was nearly full", float64(st.reclaims.Load())),
	}
	s.mu.RLock()
	t := s.mu.tail
	list = append(list,
		gauge("tail_entries", "entries waiting to be folded", float64(t.filling.entries+t.folding.entries)),
		gauge("tail_bytes", "journal bytes waiting to be folded", float64(t.filling.bytes+t.folding.bytes)),
		gauge("stock_rows", "stock rows in memory", float64(len(t.stock))))
	lines, memory := sizeOf(s.mu.runs)
	list = append(list,
		gauge("ledger_runs", "runs of the ledger waiting to be merged", float64(len(s.mu.runs))),
		gauge("ledger_run_lines", "lines in them", float64(lines)),
		gauge("ledger_run_bytes", "memory they take", float64(memory)))
	in, err := s.acquireLocked()
	s.mu.RUnlock()
	if err != nil {
		return list
	}
	defer in.users.Done()
	m := in.db.Metrics()
	return append(list,
		gauge("disk_bytes", "bytes on disk", float64(diskBytes(m))),
		gauge("wal_bytes", "bytes of write-ahead log not flushed yet", float64(m.WAL.Size)),
		gauge("memtable_bytes", "bytes of memtables", float64(m.MemTable.Size)),
		gauge("memtables", "memtables", float64(m.MemTable.Count)),
		gauge("compaction_debt_bytes", "bytes waiting to be compacted", float64(m.Compact.EstimatedDebt)),
		gauge("l0_sublevels", "sublevels of level 0: tables a read must look at", float64(m.Levels[0].Sublevels)),
		gauge("block_cache_bytes", "bytes of blocks in memory", float64(m.BlockCache.Size)),
		counter("block_cache_hits_total", "blocks found in memory", float64(m.BlockCache.Hits)),
		counter("block_cache_misses_total", "blocks read from disk", float64(m.BlockCache.Misses)))
}

// diskBytes is what the store's files take. Pebble counts a log at the size it had when it was
// opened: nothing, unless it overwrites an old one.
func diskBytes(m *pebble.Metrics) uint64 {
	grown := uint64(0)
	if m.WAL.Size > m.WAL.PhysicalSize {
		grown = m.WAL.Size - m.WAL.PhysicalSize
	}
	return m.DiskSpaceUsage() + grown
}
