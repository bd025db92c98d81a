package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// monthsAhead is how many months' partitions exist beside the current one.
	monthsAhead = 3
	// monthsLock keeps two processes from making the same partition: a number of our own.
	monthsLock = 0x70656e73746f636b
)

// month is a partition's bounds: ids made from the first millisecond of a month on, and before the next.
type month struct {
	suffix   string
	from, to commerce.ID
}

func monthOf(t time.Time) month {
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return month{
		suffix: first.Format("2006_01"),
		from:   commerce.IDFloor(first), to: commerce.IDFloor(first.AddDate(0, 1, 0)),
	}
}

// prepareMonths makes the partitions of the current month and of the following ones, in the database at
// url.
func prepareMonths(ctx context.Context, url string) error {
	return withConn(ctx, url, func(conn *pgx.Conn) error { return makeMonths(ctx, conn, time.Now().UTC()) })
}

// makeMonths makes what is missing of the partitions of the month of now and the monthsAhead after it. One
// that cannot be made, because the default partition has rows of its month, does not keep the others from being made.
func makeMonths(ctx context.Context, conn *pgx.Conn, now time.Time) error {
	var errs []error
	for _, table := range []string{"orders", "order_events"} {
		for i := range monthsAhead + 1 {
			errs = append(errs, makeMonth(ctx, conn, table, monthOf(now.AddDate(0, i, 1-now.Day()))))
		}
	}
	return errors.Join(errs...)
}

// PrepareMonths makes the partitions of months in which rows were made that are about to be written, and of those to
// come. Nobody needs it for rows that are made now. It is to be called before they are written: what lies in the
// default partition stays there.
func (s *Store) PrepareMonths(ctx context.Context, made []time.Time) error {
	return withConn(ctx, s.opts.URL, func(conn *pgx.Conn) error { return makePastMonths(ctx, conn, made) })
}

// makePastMonths makes what is missing of the partitions of the months given, and of those that makeMonths makes.
func makePastMonths(ctx context.Context, conn *pgx.Conn, made []time.Time) error {
	for _, at := range made {
		for _, table := range []string{"orders", "order_events"} {
			if err := makeMonth(ctx, conn, table, monthOf(at.UTC())); err != nil {
				return err
			}
		}
	}
	return makeMonths(ctx, conn, time.Now().UTC())
}

// makeMonth makes one partition. It is attached, not created in place, since that would lock out all
// readers and writers of the table; an attachment only locks the default partition, for a moment.
func makeMonth(ctx context.Context, conn *pgx.Conn, table string, m month) error {
	name := table + "_" + m.suffix
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1::text) IS NOT NULL`, name).Scan(&there); err != nil || there {
		return err
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, int64(monthsLock)); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1::text) IS NOT NULL`, name).Scan(&there); err != nil || there {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`
			SET LOCAL lock_timeout = 500;
			CREATE TABLE %[2]s (LIKE %[1]s INCLUDING ALL);
			ALTER TABLE %[1]s ATTACH PARTITION %[2]s FOR VALUES FROM ('%[3]s') TO ('%[4]s')`, table, name, m.from, m.to))
		return err
	})
	if err != nil {
		return fmt.Errorf("make partition %s: %w", name, err)
	}
	return nil
}
