package pebblestore

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// A fold writes what its entries change of the sums as one delta, in its own batch: so the sums of a snapshot
// are those of the orders in it. Days and months take the deltas in later (see sales_upkeep.go).

// beginFold prepares for a fold: nothing of one that failed is left.
func (b *salesBooks) beginFold(in *instance) error {
	b.tally.Reset()
	return b.begin(in)
}

// endFold notes that a fold's rows have been applied, or why not.
func (b *salesBooks) endFold(in *instance, err error) error {
	if err != nil {
		b.of = nil
		return err
	}
	b.written(in)
	return nil
}

// addSales adds the rows of the fold's delta.
func (f *folder) addSales(in *instance) {
	b := &f.sales
	b.pack(in)
	put := func(key func([]byte) []byte, value func([]byte) []byte) {
		from, at := len(f.keys), len(f.values)
		f.keys, f.values = key(f.keys), value(f.values)
		f.set(from, f.values[at:])
	}
	b.rows(in, put)
}

// putRow adds a row, of which key and value append to what they are given.
type putRow func(key, value func([]byte) []byte)

// pack adds up what the tally holds, and empties it.
func (b *salesBooks) pack(in *instance) {
	b.buckets = salesbook.AddUpBuckets(b.tally.Buckets(b.buckets[:0]))
	b.changes = in.sales.give(b.changes[:0], &b.tally)
	b.products = b.adder.Products(b.changes)
	b.tally.Reset()
}

// rows puts the delta's rows, the names of numbers that are new, and the state when it is not stored yet. What it
// puts counts as stored: a batch that fails ends the instance, or is made anew from the same numbers.
func (b *salesBooks) rows(in *instance, put putRow) {
	if !b.stored {
		put(func(k []byte) []byte { return append(k, metaSales...) },
			func(v []byte) []byte { return appendSalesState(v, &b.state) })
	}
	for i, name := range in.sales.since(b.named) {
		put(func(k []byte) []byte { return salesNumberKey(k, salesbook.Number(b.named+i)) },
			func(v []byte) []byte { return appendNumberRow(v, name) })
	}
	if len(b.buckets) > 0 {
		put(func(k []byte) []byte { return salesDeltaKey(k, salesBucketDeltas, b.next) },
			func(v []byte) []byte { return salesbook.AppendBuckets(v, b.buckets) })
	}
	if len(b.products) > 0 {
		put(func(k []byte) []byte { return salesDeltaKey(k, salesDeltas, b.next) },
			func(v []byte) []byte { return salesbook.AppendProducts(v, b.products) })
	}
}

// written notes that the rows have been applied.
func (b *salesBooks) written(in *instance) {
	b.stored = true
	b.named += len(in.sales.since(b.named))
	if len(b.buckets) > 0 || len(b.products) > 0 {
		b.next++
		b.waiting++
		b.bytes += len(b.buckets)*bucketBytes + len(b.products)*productBytes
	}
}

// What a packed sum takes, about.
const (
	bucketBytes  = 8
	productBytes = 7
)

// salesStep is how many orders are added up at once in a store that had them before it kept sums.
const salesStep = 4096

// catchUp adds up the next orders of such a store. It reports whether there are more.
func (b *salesBooks) catchUp(in *instance) (more bool, err error) {
	it, err := in.db.NewIter(&pebble.IterOptions{
		LowerBound: append(idKey(nil, tableOrders, b.state.cursor), 0), UpperBound: []byte{tableOrders + 1},
	})
	if err != nil {
		return false, err
	}
	b.tally.Reset()
	next := b.state
	steps := 0
	for valid := it.First(); valid && err == nil && steps < salesStep; valid = it.Next() {
		steps++
		next.cursor = lastID(it.Key())
		err = tallyOrder(&b.tally, 0, it.Value())
	}
	if err := errors.Join(err, it.Error(), it.Close()); err != nil {
		return false, err
	}
	next.complete = steps < salesStep
	b.pack(in)
	b.state, b.stored = next, false
	return !next.complete, b.apply(in, func(put putRow) error { b.rows(in, put); return nil })
}

// apply writes the rows that fill puts as one batch of their own.
func (b *salesBooks) apply(in *instance, fill func(putRow) error) error {
	batch := in.db.NewBatch()
	var failed error
	err := fill(func(key, value func([]byte) []byte) {
		failed = errors.Join(failed, batch.Set(key(nil), value(nil), nil))
	})
	if err := errors.Join(err, failed); err != nil {
		return errors.Join(err, batch.Close())
	}
	if err := in.apply(batch); err != nil {
		b.of = nil // what is in memory may be ahead of what is stored
		return err
	}
	b.written(in)
	return nil
}
