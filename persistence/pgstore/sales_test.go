package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// salesShop is a store with a writer and some orders, and others that look on.
type salesShop struct {
	*testing.T
	url    string
	store  *Store
	writer persistence.Writer
	w      *storetest.Workload
	goods  *commerce.Product
	orders int64
}

// newSalesShop opens a shop whose keeper leaves the sums alone.
func newSalesShop(t *testing.T) *salesShop {
	t.Helper()
	s := &salesShop{T: t, url: newDatabase(t), w: storetest.NewWorkload(1)}
	s.store = s.open()
	s.openWriter()
	e := s.w.Product("", commerce.OnHandMax)
	s.commit(e)
	s.goods = e.Product.Row
	return s
}

func (s *salesShop) open() *Store {
	s.Helper()
	store, err := Open(s.Context(), Options{URL: s.url, Connections: 4, salesInterval: time.Hour})
	require.NoError(s, err)
	s.Cleanup(func() { require.NoError(s, store.Close()) })
	return store
}

func (s *salesShop) openWriter() {
	s.Helper()
	var err error
	s.writer, err = s.store.OpenWriter(s.Context())
	require.NoError(s, err)
	s.w.Epoch = s.writer.Epoch()
}

func (s *salesShop) commit(entries ...*commerce.Entry) *persistence.Batch {
	s.Helper()
	batch := s.w.Batch(s.writer.NextSeq(), entries...)
	s.again(batch)
	return batch
}

func (s *salesShop) again(batch *persistence.Batch) {
	s.Helper()
	var res persistence.Result
	require.NoError(s, s.writer.Commit(s.Context(), batch, &res))
	for i := range res.Outcomes {
		require.Equal(s, commerce.Applied, res.Outcomes[i].Kind)
	}
}

// place places an order of each quantity, in one batch.
func (s *salesShop) place(quantities ...int64) *persistence.Batch {
	s.Helper()
	var entries []*commerce.Entry
	for _, q := range quantities {
		entries = append(entries, s.w.Order("ann", "", storetest.Line{Product: s.goods, Quantity: q}))
		s.orders++
	}
	return s.commit(entries...)
}

// keep lets the keeper of the sums do one round of its work.
func (s *salesShop) keep() {
	s.Helper()
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error { return s.store.keep.sales.tend(ctx, conn) })
}

func (s *salesShop) withConn(do func(context.Context, *pgx.Conn) error) {
	s.Helper()
	require.NoError(s, withConn(s.Context(), s.url, func(conn *pgx.Conn) error { return do(s.Context(), conn) }))
}

func (s *salesShop) count(sql string, args ...any) (n int64) {
	s.Helper()
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(&n) })
	return n
}

// requireSums requires that a store tells all orders, each once.
func (s *salesShop) requireSums(store *Store) {
	s.Helper()
	var orders int64
	err := store.Sales(s.Context(), persistence.SalesRange{To: 1 << 22}, func(c persistence.SalesCell) { orders += c.Orders })
	require.NoError(s, err)
	require.Equal(s, s.orders, orders)
	report, err := store.Verify(s.Context(), nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "%v", report.Faults)
}

func TestSales_AnotherProcessReadsTheTailFromEvents(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	reader := s.open()
	s.requireSums(reader)
	s.place(1, 2, 3)
	s.requireSums(reader)
	s.requireSums(s.store)
	s.keep()
	require.EqualValues(t, 1, s.count(`SELECT count(*) FROM sales_deltas`))
	s.place(4)
	s.requireSums(reader)
	s.requireSums(s.store)
}

func TestSales_WhatMemoryForgotIsReadFromEvents(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	for range 4 {
		s.place(1, 2)
		s.store.sales.take() // so that each batch is a segment
	}
	segments := s.store.sales.take()
	s.store.sales.drop(segments[:2])
	s.requireSums(s.store)
	s.store.sales.drop(segments[3:])
	s.keep() // up to the last that is remembered
	s.place(5)
	s.requireSums(s.store)
	s.keep()
	s.requireSums(s.store)
	require.True(t, s.store.sales.isEmpty())
	require.EqualValues(t, s.writer.NextSeq()-1, s.count(`SELECT batch FROM sales_marks`))
}

