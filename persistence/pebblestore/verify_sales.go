package pebblestore

import (
	"context"

	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// readSales compares the sums of sales with the orders, which have told theirs. Sums that do not hold all orders yet
// prove nothing.
func (v *verifier) readSales(ctx context.Context) error {
	state, _, err := readSalesState(v.snap)
	if err != nil || !state.complete {
		return err
	}
	names, err := v.snap.in.sales.names(v.snap)
	if err != nil {
		return err
	}
	for _, rows := range []struct {
		kind byte
		hold func(key, row []byte) error
	}{
		{salesDays, func(_, row []byte) error { return v.sales.HoldBuckets(row) }},
		{salesBucketDeltas, func(_, row []byte) error { return v.sales.HoldBuckets(row) }},
		{salesProductDays, func(_, row []byte) error { return v.sales.HoldDays(row, names, false) }},
		{salesDeltas, func(_, row []byte) error { return v.sales.HoldDays(row, names, true) }},
		{salesMonths, func(key, row []byte) error {
			month, err := salesPeriod(key)
			if err != nil {
				return err
			}
			return v.sales.HoldMonth(salesbook.Month(month), row, names)
		}},
	} {
		err := scan(ctx, v.snap, salesPrefix(nil, rows.kind), func(key, row []byte) error {
			if err := rows.hold(key, row); err != nil {
				v.corrupt(key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, what := range v.sales.Faults() {
		v.report.Add("sales_sum", what, "the sums are not those of the orders")
	}
	return nil
}
