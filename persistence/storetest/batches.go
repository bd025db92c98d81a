package storetest

import (
	"errors"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func batchClaims() []claim {
	return []claim{
		{"batches are numbered without a gap", batchNumbers},
		{"the same batch again applies once and is answered alike", batchAgain},
		{"a batch of refusals is answered alike when it comes again", refusalsAgain},
		{"another batch under the last one's number is fenced", batchOther},
		{"a batch out of step is fenced", batchOutOfStep},
		{"an older writer is fenced", writerFenced},
		{"epochs grow", epochsGrow},
		{"two writers racing sell no unit twice", writersRacing},
		{"an empty batch is no harm", batchEmpty},
		{"a closed store says so", closed},
	}
}

func batchNumbers(b *bundle) {
	first := b.writer.NextSeq()
	p := b.product(1)
	require.Equal(b, first+1, b.writer.NextSeq())
	b.commit(b.w.Order("ann", "", Line{p, 2})) // refused
	require.Equal(b, first+2, b.writer.NextSeq())
	b.commit(b.w.Order("ann", "", Line{p, 1}))
	require.Equal(b, first+3, b.writer.NextSeq())
}

func batchAgain(b *bundle) {
	p, q := b.product(3), b.product(3)
	batch := b.batch(
		b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "", Line{p, 1}, Line{q, 4}),
		b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "key", Line{q, 1}), b.w.Adjust(q.ID, 1, ""))
	require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
	outcomes, stock := slices.Clone(b.res.Outcomes), slices.Clone(b.res.Stock)
	level := batch.Entries[4].Movements[0].Level
	for range 2 { // from memory, then from the tables
		var again persistence.Result
		require.NoError(b, b.writer.Commit(b.Context(), batch, &again))
		require.Equal(b, outcomes, again.Outcomes)
		require.Equal(b, stock, again.Stock)
		require.Equal(b, level, batch.Entries[4].Movements[0].Level)
		require.EqualValues(b, 1, b.verify().Orders)
	}
	b.apply(b.w.Order("ann", "", Line{p, 1}))
	require.EqualValues(b, 2, b.stock(p.ID).Allocated)
}

func refusalsAgain(b *bundle) {
	p := b.product(1)
	batch := b.batch(b.w.Order("ann", "", Line{p, 2}))
	require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
	outcomes := slices.Clone(b.res.Outcomes)
	require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
	require.Equal(b, outcomes, b.res.Outcomes)
	require.Empty(b, b.res.Stock)
	b.apply(b.w.Order("ann", "", Line{p, 1}))
}

func batchOther(b *bundle) {
	p := b.product(10)
	seq := b.writer.NextSeq()
	b.apply(b.w.Order("ann", "", Line{p, 1}))
	other := b.w.Batch(seq, b.w.Order("ann", "", Line{p, 1}))
	require.ErrorIs(b, b.writer.Commit(b.Context(), other, &b.res), persistence.ErrFenced)
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
}

func batchOutOfStep(b *bundle) {
	p := b.product(10)
	next := b.writer.NextSeq()
	b.apply(b.w.Order("ann", "", Line{p, 1}))
	for _, seq := range []uint64{0, next - 1, next + 2} {
		batch := b.w.Batch(seq, b.w.Order("ann", "", Line{p, 1}))
		require.ErrorIs(b, b.writer.Commit(b.Context(), batch, &b.res), persistence.ErrFenced, "batch %d", seq)
	}
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
}

func writerFenced(b *bundle) {
	p := b.product(10)
	old := b.writer
	b.openWriter()
	require.Greater(b, b.writer.Epoch(), old.Epoch())
	batch := b.batch(b.w.Order("ann", "", Line{p, 1}))
	require.ErrorIs(b, old.Commit(b.Context(), batch, &b.res), persistence.ErrFenced)
	require.Zero(b, b.stock(p.ID).Allocated)
	require.NoError(b, b.writer.Commit(b.Context(), batch, &b.res))
	require.ErrorIs(b, old.Commit(b.Context(), batch, &b.res), persistence.ErrFenced, "for good")
}

func epochsGrow(b *bundle) {
	last := b.writer.Epoch()
	for range 3 {
		b.openWriter()
		require.Greater(b, b.writer.Epoch(), last)
		last = b.writer.Epoch()
	}
}

// racer is a writer that is fenced again and again, and comes back each time.
type racer struct {
	*bundle
	product *commerce.Product
	sold    int64
}

