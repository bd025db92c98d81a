package pgstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// shop is a store with a writer, and what to write.
type shop struct {
	*testing.T
	url    string
	store  *Store
	writer *writer
	w      *storetest.Workload
	res    persistence.Result
}

// setupShop opens a store on a fresh database, which via leads to.
func setupShop(t *testing.T, via func(url string) string) *shop {
	t.Helper()
	s := &shop{T: t, url: newDatabase(t), w: storetest.NewWorkload(1)}
	s.store = openStore(t, via(s.url))
	s.open()
	return s
}

func direct(url string) string { return url }

// setupProxied opens a store whose connections can be cut.
func setupProxied(t *testing.T) (s *shop, proxy *pgtest.Proxy) {
	t.Helper()
	s = setupShop(t, func(url string) string {
		var err error
		proxy, err = pgtest.NewProxy(url)
		require.NoError(t, err)
		t.Cleanup(proxy.Close)
		return proxy.URL()
	})
	return s, proxy
}

func (s *shop) open() {
	s.Helper()
	opened, err := s.store.OpenWriter(s.Context())
	require.NoError(s, err)
	s.writer = opened.(*writer) //nolint:forcetypeassert // it is this package's
	s.w.Epoch = opened.Epoch()
}

func (s *shop) commit(entries ...*commerce.Entry) []commerce.OutcomeKind {
	s.Helper()
	require.NoError(s, s.writer.Commit(s.Context(), s.w.Batch(s.writer.NextSeq(), entries...), &s.res))
	kinds := make([]commerce.OutcomeKind, len(s.res.Outcomes))
	for i := range s.res.Outcomes {
		kinds[i] = s.res.Outcomes[i].Kind
	}
	return kinds
}

func (s *shop) product(onHand int64) *commerce.Product {
	s.Helper()
	e := s.w.Product("", onHand)
	require.Equal(s, []commerce.OutcomeKind{commerce.Applied}, s.commit(e))
	return e.Product.Row
}

func (s *shop) verify() *persistence.Report {
	s.Helper()
	report, err := s.store.Verify(s.Context(), nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "faults: %v", report.Faults)
	return report
}

func TestBatchesThatApplyTakeOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p, q := s.product(100), s.product(100)
	var placed []*commerce.Entry
	for i := range 20 {
		placed = append(placed, s.w.Order("ann", fmt.Sprint(i), storetest.Line{Product: p, Quantity: 1}, storetest.Line{Product: q, Quantity: 2}))
	}
	s.commit(placed...)
	paid := s.w.Transition(placed[0].Order.Row, commerce.StatusPaid, "pay")
	s.commit(paid, s.w.Adjust(p.ID, 3, ""))
	// Placed and paid within one batch, and a product made and moved.
	next := s.w.Order("ben", "", storetest.Line{Product: p, Quantity: 1})
	s.commit(next, s.w.Transition(next.Order.Row, commerce.StatusPaid, ""))
	require.Zero(t, s.store.stats.careful.Load(), "batches that apply must not go the careful way")
	require.Equal(t, []commerce.OutcomeKind{commerce.Insufficient},
		s.commit(s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 200})))
	require.EqualValues(t, 1, s.store.stats.careful.Load())
	s.verify()
}

func TestCutCommitsAreSettledByOneRetry(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgtest.CutMode{pgtest.CutBeforeRequest, pgtest.CutAfterRequest, pgtest.CutAfterAnswer, pgtest.CutDuringAnswer} {
		for _, part := range []float64{0, 0.5, 0.99} {
			t.Run(fmt.Sprintf("%s, %g", mode, part), func(t *testing.T) {
				t.Parallel()
				s, proxy := setupProxied(t)
				p := s.product(10)
				for i := range 3 {
					proxy.CutCommit(pgtest.Cut{Application: "penstock writer", Mode: mode, Part: part})
					batch := s.w.Batch(s.writer.NextSeq(),
						s.w.Order("ann", fmt.Sprint(i), storetest.Line{Product: p, Quantity: 1}),
						s.w.Order("ben", fmt.Sprint(i), storetest.Line{Product: p, Quantity: int64(1 + 10*(i%2))})) // the second one refused
					require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown)
					require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
					require.Equal(t, commerce.Applied, s.res.Outcomes[0].Kind)
					require.Equal(t, []commerce.OutcomeKind{commerce.Applied, commerce.Insufficient}[i%2], s.res.Outcomes[1].Kind)
					require.Equal(t, s.res.Stock[0].Allocated, int64(2*(i+1)-(i+1)/2))
				}
				require.EqualValues(t, 5, s.verify().Orders)
			})
		}
	}
}

