package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

const (
	// salesInterval is how often what was committed is added to the sums.
	salesInterval = time.Second
	// salesLock is held by whoever changes the sums, to the end of its transaction: a number of our own.
	salesLock = 0x70656e7373616c65
	// salesDeltasMax is how many deltas wait to be taken into days, and salesDeltaBytesMax how large they are together.
	salesDeltasMax     = 256
	salesDeltaBytesMax = 512 << 10
	// salesHistoryStep is how many older orders are added up in one transaction.
	salesHistoryStep = 4096
	// salesBatchesMax bounds the batches of an earlier writer that are read in one transaction.
	salesBatchesMax = 256
)

// beginSales makes a new writer's mark. It belongs to the transaction that makes the writer: there is no batch yet.
func beginSales(ctx context.Context, tx pgx.Tx, writer int64) error {
	if _, err := tx.Exec(ctx, `INSERT INTO sales_marks (writer, batch) VALUES ($1::bigint, 0)`, writer); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE sales_state SET cut = $1::bigint WHERE cut IS NULL AND NOT complete`, writer)
	return err
}

// resetSales makes the sums those of a store whose orders are all to be added up yet.
func resetSales(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		`DELETE FROM sales_rows`, `DELETE FROM sales_deltas`, `DELETE FROM sales_numbers`, `DELETE FROM sales_marks`,
		`UPDATE sales_state SET cut = NULL, complete = false, at_order = '00000000-0000-0000-0000-000000000000'`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// salesKeeper keeps the sums up, for the keeper.
type salesKeeper struct {
	store   *Store
	settled time.Time     // when nothing was left to do
	looked  salesbook.Day // when months were last looked at
}

// salesRest is how long the sums are left alone when nothing has been committed here: another process may have ended.
const salesRest = 10 * time.Second

// tend does what there is to do, one transaction after another, until nothing is left or the context ends.
func (k *salesKeeper) tend(ctx context.Context, conn *pgx.Conn) error {
	if k.store.sales.isEmpty() && time.Since(k.settled) < salesRest {
		return nil
	}
	for {
		more, err := k.step(ctx, conn)
		if err != nil {
			return err
		}
		if !more {
			k.settled = time.Now()
			return nil
		}
	}
}

// step does the most urgent piece of work. It reports whether there may be more.
func (k *salesKeeper) step(ctx context.Context, conn *pgx.Conn) (more bool, err error) {
	for _, do := range []func(context.Context, *pgx.Conn) (bool, error){k.addCommitted, k.takeIn, k.addHistory} {
		if more, err = do(ctx, conn); more || err != nil {
			return more, err
		}
	}
	today := salesbook.DayOf(persistence.QuarterOf(time.Now()))
	if k.looked == today {
		return false, nil
	}
	if more, err = k.closeMonth(ctx, conn); err == nil && !more {
		k.looked = today
	}
	return more, err
}

// addLast adds what was committed last, as well as it can: what it cannot the next process reads from the events.
func (k *keeper) addLast() {
	if k.store.sales.isEmpty() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	k.try(ctx, "add up the last sales", func(ctx context.Context, conn *pgx.Conn) error {
		_, err := k.sales.addCommitted(ctx, conn)
		return err
	})
}

// change runs a transaction that changes the sums. Nobody else does meanwhile.
func (k *salesKeeper) change(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, int64(salesLock)); err != nil {
			return err
		}
		return do(tx)
	})
}

// addCommitted adds what writers have committed: this store's, and those that ended before they had added all of
// theirs. It reports whether there is more.
func (k *salesKeeper) addCommitted(ctx context.Context, conn *pgx.Conn) (more bool, err error) {
	segments := k.store.sales.take()
	err = k.change(ctx, conn, func(tx pgx.Tx) error {
		marks, err := query(ctx, conn, readMark, sqlTails)
		if err != nil {
			return err
		}
		tally := new(salesbook.Tally)
		for _, m := range marks {
			if m.fenced && m.last-m.batch > salesBatchesMax && !k.remembers(segments, m.writer) {
				m.last, more = m.batch+salesBatchesMax, true
			}
			if !m.fenced && !k.remembers(segments, m.writer) {
				continue // another process's, or this one's in the moment between commit and note
			}
			to, err := addTail(ctx, tx, tally, m, segments)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE sales_marks SET batch = $2::bigint WHERE writer = $1::bigint`, m.writer, number(to)); err != nil {
				return err
			}
		}
		return k.addDelta(ctx, tx, tally)
	})
	if err != nil {
		k.store.salesNumbers.forget()
		return false, err
	}
	k.store.sales.drop(segments) // the marks of all of them are behind them
	return more, nil
}

func (k *salesKeeper) remembers(segments []*salesSegment, writer int64) bool {
	for _, s := range segments {
		if s.writer == writer {
			return true
		}
	}
	return false
}

// addDelta writes a tally as a delta.
func (k *salesKeeper) addDelta(ctx context.Context, tx pgx.Tx, t *salesbook.Tally) error {
	if t.Len() == 0 {
		return nil
	}
	products, err := k.store.salesNumbers.give(ctx, tx, t)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO sales_deltas (buckets, products) VALUES ($1::bytea, $2::bytea)`,
		salesbook.AppendBuckets(nil, salesbook.AddUpBuckets(t.Buckets(nil))),
		salesbook.AppendProducts(nil, salesbook.AddUpProducts(products)))
	return err
}

// addHistory adds the next orders that were there before writers kept marks. It reports whether there are more.
func (k *salesKeeper) addHistory(ctx context.Context, conn *pgx.Conn) (more bool, err error) {
	err = k.change(ctx, conn, func(tx pgx.Tx) error {
		var h history
		err := tx.QueryRow(ctx, `SELECT at_order, cut FROM sales_state WHERE NOT complete AND cut IS NOT NULL`).
			Scan((*[16]byte)(&h.at), &h.cut)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		tally := new(salesbook.Tally)
		read, err := readHistory(ctx, tx, tally, &h, salesHistoryStep)
		if err != nil {
			return err
		}
		more = read == salesHistoryStep
		if _, err := tx.Exec(ctx, `UPDATE sales_state SET at_order = $1::uuid, complete = $2::boolean`, [16]byte(h.at), !more); err != nil {
			return err
		}
		return k.addDelta(ctx, tx, tally)
	})
	if err != nil {
		k.store.salesNumbers.forget()
		more = false
	}
	return more, err
}
