package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// writer is a persistence.Writer. The store has at most one that is not fenced.
type writer struct {
	store *Store
	epoch uint64
}

// OpenWriter implements persistence.Store.
func (s *Store) OpenWriter(ctx context.Context) (persistence.Writer, error) {
	if err := s.awaitWritable(ctx); err != nil {
		return nil, fmt.Errorf("open writer: %w", err)
	}
	if err := s.takeTurn(ctx); err != nil {
		return nil, fmt.Errorf("open writer: %w", err)
	}
	defer s.giveTurn()
	in, err := s.writable()
	if err != nil {
		return nil, fmt.Errorf("open writer: %w", err)
	}
	epoch := s.writing.epoch + 1
	if err := in.put([]byte(metaEpoch), appendNumber(nil, epoch)); err != nil {
		return nil, fmt.Errorf("open writer: store epoch %d: %w: %w", epoch, persistence.ErrUnavailable, err)
	}
	s.writing.epoch = epoch
	return &writer{store: s, epoch: epoch}, nil
}

// Epoch implements persistence.Writer.
func (w *writer) Epoch() uint64 { return w.epoch }

// NextSeq implements persistence.Writer.
func (w *writer) NextSeq() uint64 {
	s := w.store
	s.turn <- struct{}{}
	defer s.giveTurn()
	return s.writing.last.seq + 1
}

// Commit implements persistence.Writer. A batch of which nothing applies is not written: its
// outcomes are true of what is stored, and a retry of it is answered from memory.
//
// A batch whose number is neither the next nor the last one's is refused with ErrFenced: its writer
// does not know what is stored.
func (w *writer) Commit(ctx context.Context, batch *persistence.Batch, res *persistence.Result) error {
	s := w.store
	waitErr := s.awaitWritable(ctx)
	if err := s.takeTurn(ctx); err != nil {
		return fmt.Errorf("wait for a turn to commit: %w: %w", persistence.ErrUnavailable, err)
	}
	defer s.giveTurn()
	if waitErr == nil {
		_, waitErr = s.writable()
	}
	switch {
	case errors.Is(waitErr, persistence.ErrClosed):
		return waitErr
	case s.writing.epoch != w.epoch:
		return fmt.Errorf("%w: it has epoch %d, this one %d", persistence.ErrFenced, s.writing.epoch, w.epoch)
	case waitErr != nil && s.writing.attempt == (attempt{seq: batch.Seq, id: batch.ID}):
		return fmt.Errorf("%w: %w", persistence.ErrUnknown, waitErr)
	case waitErr != nil:
		return waitErr
	case len(batch.Entries) > persistence.BatchEntriesMax:
		return fmt.Errorf("commit: the batch holds %d entries, more than %d", len(batch.Entries), persistence.BatchEntriesMax)
	}
	return s.commit(ctx, batch, res)
}

// commit decides, appends and publishes a batch. REQUIRES: the turn is held.
func (s *Store) commit(ctx context.Context, batch *persistence.Batch, res *persistence.Result) error {
	if done, err := s.recall(batch, res); done || err != nil {
		return err
	}
	in, err := s.writable()
	if err != nil {
		return err
	}
	if err := s.admit(ctx, in); err != nil {
		return err
	}
	applied, err := s.decide(in, batch, res)
	if err != nil {
		return fmt.Errorf("%w: read what the batch names: %w", persistence.ErrUnavailable, readable(err))
	}
	if applied > 0 {
		if err := s.append(in, batch, res); err != nil {
			return err
		}
	}
	s.writing.last.remember(batch, res)
	s.plantDeltaOfRefused(batch, res)
	s.stats.batches.Add(1)
	s.stats.entries.Add(uint64(applied))
	return nil
}

// recall answers a batch that has been committed before, from what is remembered of it, or refuses
// one that is out of step.
func (s *Store) recall(batch *persistence.Batch, res *persistence.Result) (done bool, err error) {
	last := &s.writing.last
	switch {
	case batch.Seq == last.seq+1:
		return false, nil
	case batch.Seq != last.seq || batch.ID != last.id:
		return false, fmt.Errorf("%w: batch %d is not the next after %d, nor the same again",
			persistence.ErrFenced, batch.Seq, last.seq)
	case len(last.outcomes) != len(batch.Entries):
		return false, fmt.Errorf("%w: batch %d has come back with %d entries, it had %d",
			persistence.ErrFenced, batch.Seq, len(batch.Entries), len(last.outcomes))
	}
	res.Outcomes = append(res.Outcomes[:0], last.outcomes...)
	res.Stock = res.Stock[:0]
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, product := range last.moved {
		res.Stock = append(res.Stock, s.mu.tail.stock[product])
	}
	return true, nil
}

// remember notes the batch for a retry.
func (l *lastBatch) remember(batch *persistence.Batch, res *persistence.Result) {
	l.seq, l.id = batch.Seq, batch.ID
	l.outcomes = append(l.outcomes[:0], res.Outcomes...)
	l.moved = l.moved[:0]
	for i := range res.Stock {
		l.moved = append(l.moved, res.Stock[i].Product)
	}
}

// admit waits until the tail has room, and refuses when the disk has none.
func (s *Store) admit(ctx context.Context, in *instance) error {
	if err := s.space.check(time.Now()); err != nil {
		s.keep.wakeUp() // it may know what can be freed
		return err
	}
	for {
		s.mu.RLock()
		g, room := s.mu.tail.filling, s.keep.room()
		full := g.entries >= tailGenerationsMax*s.opts.FoldEntries || g.bytes >= tailBytesMax
		s.mu.RUnlock()
		if !full {
			return nil
		}
		s.keep.wakeUp()
		select {
		case <-room:
		case <-in.fuse.blew:
			return fmt.Errorf("%w: %w", persistence.ErrUnavailable, in.fuse.err())
		case <-ctx.Done():
			return fmt.Errorf("%w: tables are behind: %w", persistence.ErrUnavailable, ctx.Err())
		}
	}
}