func TestSales_MemoryIsBounded(t *testing.T) {
	t.Parallel()
	var tail salesTail
	order := &commerce.Order{Status: commerce.StatusPending, Items: make([]commerce.Item, 200), Total: commerce.Money{Currency: commerce.DefaultCurrency()}, PlacedAt: time.Now()}
	batch := &persistence.Batch{}
	for range persistence.BatchEntriesMax {
		batch.Entries = append(batch.Entries, &commerce.Entry{Order: &commerce.OrderChange{Row: order}})
	}
	outcomes := make([]commerce.Outcome, len(batch.Entries))
	for i := range outcomes {
		outcomes[i].Kind = commerce.Applied
	}
	for batch.Seq = range uint64(20) {
		tail.note(1, batch, outcomes)
		if batch.Seq%3 == 0 {
			tail.take()
		}
		require.LessOrEqual(t, tail.size, salesTailMax)
	}
	size := 0
	for _, s := range tail.take() {
		size += s.tally.Len()
	}
	require.Equal(t, tail.size, size)
	require.Positive(t, size)
}

func TestSales_BatchThatComesAgainCountsOnce(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	s.place(1)
	batch := s.place(2)
	s.again(batch)
	s.requireSums(s.store)
	s.keep()
	s.again(batch)
	s.requireSums(s.store)
	batch = s.place(3)
	s.requireSums(s.store)
	s.keep()
	s.requireSums(s.store)
	s.again(batch)
	s.place(4)
	s.keep()
	s.requireSums(s.store)
}

