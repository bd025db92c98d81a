package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// The bounds of what a query reads beside the rows of days and months.
const (
	salesDeltasMax     = 256
	salesDeltaBytesMax = 512 << 10
)

// tendSales does the next piece of work on the sums: it adds up older orders, takes deltas into days, or makes
// the rows of a month that is over. It reports whether there is more to do now. Only the keeper calls it,
// between folds.
func (s *Store) tendSales(f *folder, now time.Time) (more bool) {
	in := s.mu.instance // only the keeper replaces it, and this is the keeper
	more, err := f.sales.tend(in, now, s.opts.salesDeltasMax)
	if err != nil {
		f.sales.of = nil
		if in.fuse.err() == nil {
			s.opts.Logger.Warn("store: sums of sales could not be kept up; it is tried again", "error", err)
		}
		return false
	}
	return more
}

func (b *salesBooks) tend(in *instance, now time.Time, deltasMax int) (more bool, err error) {
	if err := b.begin(in); err != nil {
		return false, err
	}
	switch today := salesbook.DayOf(persistence.QuarterOf(now)); {
	case b.waiting >= deltasMax || b.bytes >= salesDeltaBytesMax:
		return true, b.takeIn(in)
	case !b.state.complete:
		return b.catchUp(in)
	case b.looked != today:
		more, err = b.closeMonth(in, now)
		if !more && err == nil {
			b.looked = today
		}
		return more, err
	default:
		return false, nil
	}
}

// takeIn moves all deltas into the rows of their days, and of their months where these have some.
func (b *salesBooks) takeIn(in *instance) error {
	buckets, products, err := b.readDeltas(in)
	if err != nil {
		return err
	}
	err = changeRows(in, func(rows salesRows) error {
		for _, kind := range []byte{salesBucketDeltas, salesDeltas} {
			prefix := salesPrefix(nil, kind)
			if err := rows.batch.DeleteRange(prefix, prefixEnd(prefix), nil); err != nil {
				return err
			}
		}
		return salesbook.TakeIn(rows, buckets, products)
	})
	if err != nil {
		return fmt.Errorf("take %d deltas into days: %w", b.waiting, err)
	}
	b.waiting, b.bytes = 0, 0
	return nil
}

func (b *salesBooks) readDeltas(in *instance) (buckets []salesbook.Bucket, products []salesbook.ProductSum, err error) {
	ctx := context.Background()
	buckets, products = b.buckets[:0], b.changes[:0]
	err = scan(ctx, in.db, salesPrefix(nil, salesBucketDeltas), func(_, row []byte) (err error) {
		buckets, err = salesbook.UnpackBuckets(buckets, row)
		return err
	})
	if err == nil {
		err = scan(ctx, in.db, salesPrefix(nil, salesDeltas), func(_, row []byte) (err error) {
			products, err = salesbook.UnpackProducts(products, row)
			return err
		})
	}
	b.buckets, b.changes = buckets[:0], products[:0]
	if err != nil {
		return nil, nil, fmt.Errorf("read deltas: %w", err)
	}
	return salesbook.AddUpBuckets(buckets), b.adder.Products(products), nil
}

// closeMonth makes the rows of the first month that is over and has none. It reports whether it has made some.
func (b *salesBooks) closeMonth(in *instance, now time.Time) (made bool, err error) {
	rows := salesRows{in: in}
	from := salesbook.Month(0)
	for {
		month, found, err := nextSoldMonth(in, from)
		if err != nil || !found || !month.IsOver(now) {
			return false, err
		}
		has, err := rows.HasMonth(month)
		if err != nil {
			return false, err
		}
		if !has {
			return true, changeRows(in, func(rows salesRows) error { return salesbook.WriteMonth(rows, month) })
		}
		from = month + 1
	}
}

// nextSoldMonth returns the first month, from one on, of which there are days with product sums.
func nextSoldMonth(in *instance, from salesbook.Month) (m salesbook.Month, found bool, err error) {
	prefix := salesPrefix(nil, salesProductDays)
	it, err := in.db.NewIter(&pebble.IterOptions{
		LowerBound: salesChunkKey(salesProductDays, int32(from.First()), 0), UpperBound: prefixEnd(prefix),
	})
	if err != nil {
		return 0, false, err
	}
	if found = it.First(); found {
		var day int32
		day, err = salesPeriod(it.Key())
		m = salesbook.Day(day).Month()
	}
	return m, found, errors.Join(err, it.Error(), it.Close())
}

// salesRows is the packed rows, as package salesbook changes them.
type salesRows struct {
	in    *instance
	batch *pebble.Batch
}

var _ salesbook.Rows = salesRows{}

// changeRows applies what change sets, as one batch.
func changeRows(in *instance, change func(salesRows) error) error {
	rows := salesRows{in: in, batch: in.db.NewBatch()}
	if err := change(rows); err != nil {
		return errors.Join(err, rows.batch.Close())
	}
	return in.apply(rows.batch)
}

func salesRowKey(k salesbook.RowKey) []byte {
	switch k.Kind {
	case salesbook.KindDay:
		return salesDayKey(salesbook.Day(k.Period))
	case salesbook.KindProductDay:
		return salesChunkKey(salesProductDays, k.Period, k.Chunk)
	default:
		return salesChunkKey(salesMonths, k.Period, k.Chunk)
	}
}

// Row implements salesbook.Rows.
func (r salesRows) Row(key salesbook.RowKey, use func(row []byte) error) error {
	_, err := get(r.in.db, salesRowKey(key), use)
	return err
}

// Set implements salesbook.Rows.
func (r salesRows) Set(key salesbook.RowKey, row []byte) error {
	return r.batch.Set(salesRowKey(key), row, nil)
}

// Each implements salesbook.Rows.
func (r salesRows) Each(kind salesbook.Kind, from, to int32, use func(row []byte) error) error {
	return scanRange(context.Background(), r.in.db,
		salesRowKey(salesbook.RowKey{Kind: kind, Period: from}), salesRowKey(salesbook.RowKey{Kind: kind, Period: to}),
		func(_, row []byte) error { return use(row) })
}

// HasMonth implements salesbook.Rows.
func (r salesRows) HasMonth(m salesbook.Month) (some bool, err error) {
	it, err := r.in.db.NewIter(&pebble.IterOptions{
		LowerBound: salesChunkKey(salesMonths, int32(m), 0), UpperBound: salesChunkKey(salesMonths, int32(m+1), 0),
	})
	if err != nil {
		return false, err
	}
	some = it.First()
	return some, errors.Join(it.Error(), it.Close())
}
