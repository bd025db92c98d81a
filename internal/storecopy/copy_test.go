package storecopy_test

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/storecopy"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// place is a database to copy into.
type place struct {
	url    string
	store  *pgstore.Store
	loader *pgstore.Loader
}

func options(url string) pgstore.Options {
	return pgstore.Options{URL: url, Logger: slog.New(slog.DiscardHandler), Connections: 4}
}

func openPlace(t *testing.T, url string) *place {
	t.Helper()
	p := &place{url: url}
	var err error
	p.store, err = pgstore.Open(t.Context(), options(url))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.store.Close()) })
	p.loader, err = pgstore.OpenLoader(t.Context(), options(url), "a shop", false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.loader.Close()) })
	return p
}

func (p *place) run(ctx context.Context, source persistence.Store, chunk func()) (storecopy.Summary, error) {
	return storecopy.Run(ctx, storecopy.Config{
		Source: source, Loader: p.loader, Target: p.store,
		Progress: func(phase storecopy.Phase, _, _ int64) {
			if phase == storecopy.PhaseCopy {
				chunk()
			}
		},
	})
}

func TestACopyTellsTheSameAsItsSource(t *testing.T) {
	t.Parallel()
	source := openShop(t, t.TempDir())
	trade(t, source, 3000)
	url := database(t)
	p := openPlace(t, url)
	summary, err := p.run(t.Context(), source, func() {})
	require.NoError(t, err)

	want := read(t, source)
	requireSame(t, want, read(t, p.store))
	require.Len(t, want.products, 200)
	states := make(map[commerce.Status]int)
	for _, o := range want.orders {
		states[o.Status]++
	}
	require.Len(t, states, int(commerce.StatusMax), "orders in every state")
	require.EqualValues(t, len(want.orders), summary.Orders)
	require.EqualValues(t, len(want.movements), summary.Movements)
	require.EqualValues(t, len(want.events), summary.Events)
	require.EqualValues(t, len(want.keys), summary.Keys, "those that have expired are left behind")
	require.EqualValues(t, 3, summary.AccessKeys)
	require.EqualValues(t, 203+3, summary.AuditRecords, "products made and changed, stock adjusted, keys made")
	require.EqualValues(t, summary.AuditRecords, want.head.Seq)
	require.Empty(t, summary.AuditFault)
	require.Zero(t, summary.Resumed)
	require.Positive(t, summary.Sampled)
	require.Equal(t, []string{"empty", "empty"}, months(t, url), "no row lies in a default partition")
	goOn(t, p.store, want)
}

// goOn takes orders on a copy, and moves one that was copied.
func goOn(t *testing.T, store persistence.Store, copied inventory) {
	t.Helper()
	writer, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	w := storetest.NewWorkload(8)
	w.Epoch = writer.Epoch()
	for i := range copied.movements {
		require.Less(t, copied.movements[i].Epoch, writer.Epoch(), "epochs go up, also from one store to the next")
	}
	var pending *commerce.Order
	for _, o := range copied.orders {
		if o.Status == commerce.StatusPending {
			pending = o
		}
	}
	entries := []*commerce.Entry{
		w.Order("ann", "a new key", storetest.Line{Product: copied.products[5].Product, Quantity: 2}),
		w.Transition(pending, commerce.StatusCancelled, ""),
		w.Adjust(copied.products[5].Product.ID, 1, ""),
	}
	var res persistence.Result
	require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), entries...), &res))
	for _, o := range res.Outcomes {
		require.Equal(t, commerce.Applied, o.Kind)
	}
	report, err := store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Faults)
	audit, err := persistence.VerifyAudit(t.Context(), store, copied.head, nil)
	require.NoError(t, err)
	require.True(t, audit.OK(), "%v", audit.Fault)
	require.Equal(t, copied.head.Seq+1, audit.Records)
}

// months tells of each default partition whether it is empty.
func months(t *testing.T, url string) (states []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	for _, table := range []string{"orders_default", "order_events_default"} {
		var state string
		require.NoError(t, conn.QueryRow(t.Context(),
			`SELECT CASE WHEN EXISTS (SELECT FROM `+table+`) THEN 'rows' ELSE 'empty' END`).Scan(&state))
		states = append(states, state)
	}
	return states
}

func TestACopyGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	source := openShop(t, t.TempDir())
	trade(t, source, 3000)
	url := database(t)
	var resumed int64
	for cut := 1; ; cut++ {
		require.Less(t, cut, 100, "each run brings the copy further")
		p := openPlace(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		left := 2
		summary, err := p.run(ctx, source, func() {
			if left--; left == 0 {
				cancel()
			}
		})
		cancel()
		if err == nil {
			require.Positive(t, summary.Resumed)
			requireSame(t, read(t, source), read(t, p.store))
			require.Greater(t, cut, 3)
			return
		}
		require.ErrorIs(t, err, context.Canceled)
		require.GreaterOrEqual(t, summary.Resumed, resumed)
		resumed = summary.Resumed
		_, err = p.store.OpenWriter(t.Context())
		require.ErrorIs(t, err, pgstore.ErrHalfCopied)
		require.Equal(t, pgstore.HalfCopied, pgstore.ObstacleOf(err))
		require.NoError(t, p.loader.Close())
	}
}

