package pebblestore

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// Sales implements persistence.Store.
func (s *Store) Sales(ctx context.Context, r persistence.SalesRange, visit func(persistence.SalesCell)) error {
	return s.readSales(ctx, func(snap *view) error {
		rows := func(_, row []byte) error {
			reader := salesbook.ReadBuckets(row)
			for b := (salesbook.Bucket{}); reader.Next(&b); {
				if r.Holds(b.Key.Quarter()) {
					visit(b.Cell())
				}
			}
			return reader.Err()
		}
		days := salesbook.DaysOf(r)
		if err := scanRange(ctx, snap, salesDayKey(days.From), salesDayKey(days.To), rows); err != nil {
			return err
		}
		return scan(ctx, snap, salesPrefix(nil, salesBucketDeltas), rows)
	})
}

// TopProducts implements persistence.Store. It reads the rows of whole months and, where there are none, of days.
func (s *Store) TopProducts(ctx context.Context, q persistence.TopQuery) (top []persistence.ProductSales, err error) {
	q.Limit = page(q.Limit)
	err = s.readSales(ctx, func(snap *view) error {
		names, err := snap.in.sales.names(snap)
		if err != nil {
			return err
		}
		totals := salesbook.NewTotals(len(names))
		months, err := readMonths(ctx, snap, q.SalesRange, totals)
		if err != nil {
			return err
		}
		for _, r := range salesbook.Without(q.SalesRange, months) {
			days := salesbook.DaysOf(r)
			err := scanRange(ctx, snap, salesChunkKey(salesProductDays, int32(days.From), 0),
				salesChunkKey(salesProductDays, int32(days.To), 0),
				func(_, row []byte) error { return totals.AddDays(row, r) })
			if err != nil {
				return err
			}
		}
		err = scan(ctx, snap, salesPrefix(nil, salesDeltas), func(_, row []byte) error { return totals.AddDays(row, q.SalesRange) })
		if err == nil && q.Limit > 0 {
			top = totals.Top(&q, names)
		}
		return err
	})
	return top, err
}

// readMonths adds the rows of whole months to the totals, and returns which months had some. Deltas are not in them.
func readMonths(
	ctx context.Context, snap *view, r persistence.SalesRange, totals *salesbook.Totals,
) (found []salesbook.Month, err error) {
	from, to := salesbook.MonthsWithin(r)
	err = scanRange(ctx, snap, salesChunkKey(salesMonths, int32(from), 0), salesChunkKey(salesMonths, int32(to), 0),
		func(key, row []byte) error {
			period, err := salesPeriod(key)
			if err != nil {
				return err
			}
			if m := salesbook.Month(period); len(found) == 0 || found[len(found)-1] != m {
				found = append(found, m)
			}
			return totals.AddMonth(row)
		})
	return found, err
}

// ProductSales implements persistence.Store. It reads the product's chunk of each day.
func (s *Store) ProductSales(
	ctx context.Context, product commerce.ID, r persistence.SalesRange, visit func(persistence.ProductCell),
) error {
	return s.readSales(ctx, func(snap *view) error {
		names, err := snap.in.sales.names(snap)
		if err != nil {
			return err
		}
		for n := range names {
			if names[n].Product != product {
				continue
			}
			number, currency := salesbook.Number(n), names[n].Currency
			err := readProduct(ctx, snap, number, r, func(sum *salesbook.ProductSum) {
				if sum.Key.Number() == number && r.Holds(sum.Key.Quarter()) {
					visit(sum.Cell(currency))
				}
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// readProduct calls visit with the sums of a number, and of others that stand beside it.
func readProduct(
	ctx context.Context, snap *view, number salesbook.Number, r persistence.SalesRange, visit func(*salesbook.ProductSum),
) error {
	rows := func(row []byte) error {
		reader := salesbook.ReadProducts(row)
		for sum := (salesbook.ProductSum{}); reader.Next(&sum); {
			visit(&sum)
		}
		return reader.Err()
	}
	days := salesbook.DaysOf(r)
	for day := days.From; day < days.To; day++ {
		if err := snap.alive(ctx); err != nil {
			return err
		}
		if _, err := get(snap, salesChunkKey(salesProductDays, int32(day), number.Chunk()), rows); err != nil {
			return err
		}
	}
	return scan(ctx, snap, salesPrefix(nil, salesDeltas), func(_, row []byte) error { return rows(row) })
}

// readSales lends a snapshot whose sums are complete.
func (s *Store) readSales(ctx context.Context, use func(*view) error) error {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return readError("sales", err)
	}
	defer snap.release()
	state, _, err := readSalesState(snap)
	if err == nil && !state.complete {
		err = fmt.Errorf("%w; so far those up to %s", persistence.ErrSalesPending, state.cursor.Time().Format(time.DateOnly))
	}
	if err == nil {
		err = use(snap)
	}
	return readError("sales", err)
}
