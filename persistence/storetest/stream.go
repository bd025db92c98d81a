package storetest

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func streamClaims() []claim {
	return []claim{
		{"all events are read in commit order, from any position on", streamRead},
		{"the stream goes on over writers, and over batches of which nothing applied", streamOverWriters},
		{"a reader beside the writer misses nothing and sees nothing twice", streamBeside},
		{"an event of an order tells whose it is", streamTellsCustomer},
		{"a batch's end is behind its events and before the next batch", streamEndOfBatch},
	}
}

// streamOf reads the whole stream after a position, in pages of limit.
func (b *bundle) streamOf(after persistence.Position, limit int) (all []persistence.StreamEvent) {
	b.Helper()
	for {
		page, err := b.store.EventsAfter(b.Context(), after, limit)
		require.NoError(b, err)
		require.LessOrEqual(b, len(page), limit)
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		after = page[len(page)-1].Position
	}
}

// expected returns the events of entries that a batch applied, as the stream has them.
func expected(writer, batch uint64, entries ...*commerce.Entry) (events []persistence.StreamEvent) {
	for _, e := range entries {
		if e.Event == nil {
			continue
		}
		row := persistence.StreamEvent{Event: *e.Event, Position: persistence.Position{
			Writer: writer, Batch: batch, Entity: e.Event.Entity, Seq: e.Event.Seq,
		}}
		if e.Order != nil {
			row.Customer = e.Order.Row.Customer
		}
		events = append(events, row)
	}
	slices.SortFunc(events, func(a, b persistence.StreamEvent) int { return a.Position.Compare(b.Position) })
	return events
}

func streamRead(b *bundle) {
	p := b.w.Product("", 1000)
	var want []persistence.StreamEvent
	commit := func(entries ...*commerce.Entry) {
		seq := b.writer.NextSeq()
		b.apply(entries...)
		want = append(want, expected(b.writer.Epoch(), seq, entries...)...)
	}
	commit(p)
	row := p.Product.Row
	var orders []*commerce.Order
	for i := range 6 {
		var entries []*commerce.Entry
		for range i + 1 {
			e := b.w.Order("ann", "", Line{row, 1})
			entries, orders = append(entries, e), append(orders, e.Order.Row)
		}
		if i > 2 { // of older orders, two of them the same one's
			paid := b.w.Transition(orders[i], commerce.StatusPaid, "")
			entries = append(entries, paid, b.w.Transition(paid.Order.Row, commerce.StatusProcessing, ""))
		}
		b.w.Advance(time.Minute)
		commit(entries...)
		b.apply(b.w.Adjust(row.ID, 1, "")) // a batch without events
	}
	got := b.streamOf(persistence.Position{}, persistence.PageMax)
	require.Equal(b, want, got)
	for i := range got {
		rest := b.streamOf(got[i].Position, 1+i%5)
		require.Len(b, rest, len(want)-i-1)
		require.True(b, i+1 == len(want) || rest[0].Position == want[i+1].Position)
	}
	none, err := b.store.EventsAfter(b.Context(), persistence.Position{}, 0)
	require.NoError(b, err)
	require.Empty(b, none)
	b.verify()
	require.Equal(b, want, b.streamOf(persistence.Position{}, 7))
}

func streamOverWriters(b *bundle) {
	p := b.product(10)
	start := b.streamOf(persistence.Position{}, 10)
	require.Len(b, start, 1)
	var want []persistence.StreamEvent
	for range 4 {
		stale := b.w.Order("ann", "", Line{p, 11}) // more than there is
		require.Equal(b, []commerce.OutcomeKind{commerce.Insufficient}, b.kinds(stale))
		e := b.w.Order("ben", "", Line{p, 1})
		seq := b.writer.NextSeq()
		b.apply(e)
		want = append(want, expected(b.writer.Epoch(), seq, e)...)
		b.openWriter()
		b.openWriter() // one that writes nothing
	}
	require.Equal(b, want, b.streamOf(start[0].Position, 1))
	require.Equal(b, want, b.streamOf(start[0].Position, 100))
	require.Equal(b, want[2:], b.streamOf(want[1].Position, 1))
}

func streamBeside(b *bundle) {
	p := b.product(1 << 20)
	const batches, size = 60, 5
	done := make(chan error, 1)
	start := b.streamOf(persistence.Position{}, 10)
	after := start[len(start)-1].Position
	seen := make(map[commerce.ID]uint64)
	read := func() {
		for _, e := range b.streamOf(after, 3) {
			require.Positive(b, e.Position.Compare(after))
			require.Equal(b, seen[e.Entity]+1, e.Seq)
			after, seen[e.Entity] = e.Position, e.Seq
		}
	}
	go func() {
		var res persistence.Result
		for range batches {
			var entries []*commerce.Entry
			for range size {
				e := b.w.Order("ann", "", Line{p, 1})
				entries = append(entries, e, b.w.Transition(e.Order.Row, commerce.StatusPaid, ""))
			}
			if err := b.writer.Commit(b.Context(), b.batch(entries...), &res); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for running := true; running; {
		select {
		case err := <-done:
			require.NoError(b, err)
			running = false
		default:
		}
		read()
	}
	require.Len(b, seen, batches*size)
	for _, seq := range seen {
		require.EqualValues(b, 2, seq)
	}
}

func streamTellsCustomer(b *bundle) {
	p := b.product(10)
	o := b.order("ann", "", Line{p, 1})
	b.move(o, commerce.StatusPaid)
	customers := make(map[commerce.EventType]string)
	for _, e := range b.streamOf(persistence.Position{}, 10) {
		customers[e.Type] = e.Customer
	}
	require.Equal(b, map[commerce.EventType]string{
		commerce.EventProductCreated: "", commerce.EventOrderPlaced: "ann", commerce.EventOrderPaid: "ann",
	}, customers)
}

func streamEndOfBatch(b *bundle) {
	p := b.product(10)
	seq := b.writer.NextSeq()
	b.order("ann", "", Line{p, 1})
	b.order("ben", "", Line{p, 1})
	end := persistence.EndOfBatch(b.writer.Epoch(), seq)
	rest := b.streamOf(end, 10)
	require.Len(b, rest, 1)
	require.Equal(b, "ben", rest[0].Customer)
	require.Negative(b, end.Compare(rest[0].Position))
	require.Empty(b, b.streamOf(persistence.EndOfBatch(b.writer.Epoch(), seq+1), 10))
}

// checkStream compares the stream, read in short pages, with all events of the model.
func (m *model) checkStream() {
	m.Helper()
	customers := make(map[commerce.ID]string)
	for _, o := range m.book.orders {
		customers[o.ID] = o.Customer
	}
	events := make(map[commerce.ID][]commerce.Event)
	var last persistence.Position
	for _, e := range m.streamOf(last, 3) {
		require.Positive(m, e.Position.Compare(last))
		require.Equal(m, customers[e.Entity], e.Customer)
		events[e.Entity] = append(events[e.Entity], e.Event)
		last = e.Position
	}
	require.Equal(m, m.events, events)
}