func TestSales_PartOfWhatIsRememberedMayBeAddedByAnother(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	s.place(1)
	middle := s.writer.NextSeq()
	s.place(2)
	s.place(3, 4)
	first := s.store
	s.store = s.open() // another process takes over, and adds up to the middle of a segment
	s.openWriter()
	var tally salesbook.Tally
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error {
		k := &s.store.keep.sales
		return k.change(ctx, conn, func(tx pgx.Tx) error {
			writer := s.count(`SELECT min(writer) FROM sales_marks`)
			if err := readTailEvents(ctx, tx, &tally, batchRange{writer, 0, middle}); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE sales_marks SET batch = $1 WHERE writer = $2`, int64(middle), writer); err != nil {
				return err
			}
			return k.addDelta(ctx, tx, &tally)
		})
	})
	s.requireSums(first)
	s.requireSums(s.store)
	s.store, first = first, s.store
	s.keep()
	s.requireSums(s.store)
	s.requireSums(first)
}

func TestSales_WriterThatEndedIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	for range 3 {
		s.place(1, 2)
	}
	s.store.sales.drop(s.store.sales.take()) // as if the process had ended
	s.openWriter()
	s.place(3)
	s.requireSums(s.store)
	s.keep()
	s.requireSums(s.store)
	require.Zero(t, s.count(`SELECT count(*) FROM sales_marks m JOIN writers w ON w.number = m.writer WHERE m.batch < w.seq`))
	// Now the sums alone tell: nothing is read from events any more.
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `UPDATE order_events SET writer = -1`)
		return err
	})
	var orders int64
	require.NoError(t, s.store.Sales(t.Context(), persistence.SalesRange{To: 1 << 22}, func(c persistence.SalesCell) { orders += c.Orders }))
	require.Equal(t, s.orders, orders)
}

func TestSales_WriterIsNotForgottenBeforeItsEventsAreAddedUp(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	s.place(1)
	s.store.sales.drop(s.store.sales.take())
	s.openWriter()
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `UPDATE writers SET fenced_at = now() - interval '1 year' WHERE fenced_by IS NOT NULL`)
		return err
	})
	purge := func() { s.withConn(s.store.keep.purgeKeys) }
	purge()
	s.requireSums(s.store)
	require.EqualValues(t, 2, s.count(`SELECT count(*) FROM writers`))
	s.keep()
	purge()
	require.EqualValues(t, 1, s.count(`SELECT count(*) FROM writers`))
	s.requireSums(s.store)
}

func TestSales_MonthsThatAreOverGetRows(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	s.store.opts.salesDeltasMax = 1
	s.w.Advance(-100 * 24 * time.Hour)
	for range 20 {
		s.place(1, 2)
		s.w.Advance(5 * 24 * time.Hour)
		s.keep()
	}
	s.store.keep.sales.looked, s.store.keep.sales.settled = 0, time.Time{}
	s.place(1)
	s.keep()
	require.Positive(t, s.count(`SELECT count(DISTINCT period) FROM sales_rows WHERE kind = $1`, int16(salesbook.KindProductMonth)))
	s.requireSums(s.store)
	top, err := s.store.TopProducts(t.Context(), persistence.TopQuery{SalesRange: persistence.SalesRange{To: 1 << 22}, Limit: 1})
	require.NoError(t, err)
	require.EqualValues(t, 61, top[0].Units)
}

func TestSales_TwoStoresAddUpSideBySide(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	first := s.store
	s.place(1, 2)
	s.store = s.open() // another process takes over
	s.openWriter()
	s.place(3)
	s.keep()
	s.store, first = first, s.store
	s.keep() // what this one remembers is in the sums already
	s.requireSums(s.store)
	s.requireSums(first)
}

// TestSales_OldDatabaseIsAddedUpAfterMigrating goes back to the schema before there were sums.
func TestSales_OldDatabaseIsAddedUpAfterMigrating(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	for range 3 {
		s.place(1, 2, 3)
	}
	s.withConn(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DROP TABLE sales_state, sales_marks, sales_numbers, sales_deltas, sales_rows;
			DROP TABLE access_keys, access_state, audit_log, audit_head, ledger_lag; DROP FUNCTION penstock_audit_stays;
			DELETE FROM `+versionTable+` WHERE version_id >= 4`)
		return err
	})
	require.NoError(t, s.store.writers.close())
	require.NoError(t, migrate(t.Context(), s.url))
	s.store = s.open()
	err := s.store.Sales(t.Context(), persistence.SalesRange{To: 1 << 22}, func(persistence.SalesCell) {})
	require.ErrorIs(t, err, persistence.ErrSalesPending, "nobody has begun")
	s.openWriter()
	s.place(4)
	s.keep()
	s.requireSums(s.store)
	require.EqualValues(t, 1, s.count(`SELECT count(*) FROM sales_state WHERE complete`))
}

func TestSales_NumbersOfATransactionThatWasTakenBackAreGivenAgain(t *testing.T) {
	t.Parallel()
	s := newSalesShop(t)
	var tally salesbook.Tally
	name := func() salesbook.Name {
		return salesbook.Name{Product: commerce.ID(uuid.New()), Currency: commerce.DefaultCurrency()}
	}
	give := func(commit bool) {
		c := salesbook.Change{Total: commerce.Money{Currency: commerce.DefaultCurrency()}, To: commerce.StatusPending}
		tally.Reset()
		tally.Item(&c, name().Product, 1, 1)
		s.withConn(func(ctx context.Context, conn *pgx.Conn) error {
			tx, err := conn.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := s.store.salesNumbers.give(ctx, tx, &tally); err != nil {
				return err
			}
			if commit {
				return tx.Commit(ctx)
			}
			s.store.salesNumbers.forget()
			return tx.Rollback(ctx)
		})
	}
	give(true)
	give(false)
	give(true)
	require.EqualValues(t, 2, s.count(`SELECT count(*) FROM sales_numbers WHERE number < 2`))
	require.EqualValues(t, 2, s.count(`SELECT count(*) FROM sales_numbers`))
}
