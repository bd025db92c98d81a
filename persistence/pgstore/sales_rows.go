package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// takeIn moves deltas into the rows of their days and months, once there are many of them. It reports whether it has.
func (k *salesKeeper) takeIn(ctx context.Context, conn *pgx.Conn) (done bool, err error) {
	var waiting, bytes int64
	err = conn.QueryRow(ctx, `SELECT count(*), coalesce(sum(octet_length(buckets) + octet_length(products)), 0) FROM sales_deltas`).
		Scan(&waiting, &bytes)
	if err != nil || waiting < int64(k.store.opts.salesDeltasMax) && bytes < salesDeltaBytesMax {
		return false, err
	}
	return true, k.change(ctx, conn, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `DELETE FROM sales_deltas WHERE number <= (
			SELECT max(number) FROM (SELECT number FROM sales_deltas ORDER BY number LIMIT $1) d) RETURNING buckets, products`,
			int64(salesDeltasMax))
		if err != nil {
			return err
		}
		var buckets []salesbook.Bucket
		var products []salesbook.ProductSum
		var bucketRow, productRow pgtype.DriverBytes
		_, err = pgx.ForEachRow(rows, []any{&bucketRow, &productRow}, func() (err error) {
			if buckets, err = salesbook.UnpackBuckets(buckets, bucketRow); err != nil {
				return err
			}
			products, err = salesbook.UnpackProducts(products, productRow)
			return err
		})
		if err != nil {
			return err
		}
		return salesbook.TakeIn(salesRows{ctx, tx}, salesbook.AddUpBuckets(buckets), salesbook.AddUpProducts(products))
	})
}

// closeMonth makes the rows of the first month that is over and has none. It reports whether it has.
func (k *salesKeeper) closeMonth(ctx context.Context, conn *pgx.Conn) (made bool, err error) {
	err = k.change(ctx, conn, func(tx pgx.Tx) error {
		rows := salesRows{ctx, tx}
		days, err := query(ctx, conn, pgx.RowTo[int32], `SELECT DISTINCT period FROM sales_rows WHERE kind = $1 ORDER BY period`,
			int16(salesbook.KindProductDay))
		if err != nil {
			return err
		}
		looked := salesbook.Month(-1)
		for _, day := range days {
			month := salesbook.Day(day).Month()
			if month == looked || !month.IsOver(time.Now()) {
				continue
			}
			looked = month
			has, err := rows.HasMonth(month)
			if err != nil {
				return err
			}
			if !has {
				made = true
				return salesbook.WriteMonth(rows, month)
			}
		}
		return nil
	})
	return made, err
}

// salesRows is the packed rows, as package salesbook changes them, in a transaction.
type salesRows struct {
	ctx context.Context //nolint:containedctx // it lives as long as the transaction
	db  querier
}

// querier is a connection or a transaction of it.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var _ salesbook.Rows = salesRows{}

// Row implements salesbook.Rows.
func (r salesRows) Row(key salesbook.RowKey, use func(row []byte) error) error {
	return r.each(use, `SELECT data FROM sales_rows WHERE kind = $1 AND period = $2 AND chunk = $3`,
		int16(key.Kind), key.Period, int32(key.Chunk))
}

// Set implements salesbook.Rows.
func (r salesRows) Set(key salesbook.RowKey, row []byte) error {
	_, err := r.db.Exec(r.ctx, `INSERT INTO sales_rows (kind, period, chunk, data) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, period, chunk) DO UPDATE SET data = excluded.data`,
		int16(key.Kind), key.Period, int32(key.Chunk), row)
	return err
}

// Each implements salesbook.Rows.
func (r salesRows) Each(kind salesbook.Kind, from, to int32, use func(row []byte) error) error {
	return r.each(use, `SELECT data FROM sales_rows WHERE kind = $1 AND period >= $2 AND period < $3`, int16(kind), from, to)
}

// HasMonth implements salesbook.Rows.
func (r salesRows) HasMonth(m salesbook.Month) (has bool, err error) {
	err = r.db.QueryRow(r.ctx, `SELECT EXISTS (SELECT FROM sales_rows WHERE kind = $1 AND period = $2)`,
		int16(salesbook.KindProductMonth), int32(m)).Scan(&has)
	return has, err
}

func (r salesRows) each(use func(row []byte) error, sql string, args ...any) error {
	rows, err := r.db.Query(r.ctx, sql, args...)
	if err != nil {
		return err
	}
	var row pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&row}, func() error { return use(row) })
	return err
}