// decide says what becomes of each entry, and how many apply.
func (s *Store) decide(in *instance, batch *persistence.Batch, res *persistence.Result) (applied int, err error) {
	d := s.writing.decider
	// The keeper moves rows from the tail to the tables meanwhile, never back: what is not in the
	// tail under this lock is in the tables after it.
	s.mu.RLock()
	err = d.loadTail(s.mu.tail, &s.mu.folded, s.mu.keys, batch)
	s.mu.RUnlock()
	if err == nil {
		err = d.loadMissed(in.db)
	}
	if err != nil {
		return 0, err
	}
	res.Outcomes = slices.Grow(res.Outcomes[:0], len(batch.Entries))
	for _, e := range batch.Entries {
		o := d.state.Decide(e)
		if o.Kind == commerce.Applied {
			applied++
		}
		res.Outcomes = append(res.Outcomes, o)
	}
	res.Stock = d.state.Touched(res.Stock[:0])
	return applied, nil
}

// append writes the decided batch to the journal, its audit records beside it, and publishes it when it is
// durable. The error is ErrUnknown, or ErrUnavailable when nothing was written.
func (s *Store) append(in *instance, batch *persistence.Batch, res *persistence.Result) error {
	audit, err := s.sealAudit(in, batch, res)
	if err != nil {
		return fmt.Errorf("%w: %w", persistence.ErrUnavailable, err)
	}
	n := len(batch.Entries)
	record := appendRecord(make([]byte, 0, 64+n*s.writing.entryBytes), batch, s.writing.epoch, res.Outcomes)
	s.writing.entryBytes = len(record)*9/8/n + 1 // so that the next record is allocated once
	s.writing.key = journalKey(s.writing.key[:0], batch.Seq)
	s.writing.attempt = attempt{seq: batch.Seq, id: batch.ID}
	start := time.Now()
	if audit == nil {
		err = in.put(s.writing.key, record)
	} else if err = audit.Set(s.writing.key, record, nil); err == nil {
		err = audit.commit(in)
	}
	if err != nil {
		s.keep.wakeUp()
		return fmt.Errorf("%w: append batch %d: %w", persistence.ErrUnknown, batch.Seq, err)
	}
	s.stats.synced(time.Since(start), len(record))
	s.writing.attempt = attempt{}
	s.publish(batch.Seq, record, audit)
	return nil
}

// put writes one row durably. An error means that it may or may not have been written.
func (in *instance) put(key, value []byte) error {
	if err := in.db.Set(key, value, syncing()); err != nil {
		in.fuse.blow(err)
	}
	return in.fuse.err()
}

// commit writes several rows durably, all or none. An error means that they may or may not have been written.
func (in *instance) commit(batch *pebble.Batch) error {
	if err := in.db.Apply(batch, syncing()); err != nil {
		in.fuse.blow(err)
	}
	if err := in.fuse.err(); err != nil {
		return err
	}
	return batch.Close()
}

// syncing asks for an fsync.
func syncing() *pebble.WriteOptions {
	if planted.Is(planted.CommitWithoutSync) {
		return pebble.NoSync
	}
	return pebble.Sync
}

// publish makes a durable record visible. Plain Pebble shows a batch before its fsync; here nothing
// can be read that a crash would take back.
func (s *Store) publish(seq uint64, record []byte, audit *auditBatch) {
	s.mu.Lock()
	if audit != nil {
		s.mu.audit = audit.book()
	}
	err := s.mu.tail.add(seq, record, &s.writing.scratch)
	g := s.mu.tail.filling
	due := g.entries >= s.opts.FoldEntries || g.bytes >= foldBytes
	s.mu.Unlock()
	if err != nil {
		// What was written cannot be read: a bug, found before anyone is told otherwise.
		panic(fmt.Sprintf("store: the journal record just written cannot be read: %v", err))
	}
	if due {
		s.keep.wakeUp()
	}
}

// plantDeltaOfRefused is a planted bug: see package planted.
func (s *Store) plantDeltaOfRefused(batch *persistence.Batch, res *persistence.Result) {
	if !planted.Is(planted.DeltaOfRefused) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range batch.Entries {
		if res.Outcomes[i].Kind == commerce.Applied {
			continue
		}
		for _, m := range e.Movements {
			row := s.mu.tail.stock[m.Product]
			row.OnHand += m.OnHandDelta
			row.Allocated += m.AllocatedDelta
			s.mu.tail.stock[m.Product] = row
		}
	}
}

// lastOf reads from a journal record what a retry of its batch needs.
func lastOf(seq uint64, b []byte) (lastBatch, error) {
	r, err := readRecord(b)
	if err != nil {
		return lastBatch{}, err
	}
	last := lastBatch{seq: seq, id: r.batchID}
	var e recordEntry
	for range r.entries {
		if err := r.next(&e); err != nil {
			return lastBatch{}, err
		}
		last.outcomes = append(last.outcomes, e.outcome)
		for i := range e.movements {
			last.moved = append(last.moved, e.movements[i].product)
		}
	}
	slices.SortFunc(last.moved, commerce.ID.Compare)
	last.moved = slices.Compact(last.moved)
	return last, nil
}