func TestACopyThatDiffersIsNotFinished(t *testing.T) {
	t.Parallel()
	for claim, damage := range map[string]string{
		"a row is missing":             `DELETE FROM order_events WHERE ctid IN (SELECT ctid FROM order_events LIMIT 1)`,
		"a text has changed":           `UPDATE orders SET customer = customer || '.' WHERE id = (SELECT min(id::text)::uuid FROM orders)`,
		"a time has changed":           `UPDATE products SET created_at = created_at + interval '1 microsecond' WHERE id = (SELECT min(id::text)::uuid FROM products)`,
		"a key leads elsewhere":        `UPDATE idempotency_keys SET version = version + 0, request = decode('00', 'hex') WHERE id = (SELECT min(id::text)::uuid FROM idempotency_keys)`,
		"an access key is revoked":     `UPDATE access_keys SET revoked_at = now() WHERE id = (SELECT min(id::text)::uuid FROM access_keys)`,
		"a record says something else": `SET session_replication_role = replica; UPDATE audit_log SET actor = 'nobody' WHERE seq = 5`,
		"two fields change together":   `UPDATE stock_movements SET reason = reason || actor, actor = '' WHERE version = 1`,
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			source := openShop(t, t.TempDir())
			trade(t, source, 100)
			p := openPlace(t, database(t))
			conn, err := pgx.Connect(t.Context(), p.url)
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
			var chunks int
			_, err = p.run(t.Context(), source, func() {
				if chunks++; chunks == 9 { // the last of the nine sections
					tag, err := conn.Exec(t.Context(), damage)
					require.NoError(t, err)
					require.Positive(t, tag.RowsAffected())
				}
			})
			require.ErrorIs(t, err, storecopy.ErrDifferent)
			_, err = p.store.OpenWriter(t.Context())
			require.ErrorIs(t, err, pgstore.ErrHalfCopied)
		})
	}
}

func TestABrokenSourceIsNotCopied(t *testing.T) {
	t.Parallel()
	source := openShop(t, t.TempDir())
	trade(t, source, 10)
	p := openPlace(t, database(t))
	_, err := storecopy.Run(t.Context(), storecopy.Config{
		Source: brokenBooks{source}, Loader: p.loader, Target: p.store, Progress: func(storecopy.Phase, int64, int64) {},
	})
	var faults *storecopy.FaultsError
	require.ErrorAs(t, err, &faults)
	require.Equal(t, storecopy.SideSource, faults.Side)
	require.Empty(t, read(t, p.store).products)
	_, err = p.store.OpenWriter(t.Context())
	require.NoError(t, err, "the database is as it was")
}

// brokenBooks is a store whose books do not add up.
type brokenBooks struct{ *pebblestore.Store }

func (brokenBooks) Verify(context.Context, func(int64)) (*persistence.Report, error) {
	report := new(persistence.Report)
	report.Add("stock_sum", "a product", "one too many")
	return report, nil
}

func TestATamperedAuditLogIsCopiedAsItIs(t *testing.T) {
	t.Parallel()
	source := openShop(t, t.TempDir())
	trade(t, source, 99)
	p := openPlace(t, database(t))
	summary, err := p.run(t.Context(), forgedLog{source}, func() {})
	require.NoError(t, err)
	require.Equal(t, "record 5: was changed: its hash is not that of what it says", summary.AuditFault)
	require.EqualValues(t, 4, summary.AuditRecords, "those that hold")
	there, err := p.store.AuditRecords(t.Context(), 0, persistence.PageMax)
	require.NoError(t, err)
	here, err := forgedLog{source}.AuditRecords(t.Context(), 0, persistence.PageMax)
	require.NoError(t, err)
	require.Equal(t, here, there)
}

// forgedLog is a store in whose audit log somebody has changed record 5.
type forgedLog struct{ *pebblestore.Store }

func (s forgedLog) AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	records, err := s.Store.AuditRecords(ctx, after, limit)
	for i := range records {
		if records[i].Seq == 5 {
			records[i].Actor = "nobody"
		}
	}
	return records, err
}

func TestAFailingSourceEndsTheCopy(t *testing.T) {
	t.Parallel()
	source := openShop(t, t.TempDir())
	trade(t, source, 10)
	p := openPlace(t, database(t))
	_, err := storecopy.Run(t.Context(), storecopy.Config{
		Source: lostOrders{source}, Loader: p.loader, Target: p.store, Progress: func(storecopy.Phase, int64, int64) {},
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = p.store.OpenWriter(t.Context())
	require.ErrorIs(t, err, pgstore.ErrHalfCopied)
}

// lostOrders is a store whose orders' events cannot be read.
type lostOrders struct{ *pebblestore.Store }

func (lostOrders) Events(context.Context, commerce.ID, uint64, int) ([]commerce.Event, error) {
	return nil, io.ErrUnexpectedEOF
}

// TestCopyInTime copies many orders of two items and tells how long each part takes. With
// -args -storecopy.orders=1000000 it is the measurement of docs/postgres.md.
func TestCopyInTime(t *testing.T) {
	t.Parallel()
	orders, err := strconv.Atoi(flag.Lookup("storecopy.orders").Value.String())
	require.NoError(t, err)
	source := openShop(t, t.TempDir())
	require.NoError(t, bench.Fill(t.Context(), source, orders, 1))
	p := openPlace(t, database(t))
	begun, phase := time.Now(), storecopy.Phase("")
	took := func() {
		t.Logf("%-20s %s", phase, time.Since(begun).Round(time.Millisecond))
		begun = time.Now()
	}
	summary, err := storecopy.Run(t.Context(), storecopy.Config{
		Source: source, Loader: p.loader, Target: p.store,
		Progress: func(now storecopy.Phase, _, _ int64) {
			if now != phase {
				took()
				phase = now
			}
		},
	})
	require.NoError(t, err)
	took()
	require.EqualValues(t, orders, summary.Orders)
}