func TestAnUnknownOutcomeStaysUnknownUntilTheServerTells(t *testing.T) {
	t.Parallel()
	s, proxy := setupProxied(t)
	p := s.product(10)
	proxy.CutCommit(pgtest.Cut{Application: "penstock writer", Mode: pgtest.CutAfterAnswer})
	batch := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown)
	proxy.Refuse(true)
	proxy.Disconnect()
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown, "nobody could be asked")
	require.ErrorIs(t, s.store.Health(t.Context()), persistence.ErrUnavailable)
	proxy.Refuse(false)
	require.NoError(t, s.writer.Commit(t.Context(), batch, &s.res))
	require.EqualValues(t, 1, s.store.stats.again.Load())
	require.NoError(t, s.store.Health(t.Context()))

	proxy.Refuse(true)
	proxy.Disconnect()
	fresh := s.w.Batch(s.writer.NextSeq(), s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	err := s.writer.Commit(t.Context(), fresh, &s.res) // it cannot tell whether the lost connection took it
	require.True(t, errors.Is(err, persistence.ErrUnknown) || errors.Is(err, persistence.ErrUnavailable), err)
	proxy.Refuse(false)
	require.NoError(t, s.writer.Commit(t.Context(), fresh, &s.res))
	require.EqualValues(t, 2, s.verify().Orders)
}

func TestASilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	proxy, err := pgtest.NewProxy(url)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	store, err := Open(t.Context(), Options{URL: proxy.URL(), Connections: 2, AttemptTimeout: 200 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s := &shop{T: t, url: url, store: store, w: storetest.NewWorkload(1)}
	s.open()
	batch := s.w.Batch(1, s.w.Product("", 1))
	proxy.Pause()
	require.ErrorIs(t, s.writer.Commit(t.Context(), batch, &s.res), persistence.ErrUnknown)
	proxy.Resume()
	err = s.writer.Commit(t.Context(), batch, &s.res)
	for errors.Is(err, persistence.ErrUnknown) { // the time of an attempt is short, and a machine can be busy
		err = s.writer.Commit(t.Context(), batch, &s.res)
	}
	require.NoError(t, err)
	require.EqualValues(t, 1, s.verify().Products)
}

func TestOneUnstorableEntryDoesNotKeepTheOthersOut(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	for _, spoil := range []func(e *commerce.Entry){
		func(e *commerce.Entry) { e.Order.Row.Note = "a\x00b" },
		func(e *commerce.Entry) { e.Order.Row.Customer = "\xff" },
		func(e *commerce.Entry) { e.Movements[0].Reason = "\x00" },
		func(e *commerce.Entry) { e.Order.Row.Items[0].Name = "\xed\xa0\x80" },
		func(e *commerce.Entry) { e.Event.Actor = "\x00" },
		func(e *commerce.Entry) { e.Event.Note = "\xff" },
	} {
		bad, good := s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}), s.w.Order("ben", "", storetest.Line{Product: p, Quantity: 1})
		spoil(bad)
		require.Equal(t, []commerce.OutcomeKind{commerce.Unstorable, commerce.Applied}, s.commit(bad, good))
	}
	product, order := s.w.Product("", 1), s.w.Order("ben", "", storetest.Line{Product: p, Quantity: 1})
	product.Product.Row.Attributes = "{not JSON"
	require.Equal(t, []commerce.OutcomeKind{commerce.Unstorable, commerce.Applied}, s.commit(product, order))
	require.EqualValues(t, 7, s.verify().Orders)
}

func TestGrantsOfAnEpochThatHasPassedAreRefused(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p, q := s.product(10), s.product(10)
	for p.ID.Partition() == q.ID.Partition() {
		q = s.product(10)
	}
	require.EqualValues(t, 1, execute(t, s.url, `UPDATE partitions SET epoch = epoch + 1 WHERE id = $1`, q.ID.Partition()))
	require.Equal(t, []commerce.OutcomeKind{commerce.Applied, commerce.StaleGrant, commerce.StaleGrant}, s.commit(
		s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}),
		s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}, storetest.Line{Product: q, Quantity: 1}),
		s.w.Order("ann", "", storetest.Line{Product: q, Quantity: 1})))
	require.Equal(t, q.ID, s.res.Outcomes[1].Stock.Product)
	never := s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1})
	never.Movements[0].Epoch = 0
	require.Equal(t, []commerce.OutcomeKind{commerce.StaleGrant}, s.commit(never), "no epoch is no grant")
	require.EqualValues(t, 1, s.verify().Orders)
}

func TestAKeyIsBoundAnewAfterItHasExpired(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	s.w.Terms.KeyTTL = time.Hour
	s.commit(s.w.Order("ann", "key", storetest.Line{Product: p, Quantity: 1}))
	s.w.Advance(2 * time.Hour)
	again := s.w.Order("ann", "key", storetest.Line{Product: p, Quantity: 2})
	require.Equal(t, []commerce.OutcomeKind{commerce.Applied, commerce.KeyMismatch},
		s.commit(again, s.w.Order("ann", "key", storetest.Line{Product: p, Quantity: 1})))
	bound, err := s.store.Keys(t.Context(), []commerce.KeyID{again.Key.ID})
	require.NoError(t, err)
	require.Equal(t, []commerce.KeyBinding{*again.Key}, bound)
	s.verify()
}

