package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// errNotWritten says that an entry was dropped before it was written.
var errNotWritten = errors.New("entry was not written")

// submission is an entry on its way through the committer, or a barrier when entry is nil. The
// committer owns it until it calls settled.
type submission struct {
	entry *commerce.Entry
	// granted are the requests that its units were granted for, one a movement; none for an entry that
	// needs no grant.
	granted []grantRequest

	// The answer. err is errNotWritten when the entry certainly was not written.
	outcome commerce.Outcome
	err     error
	// settled is told when the answer stands and everything it implies is published. It must
	// return at once.
	settled settler
}

type settler interface{ settle(*submission) }

// committer is the one goroutine that owns the store's writer. It gathers
// the entries that arrive while the previous batch is being written, and writes them as one.
//
// It is a goroutine and not an actor of the library, because it waits for the disk; and it has no
// supervisor: if it fails the process ends, for it must not go on with an empty mind.
type committer struct {
	writer    persistence.Writer
	store     persistence.Store
	catalogue *catalogue
	hub       *hub
	admission *admission
	logger    *slog.Logger
	fatal     func(error)
	wake      func(refs []*productRef) // tells grains with parked requests, without waiting
	metrics   *metrics

	interval time.Duration
	batchMax int

	mu struct {
		sync.Mutex
		queue  []*submission
		closed bool
	}
	arrived chan struct{} // one token when the queue has something new
	stop    chan struct{} // closed to give up waiting for a store that does not answer
	done    chan struct{} // closed when the goroutine has ended
	// oldest is when the batch being written was begun, in Unix nanoseconds; 0 when idle.
	oldest atomic.Int64
	// refusal is what new commands are told during a stall; that it stands in admission is the stall.
	refusal *commerce.Error
	// failing says that no batch has been committed since the last one that could not be: a stall may end
	// on trial meanwhile, and come back.
	failing bool

	// Owned by the goroutine:
	batch     persistence.Batch
	result    persistence.Result
	taken     []*submission // entries of the batch, in order
	barriers  []*submission
	spare     []*submission
	moved     []*productRef
	changed   []*productRef // products whose own rows the batch changed
	lastStart time.Time
}

// submit hands a submission over. It never waits: admission has counted what can be here.
func (c *committer) submit(s *submission) {
	c.mu.Lock()
	closed := c.mu.closed
	if !closed {
		c.mu.queue = append(c.mu.queue, s)
	}
	c.mu.Unlock()
	if closed {
		s.err = errNotWritten
		s.settled.settle(s)
		return
	}
	signal(c.arrived)
}

// signal leaves a token in a channel of capacity one, unless there is one already.
func signal(arrived chan struct{}) {
	select {
	case arrived <- struct{}{}:
	default:
	}
}

// run is the goroutine. It ends after close, when everything handed over has been settled.
func (c *committer) run() {
	defer close(c.done)
	defer func() {
		if reason := recover(); reason != nil {
			c.fatal(fmt.Errorf("committer failed: %v\n%s", reason, debug.Stack()))
		}
	}()
	for {
		queue, closed := c.take()
		if len(queue) == 0 {
			if closed {
				return
			}
			<-c.arrived
			continue
		}
		for len(queue) > 0 {
			queue = c.fill(queue)
			c.write()
		}
		c.keepInterval()
	}
}

// take swaps the queue for an empty one.
func (c *committer) take() (queue []*submission, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue = c.mu.queue
	c.mu.queue, c.spare = c.spare[:0], queue
	return queue, c.mu.closed
}

// fill makes the next batch from the front of the queue and returns the rest. Entries past their
// deadline are dropped here: who granted their units counts on it.
func (c *committer) fill(queue []*submission) []*submission {
	now := time.Now()
	c.batch.Entries, c.taken, c.barriers = c.batch.Entries[:0], c.taken[:0], c.barriers[:0]
	for i, s := range queue {
		queue[i] = nil
		switch {
		case s.entry == nil:
			c.barriers = append(c.barriers, s)
		case s.entry.Deadline.Before(now):
			s.err = errNotWritten
			c.metrics.entriesDropped.Add(1)
			s.settled.settle(s)
		default:
			c.batch.Entries = append(c.batch.Entries, s.entry)
			c.taken = append(c.taken, s)
		}
		if len(c.taken) == c.batchMax {
			return queue[i+1:]
		}
	}
	return nil
}

// keepInterval waits until the least interval since the last start has passed, while batches hold
// more than one order: bigger batches cost less each, and one order alone is not kept waiting.
func (c *committer) keepInterval() {
	if len(c.taken) <= 1 {
		return
	}
	if rest := c.interval - time.Since(c.lastStart); rest > 0 {
		time.Sleep(rest)
	}
}

// write commits the batch and settles everybody in it.
func (c *committer) write() {
	if len(c.taken) > 0 {
		c.lastStart = time.Now()
		c.batch.Seq, c.batch.ID, c.batch.At = c.writer.NextSeq(), uuid.New(), c.lastStart
		c.oldest.Store(c.lastStart.UnixNano())
		err := c.commit()
		c.oldest.Store(0)
		c.metrics.batch(len(c.taken), time.Since(c.lastStart))
		if err == nil {
			c.publish()
		}
		for i, s := range c.taken {
			if err != nil {
				s.err = err
			} else {
				s.outcome = c.result.Outcomes[i]
			}
			c.taken[i], c.batch.Entries[i] = nil, nil
			s.settled.settle(s)
		}
	}
	for i, s := range c.barriers {
		c.barriers[i] = nil
		s.settled.settle(s)
	}
}