func (r *racer) run(customer string) error {
	for {
		batch := r.batch(r.w.Order(customer, "", Line{r.product, 1}), r.w.Order(customer, "", Line{r.product, 2}))
		err := r.writer.Commit(r.Context(), batch, &r.res)
		switch {
		case errors.Is(err, persistence.ErrFenced):
			if r.writer, err = r.store.OpenWriter(r.Context()); err != nil {
				return err
			}
			r.w.Epoch = r.writer.Epoch()
			continue
		case err != nil:
			return err
		}
		refused := 0
		for i, o := range r.res.Outcomes {
			switch o.Kind {
			case commerce.Applied:
				r.sold += batch.Entries[i].Movements[0].AllocatedDelta
			case commerce.Insufficient:
				refused++
			}
		}
		if refused == len(batch.Entries) {
			return nil
		}
	}
}

func writersRacing(b *bundle) {
	const units = 300
	p := b.product(units)
	racers := [2]*racer{}
	errs := [2]error{}
	var wait sync.WaitGroup
	for i := range racers {
		own := *b
		own.w = NewWorkload(uint64(100 + i))
		own.w.Epoch = b.writer.Epoch()
		own.w.count = uint32(1+i) << 24 // ids of their own
		racers[i] = &racer{bundle: &own, product: p}
		wait.Go(func() { errs[i] = racers[i].run([]string{"ann", "ben"}[i]) })
	}
	wait.Wait()
	require.NoError(b, errors.Join(errs[:]...))
	require.EqualValues(b, units, racers[0].sold+racers[1].sold)
	require.EqualValues(b, units, b.stock(p.ID).Allocated)
	b.verify()
}

func batchEmpty(b *bundle) {
	seq := b.writer.NextSeq()
	require.Empty(b, b.commit())
	require.Empty(b, b.res.Stock)
	require.Equal(b, seq+1, b.writer.NextSeq())
	b.product(1)
}

func closed(b *bundle) {
	p := b.product(1)
	o := b.order("ann", "", Line{p, 1})
	batch := b.batch(b.w.Adjust(p.ID, 1, ""))
	require.NoError(b, b.store.Close())
	require.NoError(b, b.store.Close(), "twice is harmless")
	require.ErrorIs(b, b.writer.Commit(b.Context(), batch, &b.res), persistence.ErrClosed)
	ctx, key := b.Context(), b.newKey()
	for name, use := range map[string]func() error{
		"OpenWriter":   func() error { _, err := b.store.OpenWriter(ctx); return err },
		"Product":      func() error { _, err := b.store.Product(ctx, p.ID); return err },
		"ProductBySKU": func() error { _, err := b.store.ProductBySKU(ctx, "A"); return err },
		"Products":     func() error { _, err := b.store.Products(ctx, commerce.ID{}, 1); return err },
		"Stock":        func() error { _, err := b.store.Stock(ctx, p.ID); return err },
		"Order":        func() error { _, err := b.store.Order(ctx, o.ID); return err },
		"Orders":       func() error { _, err := b.store.Orders(ctx, persistence.OrderQuery{Limit: 1}); return err },
		"Events":       func() error { _, err := b.store.Events(ctx, o.ID, 0, 1); return err },
		"Movements":    func() error { _, err := b.store.Movements(ctx, p.ID, 0, 1); return err },
		"Movement":     func() error { _, err := b.store.Movement(ctx, p.ID, 1); return err },
		"Keys":         func() error { _, err := b.store.Keys(ctx, []commerce.KeyID{{1}}); return err },
		"BoundKeys":    func() error { _, err := b.store.BoundKeys(ctx, commerce.KeyID{}, 1); return err },
		"Verify":       func() error { _, err := b.store.Verify(ctx, nil); return err },
		"Health":       func() error { return b.store.Health(ctx) },

		"AuditRecords":  func() error { _, err := b.store.AuditRecords(ctx, 0, 1); return err },
		"AuditHead":     func() error { _, err := b.store.AuditHead(ctx); return err },
		"AccessKeys":    func() error { _, err := b.store.AccessKeys(ctx); return err },
		"AccessVersion": func() error { _, err := b.store.AccessVersion(ctx); return err },
		"RecordAudit":   func() error { return b.store.RecordAudit(ctx, b.note(commerce.AuditBooksVerified)) },
		"PutAccessKey":  func() error { return b.store.PutAccessKey(ctx, key, b.note(commerce.AuditKeyCreated)) },
	} {
		require.ErrorIs(b, use(), persistence.ErrClosed, name)
	}
	require.NotEmpty(b, b.store.Metrics())
}
