package pebblestore

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/penstock-dev/penstock/persistence"
)

// space watches the free space of the store's disk. A store that stops writing in time keeps room
// for what it must still do: fold, flush, compact, and start again.
type space struct {
	fs   vfs.FS
	dir  string
	need int64 // negative: no check

	mu struct {
		sync.Mutex
		checked time.Time
		err     error
	}
}

// spaceInterval is how old a look at the disk may be.
const spaceInterval = time.Second

// spaceIntervalLow is the same while there is too little: writing goes on soon after there is more.
const spaceIntervalLow = 100 * time.Millisecond

func newSpace(opts *Options) *space {
	return &space{fs: opts.FS, dir: opts.Dir, need: opts.FreeSpaceMin}
}

// check returns persistence.ErrUnavailable when less than the least is free. A file system that
// cannot tell is taken to have enough.
func (s *space) check(now time.Time) error {
	if s.need < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	interval := spaceInterval
	if s.mu.err != nil {
		interval = spaceIntervalLow
	}
	if now.Sub(s.mu.checked) < interval {
		return s.mu.err
	}
	s.mu.checked, s.mu.err = now, nil
	usage, err := s.fs.GetDiskUsage(s.dir)
	switch {
	case errors.Is(err, vfs.ErrUnsupported):
	case err != nil:
		s.mu.err = fmt.Errorf("%w: read free disk space: %w", persistence.ErrUnavailable, err)
	case usage.AvailBytes < uint64(s.need):
		s.mu.err = fmt.Errorf("%w: the disk of %s has %d bytes free, writing needs %d",
			persistence.ErrUnavailable, s.dir, usage.AvailBytes, s.need)
	}
	return s.mu.err
}
