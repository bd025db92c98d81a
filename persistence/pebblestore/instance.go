package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// instance is one opened Pebble database. A store has one at a time; when its disk fails it is
// replaced by a fresh one (heal.go).
type instance struct {
	db   *pebble.DB
	fuse *fuse
	// users counts reads under way: the database is closed only after them. Add is called with
	// Store.mu held, while the instance is the store's.
	users        sync.WaitGroup
	memTableSize uint64
	sales        numberBook // what the numbers of sold products stand for
	pace         *pace
	// stalled holds folds back: set by tests, in place of compactions that are behind.
	stalled atomic.Bool
}

// The database's bounds on what waits to be flushed and compacted. Pebble itself would stop a
// writer at a bound, for ever if its disk has failed; so its own bounds are out of reach, and the
// keeper holds folds back at ours.
const (
	memTablesMax       = 4
	l0SublevelsMax     = 30
	memTablesStop      = 16
	l0SublevelsStop    = 1 << 20
	l0CompactionStart  = 8
	compactionsMax     = 2
	blockSize          = 32 << 10
	bytesPerSync       = 1 << 20
	bloomBitsPerKey    = 10
	formatMajorVersion = pebble.FormatWALSyncChunks
)

func openInstance(opts *Options, cache *pebble.Cache, corruptions *corruptions, p *pace) (*instance, error) {
	in := &instance{fuse: newFuse(opts.FS), memTableSize: uint64(opts.MemTableSize), pace: p}
	popts := &pebble.Options{
		FS:                          in.fuse,
		Cache:                       cache,
		FormatMajorVersion:          formatMajorVersion,
		Logger:                      &pebbleLogger{slog: opts.Logger, fuse: in.fuse},
		EventListener:               in.listener(opts.Logger, corruptions),
		MemTableSize:                uint64(opts.MemTableSize),
		MemTableStopWritesThreshold: memTablesStop,
		L0CompactionThreshold:       l0CompactionStart,
		L0StopWritesThreshold:       l0SublevelsStop,
		CompactionConcurrencyRange:  func() (int, int) { return 1, compactionsMax },
		BytesPerSync:                bytesPerSync,
		WALBytesPerSync:             bytesPerSync,
		BlockPropertyCollectors:     []func() pebble.BlockPropertyCollector{in.pace.newCollector},
	}
	for i := range popts.Levels {
		popts.Levels[i].BlockSize = blockSize
		popts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		// Only the last level is compressed, which holds nearly all there is: what lies above it is soon written anew.
		popts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	popts.Levels[len(popts.Levels)-1].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	defer in.pace.hurry()()
	in.fuse.opening.Store(true)
	db, err := pebble.Open(opts.Dir, popts)
	if err != nil {
		in.fuse.blow(err)
		in.fuse.settle()
		return nil, err
	}
	in.db = db
	// Opening flushes what it has read from the log. Only when that has reached the disk is what
	// can be read here durable, whatever happened to the log's last fsync.
	if err := in.fuse.err(); err != nil {
		return nil, errors.Join(err, in.close())
	}
	in.fuse.opening.Store(false)
	return in, nil
}

func (in *instance) listener(log *slog.Logger, corruptions *corruptions) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if in.fuse.err() == nil && corruptFile(err) == "" { // a corrupt file is told below, and once
				log.Warn("store: background work failed; it is tried again", "error", err)
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			if in.isRot(info.Details) {
				corruptions.note(info.Path, info.Details)
			}
		},
	}
}

// isRot reports whether a corruption that Pebble complains of is one of what was once written well.
// Pebble also complains of files that it could not write just now; those it writes again.
func (in *instance) isRot(corruption error) bool {
	return in.fuse.err() == nil && !errors.Is(corruption, syscall.ENOSPC)
}

// close closes the database. It waits for its users. Behind a blown fuse the database may be
// anyhow, so that a panic is taken for what it is: its end.
func (in *instance) close() (err error) {
	in.users.Wait()
	defer func() {
		if r := recover(); r != nil {
			if in.fuse.err() == nil {
				panic(r)
			}
			err = fmt.Errorf("close database: %v\n%s", r, debug.Stack())
		}
		if in.fuse.err() != nil {
			in.fuse.settle()
		}
	}()
	return in.db.Close()
}

// flush flushes the memtables, so that the next start need not read the log. It gives up when the
// disk fails, as Pebble would not, or when the context ends.
func (in *instance) flush(ctx context.Context) error {
	defer in.pace.hurry()()
	if err := in.fuse.err(); err != nil {
		return err
	}
	flushed, err := in.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-in.fuse.blew:
		return in.fuse.err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pebbleLogger carries Pebble's log lines to slog.
type pebbleLogger struct {
	slog *slog.Logger
	fuse *fuse
}

// Infof implements pebble.Logger. Pebble's notes on its housekeeping are not an operator's concern.
func (l *pebbleLogger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l *pebbleLogger) Errorf(format string, args ...any) {
	if l.fuse.err() == nil {
		l.slog.Error("store: " + fmt.Sprintf(format, args...))
	}
}

// Fatalf implements pebble.Logger. When a write has failed, that is what Pebble is complaining of:
// the fuse has blown, and the store deals with it. Pebble then goes on with an error, which is safe
// as nothing it does reaches the disk. Anything else is a broken invariant, and ends the process
// before it can spread.
func (l *pebbleLogger) Fatalf(format string, args ...any) {
	if l.fuse.err() != nil {
		return
	}
	panic("store: " + fmt.Sprintf(format, args...))
}