// commit writes the batch until its fate is known. It returns nil, errNotWritten, or
// persistence.ErrUnknown when there is nobody left who could tell: the engine closes before the
// store has answered, or the store is gone after an attempt whose outcome was unknown.
func (c *committer) commit() error {
	verdict := errNotWritten
	for attempt := 0; ; attempt++ {
		err := c.writer.Commit(context.Background(), &c.batch, &c.result)
		switch {
		case err == nil:
			c.recovered()
			return nil
		case errors.Is(err, persistence.ErrFenced):
			c.admission.refusal.Store(errFenced())
			c.fatal(fmt.Errorf("commit: %w; this process has stopped writing and must end", err))
			return verdict
		case errors.Is(err, persistence.ErrClosed), errors.Is(err, persistence.ErrUnavailable) && attempt == 0:
			c.stall(err)
			return verdict
		}
		// Unknown: only the same batch, written again, tells.
		verdict = persistence.ErrUnknown
		c.stall(err)
		c.refuseQueued()
		if !c.pause(attempt) {
			return persistence.ErrUnknown
		}
	}
}

// pause waits before the next attempt; false says that the engine closes.
func (c *committer) pause(attempt int) bool {
	wait := min(retryPauseMax, retryPauseMin<<min(attempt, 10))
	select {
	case <-c.stop:
		return false
	case <-time.After(wait):
		return true
	}
}

const (
	retryPauseMin = 5 * time.Millisecond
	retryPauseMax = 500 * time.Millisecond
)

// stall makes the engine refuse new commands: the store cannot write.
func (c *committer) stall(err error) {
	c.metrics.commitErrors.Add(1)
	c.admission.refusal.CompareAndSwap(nil, c.refusal)
	if !c.failing {
		c.failing = true
		c.logger.Error("the store cannot write; commands are refused until it can", slog.Any("error", err))
	}
}

// recovered ends a stall: a batch has been committed.
func (c *committer) recovered() {
	c.admission.refusal.CompareAndSwap(c.refusal, nil)
	if c.failing {
		c.failing = false
		c.logger.Info("the store writes again")
	}
}

func (c *committer) stalled() bool { return c.admission.refusal.Load() == c.refusal }

// probe lets commands in again once the store says that it can write: only a batch can show that it does.
// An idle committer would not notice, because commands are refused meanwhile.
func (c *committer) probe(ctx context.Context) {
	if c.stalled() && c.oldest.Load() == 0 && c.store.Health(ctx) == nil {
		c.admission.refusal.CompareAndSwap(c.refusal, nil)
	}
}

// refuseQueued settles what has been handed over behind a batch whose fate is unknown: nothing of
// it has been written, and its callers need not wait. Barriers stay in the queue: they wait for the truth, and for
// entries that were taken from it with the batch and did not fit in.
func (c *committer) refuseQueued() {
	c.mu.Lock()
	queue := c.mu.queue
	c.mu.queue = nil
	for _, s := range queue {
		if s.entry == nil {
			c.mu.queue = append(c.mu.queue, s)
		}
	}
	c.mu.Unlock()
	for _, s := range queue {
		if s.entry != nil {
			s.err = errNotWritten
			s.settled.settle(s)
		}
	}
}

func errFenced() *commerce.Error {
	return &commerce.Error{
		Code: commerce.CodeFenced, RetryAfter: retryAfterShort,
		Detail: "a newer process has taken over this store; nothing was done here, try again there",
	}
}

// publish makes the committed rows known, before anybody is answered: first the rows, then which
// grants they contain, then a word to the grains in which somebody waits; and the events to the hub.
func (c *committer) publish() {
	for i, s := range c.taken {
		if c.result.Outcomes[i].Kind != commerce.Applied {
			continue
		}
		if change := s.entry.Product; change != nil {
			ref := c.catalogue.obtain(change.Row.ID)
			ref.adoptProduct(change.Row)
			c.changed = append(c.changed, ref)
		}
		for j := range s.entry.Movements {
			if s.granted == nil {
				c.publishStock(c.catalogue.obtain(s.entry.Movements[j].Product))
				continue
			}
			c.publishStock(s.granted[j].ref)
			s.granted[j].ref.pushSettled(&s.granted[j])
		}
	}
	if len(c.changed) > 0 {
		c.catalogue.relist(c.changed...)
		clear(c.changed)
		c.changed = c.changed[:0]
	}
	waiting := c.moved[:0]
	for _, ref := range c.moved {
		if ref.parked.Load() {
			waiting = append(waiting, ref)
		}
	}
	if len(waiting) > 0 {
		c.wake(append([]*productRef(nil), waiting...))
	}
	clear(c.moved)
	c.moved = c.moved[:0]
	c.hub.publish(&c.batch, c.result.Outcomes)
}

// publishStock makes a product's row after the batch known, once a batch.
func (c *committer) publishStock(ref *productRef) {
	if ref.published == c.batch.Seq {
		return
	}
	ref.published = c.batch.Seq
	rows := c.result.Stock
	i, found := slices.BinarySearchFunc(rows, ref.id, func(row commerce.Stock, id commerce.ID) int { return row.Product.Compare(id) })
	if !found {
		panic(fmt.Sprintf("the store did not tell the stock of product %s after batch %d", ref.id, c.batch.Seq))
	}
	row := rows[i]
	c.catalogue.adopt(ref, &row)
	c.moved = append(c.moved, ref)
}

// close refuses further submissions, settles those handed over, and waits for the goroutine until
// the context ends; then it gives up retrying, and leaves a store behind that does not return.
func (c *committer) close(ctx context.Context) {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	signal(c.arrived)
	select {
	case <-c.done:
		return
	case <-ctx.Done():
	}
	close(c.stop)
	select {
	case <-c.done:
	case <-time.After(closeGrace):
	}
}

// closeGrace is how long a goroutine that has been told to give up may take.
const closeGrace = time.Second
