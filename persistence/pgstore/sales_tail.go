package pgstore

import (
	"slices"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// salesTail is what the store's writers have committed and the sums in the database do not hold yet. It saves
// reading it back: a batch that was answered is in here before its answer is seen. What is not in here, because a
// process ended or forgot it, is read from the events.
type salesTail struct {
	mu sync.Mutex
	// closed are those that are not written to any more, the oldest first; open is the one that is, or nil.
	closed []*salesSegment
	open   *salesSegment
	size   int // changes of sums in all of them
	// noted is the last batch of each writer that was taken in, whether or not it is still here.
	noted map[int64]uint64
}

// salesSegment is what some batches of a writer, one after another, have changed.
type salesSegment struct {
	writer   int64
	from, to uint64 // the batches after from, up to to
	tally    salesbook.Tally
}

// salesTailMax bounds the changes that are kept, some 60 bytes each. Beyond it the oldest are forgotten.
const salesTailMax = 500_000

// note takes in a batch that has been committed. One that comes again is known already.
func (t *salesTail) note(writer int64, batch *persistence.Batch, outcomes []commerce.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.noted[writer] >= batch.Seq {
		return
	}
	if t.noted == nil {
		t.noted = make(map[int64]uint64)
	}
	t.noted[writer] = batch.Seq
	s := t.open
	if s == nil || s.writer != writer || s.to+1 != batch.Seq {
		t.closeLocked()
		s = &salesSegment{writer: writer, from: batch.Seq - 1}
		t.open = s
	}
	before := s.tally.Len()
	for i, e := range batch.Entries {
		if e.Order != nil && outcomes[i].Kind == commerce.Applied {
			noteOrder(&s.tally, e.Order)
		}
	}
	s.to = batch.Seq
	t.size += s.tally.Len() - before
	for t.size > salesTailMax {
		t.closeLocked()
		t.dropLocked(t.closed[0])
	}
}

func (t *salesTail) closeLocked() {
	if t.open != nil {
		t.closed, t.open = append(t.closed, t.open), nil
	}
}

func (t *salesTail) dropLocked(s *salesSegment) {
	if i := slices.Index(t.closed, s); i >= 0 {
		t.closed = slices.Delete(t.closed, i, i+1)
		t.size -= s.tally.Len()
	}
}

// take returns all segments there are. They are not written to any more.
func (t *salesTail) take() []*salesSegment {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeLocked()
	return slices.Clone(t.closed)
}

// isEmpty reports whether all that was committed is in the sums.
func (t *salesTail) isEmpty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open == nil && len(t.closed) == 0
}

// drop forgets segments that the sums in the database hold.
func (t *salesTail) drop(list []*salesSegment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range list {
		t.dropLocked(s)
	}
}

// noteOrder notes what a command has done to an order.
func noteOrder(t *salesbook.Tally, change *commerce.OrderChange) {
	o := change.Row
	c := salesbook.Change{Placed: persistence.QuarterOf(o.PlacedAt), Total: o.Total, To: o.Status}
	if change.Expect != 0 {
		c.From = change.PreviousStatus
	}
	noteChange(t, &c, o)
}

// noteChange notes what a change does to the sums of an order and of its products.
func noteChange(t *salesbook.Tally, c *salesbook.Change, o *commerce.Order) {
	t.Order(c)
	if !c.MovesItems() {
		return
	}
	for i := range o.Items {
		item := &o.Items[i]
		t.Item(c, item.Product, item.Quantity, item.UnitPrice)
	}
}
