package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// Sales implements persistence.Store. The rows are shown once they are all there: a lost connection begins anew.
func (s *Store) Sales(ctx context.Context, r persistence.SalesRange, visit func(persistence.SalesCell)) error {
	var rows packed
	var tail []salesbook.Bucket
	err := s.readSales(ctx, func(q *salesReader) error {
		rows, tail = packed{}, q.tail.Buckets(nil)
		days := salesbook.DaysOf(r)
		return q.each(rows.keep, `SELECT data FROM sales_rows WHERE kind = $1 AND period >= $2 AND period < $3
			UNION ALL SELECT buckets FROM sales_deltas`, int16(salesbook.KindDay), int32(days.From), int32(days.To))
	})
	if err != nil {
		return err
	}
	show := func(b *salesbook.Bucket) {
		if r.Holds(b.Key.Quarter()) {
			visit(b.Cell())
		}
	}
	for i := range tail {
		show(&tail[i])
	}
	return rows.each(func(row []byte) error {
		reader := salesbook.ReadBuckets(row)
		for b := (salesbook.Bucket{}); reader.Next(&b); {
			show(&b)
		}
		return reader.Err()
	})
}

// packed keeps rows in one piece of memory.
type packed struct {
	bytes []byte
	ends  []int
}

func (p *packed) keep(row []byte) error {
	p.bytes = append(p.bytes, row...)
	p.ends = append(p.ends, len(p.bytes))
	return nil
}

func (p *packed) each(use func(row []byte) error) error {
	from := 0
	for _, end := range p.ends {
		if err := use(p.bytes[from:end]); err != nil {
			return fmt.Errorf("read sales: %w", err)
		}
		from = end
	}
	return nil
}

// TopProducts implements persistence.Store. It reads the rows of whole months and, where there are none, of days.
func (s *Store) TopProducts(ctx context.Context, q persistence.TopQuery) (top []persistence.ProductSales, err error) {
	q.Limit = int(page(q.Limit))
	err = s.readSales(ctx, func(reader *salesReader) error {
		names, err := s.salesNumbers.names(ctx, reader.db)
		if err != nil {
			return err
		}
		names, tail := reader.numbered(names)
		totals := salesbook.NewTotals(len(names))
		months, err := reader.months(q.SalesRange, totals)
		if err != nil {
			return err
		}
		for _, r := range salesbook.Without(q.SalesRange, months) {
			days := salesbook.DaysOf(r)
			err := reader.Each(salesbook.KindProductDay, int32(days.From), int32(days.To),
				func(row []byte) error { return totals.AddDays(row, r) })
			if err != nil {
				return err
			}
		}
		err = reader.each(func(row []byte) error { return totals.AddDays(row, q.SalesRange) }, `SELECT products FROM sales_deltas`)
		if err == nil {
			err = totals.AddSums(tail, q.SalesRange)
		}
		if err == nil && q.Limit > 0 {
			top = totals.Top(&q, names)
		}
		return err
	})
	return top, err
}

// ProductSales implements persistence.Store. It reads the product's chunk of each day.
func (s *Store) ProductSales(
	ctx context.Context, product commerce.ID, r persistence.SalesRange, visit func(persistence.ProductCell),
) error {
	var rows packed
	var names []salesbook.Name
	var tail []salesbook.ProductSum
	err := s.readSales(ctx, func(q *salesReader) error {
		stored, err := s.salesNumbers.names(ctx, q.db)
		if err != nil {
			return err
		}
		rows = packed{}
		names, tail = q.numbered(stored)
		var chunks []int32
		for n := range names {
			if names[n].Product == product {
				chunks = append(chunks, int32(salesbook.Number(n).Chunk()))
			}
		}
		days := salesbook.DaysOf(r)
		return q.each(rows.keep, `SELECT data FROM sales_rows WHERE kind = $1 AND period >= $2 AND period < $3 AND chunk = ANY ($4)
			UNION ALL SELECT products FROM sales_deltas`, int16(salesbook.KindProductDay), int32(days.From), int32(days.To), chunks)
	})
	if err != nil {
		return err
	}
	show := func(sum *salesbook.ProductSum) error {
		if int(sum.Key.Number()) >= len(names) {
			return salesbook.ErrCorrupt
		}
		if name := &names[sum.Key.Number()]; name.Product == product && r.Holds(sum.Key.Quarter()) {
			visit(sum.Cell(name.Currency))
		}
		return nil
	}
	for i := range tail {
		if err := show(&tail[i]); err != nil {
			return fmt.Errorf("read sales: %w", err)
		}
	}
	return rows.each(func(row []byte) error {
		reader := salesbook.ReadProducts(row)
		for sum := (salesbook.ProductSum{}); reader.Next(&sum); {
			if err := show(&sum); err != nil {
				return err
			}
		}
		return reader.Err()
	})
}

