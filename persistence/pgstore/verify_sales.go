package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// sqlSold reads what counts of all orders.
const sqlSold = `SELECT NULL::smallint, status, placed_at, total, currency, detail FROM orders`

// checkSales compares the sums of sales with the orders. The orders are added up here, since nobody but this program
// can read the sums. Sums that do not hold all orders yet prove nothing.
func (v *verifier) checkSales(ctx context.Context) error {
	err := checkComplete(v.tx.QueryRow(ctx, sqlPending))
	if errors.Is(err, persistence.ErrSalesPending) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check sales: %w", err)
	}
	proof := salesbook.NewProof()
	if err := v.tellSales(ctx, proof); err != nil {
		return fmt.Errorf("check sales: add up orders: %w", err)
	}
	if err := v.holdSales(ctx, proof); err != nil {
		return fmt.Errorf("check sales: read sums: %w", err)
	}
	for _, what := range proof.Faults() {
		v.report.Add("sales_sum", what, "the sums are not those of the orders")
	}
	return nil
}

func (v *verifier) tellSales(ctx context.Context, proof *salesbook.Proof) error {
	rows, err := v.tx.Query(ctx, sqlSold)
	if err != nil {
		return err
	}
	var tally salesbook.Tally
	var r changeRow
	_, err = pgx.ForEachRow(rows, r.fields(), func() error {
		tally.Reset()
		if err := r.note(&tally); err != nil {
			return err
		}
		proof.Tell(&tally)
		return nil
	})
	return err
}

func (v *verifier) holdSales(ctx context.Context, proof *salesbook.Proof) error {
	reader := &salesReader{salesRows: salesRows{ctx, v.tx}}
	marks, err := query(ctx, v.tx.Conn(), readMark, sqlTails)
	if err != nil {
		return err
	}
	for _, m := range marks {
		if _, err := addTail(ctx, v.tx, &reader.tail, m, nil); err != nil {
			return err
		}
	}
	proof.HoldTally(&reader.tail)
	names, err := new(salesNumbers).names(ctx, v.tx)
	if err != nil {
		return err
	}
	for sql, hold := range map[string]func([]byte) error{
		`SELECT buckets FROM sales_deltas`:           proof.HoldBuckets,
		`SELECT data FROM sales_rows WHERE kind = 1`: proof.HoldBuckets,
		`SELECT products FROM sales_deltas`:          func(row []byte) error { return proof.HoldDays(row, names, true) },
		`SELECT data FROM sales_rows WHERE kind = 2`: func(row []byte) error { return proof.HoldDays(row, names, false) },
	} {
		if err := reader.each(hold, sql); err != nil {
			return err
		}
	}
	rows, err := v.tx.Query(ctx, `SELECT period, data FROM sales_rows WHERE kind = 3`)
	if err != nil {
		return err
	}
	var month int32
	var row pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&month, &row}, func() error {
		return proof.HoldMonth(salesbook.Month(month), row, names)
	})
	return err
}
