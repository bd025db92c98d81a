package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

var _ persistence.Store = (*Store)(nil)

// Store is a persistence.Store in one directory.
type Store struct {
	opts   Options
	lock   *pebble.Lock
	blocks *blocks
	space  *space
	keep   *keeper
	stats  stats
	pace   pace

	corruptions *corruptions
	// turn is held by whoever changes what is committed, or replaces the instance: a Commit, an
	// OpenWriter, a heal, Close. It guards writing.
	turn    chan struct{}
	writing struct {
		epoch   uint64    // of the newest writer
		last    lastBatch // what NextSeq and retries go by
		attempt attempt   // the batch whose outcome is not known
		decider *decider
		key     []byte
		scratch recordEntry
		// entryBytes is what an entry took in the last record.
		entryBytes int
	}

	mu struct {
		sync.RWMutex
		closed   bool
		instance *instance
		changed  chan struct{} // closed when instance is replaced
		tail     *tail         // written by the holder of turn, and by the keeper when it folds
		folded   folded
		keys     *keyFilter // of the tables; written by the keeper
		runs     []*run     // of the ledger, the oldest first; replaced by the keeper, never changed
		access   accessBook // written by the holder of turn
		audit    auditBook  // written by the holder of turn
	}
}

// folded says what the tables hold.
type folded struct {
	seq uint64 // the last journal record in them
	// newestOrder and newestProduct are the greatest ids in them: a new order's id is greater, so
	// that most need not be looked up.
	newestOrder   commerce.ID
	newestProduct commerce.ID
}

// lastBatch is the newest batch: the one that a retry may name.
type lastBatch struct {
	seq      uint64
	id       [16]byte
	outcomes []commerce.Outcome
	moved    []commerce.ID // products, sorted
}

type attempt struct {
	seq uint64
	id  [16]byte
}

// Open opens the store in opts.Dir, and makes it when there is none. It fails when another process
// has it open, when another version of this program made it, or when the directory is something
// else's; the error says what to do. With opts.MustExist it makes none: ErrNoStore.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if err := prepareDir(&opts); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(opts.Dir, opts.FS)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w; a store belongs to one process: "+
			"stop the other one that has it open, or choose another directory", opts.Dir, err)
	}
	s := &Store{
		opts:   opts,
		lock:   lock,
		blocks: newBlocks(opts.CacheSize),
		space:  newSpace(&opts),
		turn:   make(chan struct{}, 1),

		corruptions: newCorruptions(opts.Logger),
	}
	s.mu.changed = make(chan struct{})
	s.writing.decider = newDecider(s.epochOf)
	opened, err := s.openInstance(ctx)
	if err != nil {
		s.blocks.Unref()
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", opts.Dir, readable(err)), lock.Close())
	}
	s.install(opened)
	s.keep = startKeeper(s)
	return s, nil
}

// epochOf tells the epoch of a product's partition: on this store one process owns them all.
func (s *Store) epochOf(commerce.ID) uint64 { return s.writing.epoch }

// takeTurn waits for the turn. The error is the context's.
func (s *Store) takeTurn(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) giveTurn() { <-s.turn }

// State names what is stored: it is another one after every writer that was opened and after every batch.
func (s *Store) State() (epoch, batch uint64) {
	s.turn <- struct{}{}
	defer s.giveTurn()
	return s.writing.epoch, s.writing.last.seq
}

// writable returns the instance if it can be written to.
func (s *Store) writable() (*instance, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return nil, persistence.ErrClosed
	}
	if err := s.mu.instance.fuse.err(); err != nil {
		return nil, fmt.Errorf("%w: %w", persistence.ErrUnavailable, err)
	}
	return s.mu.instance, nil
}

// healWait is how long a caller waits for a failed disk to be reopened before it is told.
const healWait = 250 * time.Millisecond

// awaitWritable is writable, after some patience.
func (s *Store) awaitWritable(ctx context.Context) error {
	_, err := s.writable()
	if !errors.Is(err, persistence.ErrUnavailable) {
		return err
	}
	timer := time.NewTimer(healWait)
	defer timer.Stop()
	for {
		s.mu.RLock()
		changed := s.mu.changed
		s.mu.RUnlock()
		if _, err = s.writable(); !errors.Is(err, persistence.ErrUnavailable) {
			return err
		}
		s.keep.wakeUp()
		select {
		case <-changed:
		case <-timer.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// Health implements persistence.Store. It goes on complaining of a corrupt file until the store is
// opened again, though it may be that commands need nothing of that file: what is read from it is
// lost, and only an operator can bring it back.
func (s *Store) Health(context.Context) error {
	if _, err := s.writable(); err != nil {
		return err
	}
	if err := s.corruptions.err(); err != nil {
		return err
	}
	return s.space.check(time.Now())
}

// Close implements persistence.Store. It folds and flushes what is in memory, so that the next
// start finds a short journal; nothing is lost when it cannot.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer s.giveTurn()
	s.mu.Lock()
	if s.mu.closed {
		s.mu.Unlock()
		return nil
	}
	s.mu.closed = true
	s.mu.Unlock()

	s.pace.hurry() // for good
	s.keep.close()
	in := s.mu.instance
	err := errors.Join(in.flush(context.Background()), in.close())
	s.blocks.Unref()
	err = errors.Join(err, s.lock.Close())
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