// salesReader reads the sums in one snapshot, with what they lack of it.
type salesReader struct {
	salesRows
	tail salesbook.Tally
}

// readSales lends a snapshot whose sums are complete. It begins with a single round trip: summaries are short.
func (s *Store) readSales(ctx context.Context, use func(*salesReader) error) error {
	return s.read(ctx, "sales", func(conn *pgx.Conn) (err error) {
		segments := s.sales.take()
		// A transaction that does not end here, since its context has, ends with its connection.
		defer func() {
			_, endErr := conn.Exec(ctx, `COMMIT`)
			err = errors.Join(err, endErr)
		}()
		marks, err := beginReading(ctx, conn)
		if err != nil {
			return err
		}
		r := &salesReader{salesRows: salesRows{ctx, conn}}
		for _, m := range marks {
			if _, err := addTail(ctx, conn, &r.tail, m, segments); err != nil {
				return err
			}
		}
		return use(r)
	})
}

// sqlPending tells how far older orders are added up, while they are not all.
const sqlPending = `SELECT at_order FROM sales_state WHERE NOT complete`

// beginReading begins a transaction that reads the sums, and reads which writers have committed beyond their marks. It
// fails with ErrSalesPending when older orders are not all added up.
func beginReading(ctx context.Context, conn *pgx.Conn) (marks []salesMark, err error) {
	batch := new(pgx.Batch)
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
	batch.Queue(sqlPending)
	batch.Queue(sqlTails)
	results := conn.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	if err := checkComplete(results.QueryRow()); err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, readMark)
}

// checkComplete reads the answer to sqlPending: ErrSalesPending when there is one.
func checkComplete(row pgx.Row) error {
	var at commerce.ID
	err := row.Scan((*[16]byte)(&at))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("%w; so far those up to %s", persistence.ErrSalesPending, at.Time().Format(time.DateOnly))
	}
}

// numbered returns the tail's product sums, not added up. Products that are not stored yet get numbers for this read.
func (r *salesReader) numbered(names []salesbook.Name) ([]salesbook.Name, []salesbook.ProductSum) {
	wanted := make(map[salesbook.Name]salesbook.Number)
	r.tail.Names(func(name salesbook.Name) { wanted[name] = 0 })
	if len(wanted) == 0 {
		return names, nil
	}
	for n, name := range names {
		if _, ok := wanted[name]; ok {
			wanted[name] = salesbook.Number(n) + 1
		}
	}
	for name, n := range wanted {
		if n == 0 {
			names = append(names, name)
			wanted[name] = salesbook.Number(len(names))
		}
	}
	return names, r.tail.Products(nil, func(name salesbook.Name) (salesbook.Number, bool) { return wanted[name] - 1, true })
}

// months adds the rows of whole months to the totals, and returns which months had some.
func (r *salesReader) months(in persistence.SalesRange, totals *salesbook.Totals) (found []salesbook.Month, err error) {
	from, to := salesbook.MonthsWithin(in)
	rows, err := r.db.Query(r.ctx, `SELECT period, data FROM sales_rows WHERE kind = $1 AND period >= $2 AND period < $3 ORDER BY period`,
		int16(salesbook.KindProductMonth), int32(from), int32(to))
	if err != nil {
		return nil, err
	}
	var period int32
	var row pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&period, &row}, func() error {
		if m := salesbook.Month(period); len(found) == 0 || found[len(found)-1] != m {
			found = append(found, m)
		}
		return totals.AddMonth(row)
	})
	return found, err
}
