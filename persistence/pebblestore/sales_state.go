package pebblestore

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// salesState says which orders the sums hold. A store that had orders before it kept sums adds them up by and
// by, in the order of their ids: those up to cursor are in the sums, later ones are left to come. Folds and
// the adding up are one goroutine's, so that no order is counted twice or never.
type salesState struct {
	complete bool
	cursor   commerce.ID
}

// holds reports whether a change of an order changes the sums.
func (s *salesState) holds(order commerce.ID) bool { return s.complete || order.Compare(s.cursor) <= 0 }

func appendSalesState(b []byte, s *salesState) []byte {
	b = append(b, rowVersion, flag(s.complete))
	return append(b, s.cursor[:]...)
}

// readSalesState reads how far the sums of the tables are. stored is false in a store that has none yet; it is
// complete then if it has no orders either.
func readSalesState(r pebble.Reader) (s salesState, stored bool, err error) {
	stored, err = get(r, []byte(metaSales), func(row []byte) error {
		d := decoder{b: row}
		d.rowVersion()
		s.complete, s.cursor = d.flag(), d.id()
		return d.end()
	})
	if err != nil || stored {
		return s, stored, err
	}
	newest, err := newestID(r, tableOrders)
	return salesState{complete: newest.IsZero()}, false, err
}

// salesBooks is what the keeper knows of the sums of an instance, beside its folds.
type salesBooks struct {
	of     *instance // nil: nothing is known yet
	state  salesState
	stored bool
	tally  salesbook.Tally
	// next is the number of the next delta. waiting and bytes say how much the deltas are that days and
	// months do not hold.
	next           uint64
	waiting, bytes int
	named          int // how many numbers are stored
	buckets        []salesbook.Bucket
	changes        []salesbook.ProductSum // not added up
	products       []salesbook.ProductSum // the adder's
	adder          salesbook.Adder
	looked         salesbook.Day // when months were last looked at
}

// begin reads what is not known of an instance.
func (b *salesBooks) begin(in *instance) (err error) {
	if b.of == in {
		return nil
	}
	*b = salesBooks{}
	if b.state, b.stored, err = readSalesState(in.db); err != nil {
		return err
	}
	if err := in.sales.load(in.db); err != nil {
		return err
	}
	if b.named, err = storedNumbers(in.db); err != nil {
		return err
	}
	for _, kind := range []byte{salesBucketDeltas, salesDeltas} {
		if err := b.beginDeltas(in, kind); err != nil {
			return err
		}
	}
	b.of = in
	return nil
}

func (b *salesBooks) beginDeltas(in *instance, kind byte) error {
	prefix := salesPrefix(nil, kind)
	it, err := in.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return err
	}
	waiting := 0
	for valid := it.First(); valid; valid = it.Next() {
		waiting++
		b.bytes += len(it.Value())
		if number, err := salesDeltaNumber(it.Key()); err == nil {
			b.next = max(b.next, number+1)
		}
	}
	b.waiting = max(b.waiting, waiting)
	return errors.Join(it.Error(), it.Close())
}

// change notes what an entry changes. It looks at the order's row alone.
func (b *salesBooks) change(id commerce.ID, from commerce.Status, row []byte) error {
	if !b.state.holds(id) {
		return nil
	}
	return tallyOrder(&b.tally, from, row)
}

// tallyOrder notes that an order has come from a status, zero when it is new, to the one that its row says.
func tallyOrder(t *salesbook.Tally, from commerce.Status, row []byte) error {
	view, err := viewOrder(row)
	if err != nil {
		return err
	}
	items := view
	for range view.count {
		if _, _, _, err := view.sale(); err != nil {
			return err
		}
	}
	c := salesbook.Change{Placed: view.quarter(), Total: view.items.money(), From: from, To: view.status}
	if err := view.items.err(); err != nil {
		return err
	}
	t.Order(&c)
	if !c.MovesItems() {
		return nil
	}
	for range items.count {
		product, quantity, price, err := items.sale()
		if err != nil {
			return err
		}
		t.Item(&c, product, quantity, price)
	}
	return nil
}