func TestAWriterTakesOverFromOneThatHangsInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	old := s.writer
	p := s.product(10)
	// The older process stops while its transaction is open: it holds its row.
	_, err := old.conn.Exec(t.Context(), `BEGIN; SELECT 1 FROM writers FOR UPDATE`)
	require.NoError(t, err)
	s.open()
	s.commit(s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	batch := s.w.Batch(old.NextSeq(), s.w.Order("ben", "", storetest.Line{Product: p, Quantity: 1}))
	err = old.Commit(t.Context(), batch, &s.res)
	for range 3 { // first it finds its connection gone
		if !errors.Is(err, persistence.ErrUnknown) && !errors.Is(err, persistence.ErrUnavailable) {
			break
		}
		err = old.Commit(t.Context(), batch, &s.res)
	}
	require.ErrorIs(t, err, persistence.ErrFenced)
	require.EqualValues(t, 1, s.verify().Orders)
}

func TestAWriterWhoseRowIsGoneIsFenced(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	s.product(1)
	execute(t, s.url, `DELETE FROM writers`) // as in a restored copy of the database
	err := s.writer.Commit(t.Context(), s.w.Batch(s.writer.NextSeq(), s.w.Product("", 1)), &s.res)
	require.ErrorIs(t, err, persistence.ErrFenced)
	require.ErrorIs(t, err, ErrOlderState)
}

func TestSessionsAreAsDurableAsPromised(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	for _, sql := range []string{
		`ALTER DATABASE %s SET synchronous_commit = off`,
		`ALTER DATABASE %s SET statement_timeout = '2s'`,
		`ALTER DATABASE %s SET default_transaction_isolation = 'repeatable read'`,
	} {
		config, err := pgx.ParseConfig(url)
		require.NoError(t, err)
		execute(t, url, fmt.Sprintf(sql, pgx.Identifier{config.Database}.Sanitize()))
	}
	s := &shop{T: t, url: url, store: openStore(t, url), w: storetest.NewWorkload(1)}
	s.open()
	for setting, want := range map[string]string{
		"synchronous_commit": "on", "statement_timeout": "0", "plan_cache_mode": "force_generic_plan",
		"default_transaction_isolation": "read committed",
	} {
		var got string
		require.NoError(t, s.writer.conn.QueryRow(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
}

func TestABatchIsNeverCancelled(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	conn := s.writer.conn.PgConn()
	require.ErrorIs(t, conn.CancelRequest(context.Background()), errNoCancel)
}

func TestMonthsAreMadeAheadAndUsed(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	now := time.Now().UTC()
	s.commit(s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	s.w.Advance(400 * 24 * time.Hour) // a clock that is wrong
	s.commit(s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 1}))
	conn := connect(t, s.url)
	for i := range monthsAhead + 1 {
		m := monthOf(now.AddDate(0, i, 1-now.Day()))
		for _, table := range []string{"orders", "order_events"} {
			var rows int
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM `+table+"_"+m.suffix).Scan(&rows))
			if i == 0 && table == "orders" {
				require.Equal(t, 1, rows)
			}
		}
	}
	var strays int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM orders_default`).Scan(&strays))
	require.Equal(t, 1, strays)
	require.NoError(t, makeMonths(t.Context(), conn, now.AddDate(0, 2, 0)), "while orders are there")
	// Rows of a month in the default partition keep that month from being made, and no other.
	require.ErrorContains(t, makeMonths(t.Context(), conn, now.AddDate(0, 12, 0)), "orders_"+monthOf(now.Add(400*24*time.Hour)).suffix)
	last := monthOf(now.AddDate(0, 12+monthsAhead, 1-now.Day()))
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM order_events_`+last.suffix).Scan(&strays))
	s.verify()
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func TestExpiredKeysAndOldWritersAreRemoved(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p := s.product(10)
	s.w.Terms.KeyTTL = -2 * purgeAfter
	s.commit(s.w.Order("ann", "old", storetest.Line{Product: p, Quantity: 1}))
	s.w.Terms.KeyTTL = time.Hour
	s.commit(s.w.Order("ann", "new", storetest.Line{Product: p, Quantity: 1}))
	s.open()
	execute(t, s.url, `UPDATE writers SET fenced_at = fenced_at - interval '1 year'`)
	require.NoError(t, s.store.keep.purgeKeys(t.Context(), connect(t, s.url)))
	require.EqualValues(t, 1, s.store.stats.purged.Load())
	var writers int
	require.NoError(t, connect(t, s.url).QueryRow(t.Context(), `SELECT count(*) FROM writers`).Scan(&writers))
	require.Equal(t, 1, writers, "the one that writes")
	s.commit(s.w.Order("ann", "old", storetest.Line{Product: p, Quantity: 1}))
	s.verify()
}
