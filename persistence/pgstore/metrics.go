package pgstore

import (
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// Metrics implements persistence.Store.
func (s *Store) Metrics() []persistence.Metric {
	counter := func(name, help string, v float64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Counter: true, Value: v}
	}
	gauge := func(name, help string, v float64) persistence.Metric {
		return persistence.Metric{Name: name, Help: help, Value: v}
	}
	st, pool := &s.stats, s.pool.Stat()
	return []persistence.Metric{
		counter("batches_total", "batches committed", float64(st.batches.Load())),
		counter("entries_total", "entries applied", float64(st.entries.Load())),
		counter("careful_batches_total", "batches in which not all was as taken for granted, so that each entry was decided", float64(st.careful.Load())),
		counter("unknown_outcomes_total", "attempts to write a batch whose outcome was not known", float64(st.unknown.Load())),
		counter("found_applied_total", "batches that had been applied when they were sent again", float64(st.again.Load())),
		counter("write_seconds_total", "time spent in attempts to write a batch", time.Duration(st.writeNano.Load()).Seconds()),
		counter("writer_connects_total", "connections made to write", float64(st.connects.Load())),
		counter("purged_keys_total", "expired idempotency keys removed", float64(st.purged.Load())),
		gauge("read_connections", "connections that read, open now", float64(pool.TotalConns())),
		gauge("read_connections_in_use", "connections that read, in use now", float64(pool.AcquiredConns())),
		gauge("read_connections_max", "connections that may read at once", float64(pool.MaxConns())),
		counter("reads_total", "times a connection was lent to a read", float64(pool.AcquireCount())),
		counter("reads_waited_total", "reads that waited for a connection", float64(pool.EmptyAcquireCount())),
		counter("read_wait_seconds_total", "time that reads waited for a connection", pool.EmptyAcquireWaitTime().Seconds()),
		counter("read_connects_total", "connections made to read", float64(pool.NewConnsCount())),
	}
}
