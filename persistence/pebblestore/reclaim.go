package pebblestore

import (
	"context"
	"time"
)

// reclaimer frees what old logs take when the disk is nearly full. Commits are refused then, so that
// no memtable fills up, nothing is flushed, and without it no log would ever become free. It tries
// once each time that the space runs out: a second flush would have nothing to write.
type reclaimer struct{ tried bool }

func (r *reclaimer) tend(ctx context.Context, s *Store) {
	if s.broken() {
		return
	}
	if s.space.check(time.Now()) == nil {
		r.tried = false
		return
	}
	if r.tried {
		return
	}
	r.tried = true
	in := s.mu.instance // only the keeper replaces it, and this is the keeper
	if err := in.reclaim(ctx); err != nil && ctx.Err() == nil {
		s.opts.Logger.Warn("store: the disk is nearly full, and old logs could not be freed", "error", err)
		return
	}
	s.stats.reclaims.Add(1)
}

// reclaimed is how little the logs that Pebble keeps for reuse may take for a reclaim to be done.
const reclaimed = 1 << 20

// reclaim flushes, so that the logs of what is flushed are not needed any more, and goes on until
// Pebble has replaced those that it keeps for reuse: each flush begins a new log, in place of one of
// them. It never waits for room in Pebble with the lock that a Commit needs, since the memtables are
// few when it begins and gone when it flushes again; and it gives up when the disk fails.
func (in *instance) reclaim(ctx context.Context) error {
	in.fuse.reclaiming.Store(true)
	defer in.fuse.reclaiming.Store(false)
	for n := range memTablesStop + 2 { // as many logs as Pebble keeps at most, and the one in use
		if err := in.throttle(ctx); err != nil {
			return err
		}
		if err := in.flush(ctx); err != nil {
			return err
		}
		if n > 0 && in.db.Metrics().WAL.ObsoletePhysicalSize <= reclaimed {
			return nil
		}
	}
	return nil
}
