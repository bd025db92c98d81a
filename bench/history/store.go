package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// monthKeeper is a store that keeps months apart and wants to know of past ones before anything is written
// into them.
type monthKeeper interface {
	PrepareMonths(ctx context.Context, made []time.Time) error
}

// batchesAhead is how many batches are made up while one is being written.
const batchesAhead = 4

// Write writes the past into an empty store, through its writer. progress, when not nil, is called after
// each batch with the orders written so far.
//
// All that happened to an order is written in one batch, not when its time comes: the store ends up the same, but
// for the order of lines in the ledger, and it takes a third of the time.
func (h *History) Write(ctx context.Context, store persistence.Store, progress func(orders int)) error {
	if keeper, ok := store.(monthKeeper); ok {
		if err := keeper.PrepareMonths(ctx, h.Months()); err != nil {
			return fmt.Errorf("prepare past months: %w", err)
		}
	}
	writer, err := store.OpenWriter(ctx)
	if err != nil {
		return fmt.Errorf("write a past: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan *chunk, batchesAhead)
	var failed error
	go func() {
		defer close(chunks)
		failed = h.makeChunks(ctx, writer.Epoch(), chunks)
	}()
	c := committer{writer: writer, now: h.cfg.Now}
	for chunk := range chunks {
		if err == nil {
			if err = c.commit(ctx, chunk); err != nil {
				cancel()
			} else if progress != nil {
				progress(chunk.orders)
			}
		}
	}
	if err == nil {
		err = failed
	}
	return err
}

// chunk is the entries of one batch.
type chunk struct {
	entries []*commerce.Entry
	orders  int // up to the end of this one
}

// makeChunks makes up everything and gives it away in chunks, until the context ends.
func (h *History) makeChunks(ctx context.Context, epoch uint64, chunks chan<- *chunk) error {
	full := &chunk{}
	add := func(entries ...*commerce.Entry) error {
		if len(full.entries)+len(entries) > persistence.BatchEntriesMax {
			select {
			case chunks <- full:
				full = &chunk{orders: full.orders}
			case <-ctx.Done():
				return fmt.Errorf("write a past: %w", ctx.Err())
			}
		}
		full.entries = append(full.entries, entries...)
		return nil
	}
	for entry := range h.Products(epoch) {
		if err := add(entry); err != nil {
			return err
		}
	}
	for entries, err := range h.Orders(epoch) {
		if err := errors.Join(err, add(entries...)); err != nil {
			return err
		}
		full.orders++
	}
	select {
	case chunks <- full:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write a past: %w", ctx.Err())
	}
}

// committer writes chunks as batches.
type committer struct {
	writer persistence.Writer
	now    time.Time
	result persistence.Result
}

func (c *committer) commit(ctx context.Context, chunk *chunk) error {
	batch := persistence.Batch{Seq: c.writer.NextSeq(), At: c.now, Entries: chunk.entries}
	_, _ = rand.Read(batch.ID[:]) // never fails
	if err := c.writer.Commit(ctx, &batch, &c.result); err != nil {
		return fmt.Errorf("write a past: %w", err)
	}
	for i := range c.result.Outcomes {
		if kind := c.result.Outcomes[i].Kind; kind != commerce.Applied {
			return fmt.Errorf("write a past: entry %d of batch %d did not apply: outcome %d; is the store empty?", i, batch.Seq, kind)
		}
	}
	return nil
}
