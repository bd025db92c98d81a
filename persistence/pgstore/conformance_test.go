package pgstore

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	used := &usedDatabases{T: t}
	storetest.Run(t, func(t storetest.T) *storetest.Place {
		url := used.take(t)
		place := &storetest.Place{
			Store:         openStore(t, url),
			Forget:        func(t storetest.T) *storetest.Place { return forgetful(t, url) },
			AccessKeysMax: accessKeysFew,
			Corrupt:       func(t storetest.T, c storetest.Corruption, id commerce.ID) { corrupt(t, url, c, id) },
			Corruptions:   corruptions(),
		}
		place.Tamper = func(t storetest.T, edit func(*storetest.AuditRows)) *storetest.Place {
			tamper(t, url, edit)
			return place
		}
		return place
	})
	storetest.RunCrashes(t, func(t storetest.T) *storetest.Place {
		server, err := pgtest.Start(t.Context(), pgtest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Close()) })
		url := server.URL("postgres")
		require.NoError(t, migrate(t.Context(), url))
		return crashable(t, server, url)
	})
}

// usedDatabases hands out databases that hold an empty store, and takes them back to be emptied: that is
// some ten times as fast as making one for each of a few hundred stores.
type usedDatabases struct {
	*testing.T // that they live as long as

	mu   sync.Mutex
	free []string
}

func (u *usedDatabases) take(t storetest.T) string {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	var url string
	if last := len(u.free) - 1; last >= 0 {
		url, u.free = u.free[last], u.free[:last]
	} else {
		url = newDatabase(u.T)
	}
	t.Cleanup(func() {
		execute(t, url, `
			DELETE FROM products; DELETE FROM stock; DELETE FROM stock_movements; DELETE FROM orders; DELETE FROM order_events;
			DELETE FROM idempotency_keys; DELETE FROM writers; DELETE FROM access_keys; UPDATE access_state SET version = 0;
			SET session_replication_role = replica; -- the log's trigger sleeps
			DELETE FROM audit_log; UPDATE audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex');
			DELETE FROM sales_rows; DELETE FROM sales_deltas; DELETE FROM sales_numbers; DELETE FROM sales_marks;
			UPDATE sales_state SET cut = NULL, at_order = '00000000-0000-0000-0000-000000000000', complete = true;
			UPDATE ledger_lag SET ms = 1000;
			UPDATE engine SET epoch = 0; UPDATE partitions SET owner = NULL, epoch = 0`)
		u.mu.Lock()
		defer u.mu.Unlock()
		u.free = append(u.free, url)
	})
	return url
}

// newDatabase returns the URL of a database that holds an empty store.
func newDatabase(t pgtest.T) string {
	t.Helper()
	return shared.From(t, "migrated", migrate)
}

func migrate(ctx context.Context, url string) error {
	_, err := Migrate(ctx, url)
	return err
}

// accessKeysFew is the bound on access keys in tests.
const accessKeysFew = 30

func openStore(t storetest.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{
		URL: url, Connections: 4, Logger: slog.New(slog.DiscardHandler), salesInterval: 5 * time.Millisecond, salesDeltasMax: 3,
		accessKeysMax: accessKeysFew,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// crashable opens a store on a server that has no other user.
func crashable(t storetest.T, server *pgtest.Server, url string) *storetest.Place {
	t.Helper()
	return &storetest.Place{
		Store: openStore(t, url),
		Crash: func(t storetest.T) *storetest.Place {
			require.NoError(t, server.Kill(t.Context()))
			_, err := server.Restart(t.Context())
			require.NoError(t, err)
			return crashable(t, server, url)
		},
	}
}

// forgetful opens another store on a database, as if no sums of sales had ever been kept there.
func forgetful(t storetest.T, url string) *storetest.Place {
	t.Helper()
	s := openStore(t, url) // the one before may go on: nothing is committed by it any more
	require.NoError(t, withConn(t.Context(), url, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1::bigint)`, int64(salesLock)); err != nil {
				return err
			}
			return resetSales(t.Context(), tx)
		})
	}))
	return &storetest.Place{Store: s}
}

// tamper changes the rows of the audit log directly, as a superuser can.
func tamper(t storetest.T, url string, edit func(*storetest.AuditRows)) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, withConn(ctx, url, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SET session_replication_role = replica`); err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			found, err := tx.Query(ctx, `SELECT `+auditColumns+` FROM audit_log ORDER BY seq`)
			if err != nil {
				return err
			}
			var rows storetest.AuditRows
			if rows.Records, err = pgx.CollectRows(found, readAuditRow); err != nil {
				return err
			}
			if rows.Head, err = readAuditHead(tx.QueryRow(ctx, sqlAuditHead)); err != nil {
				return err
			}
			edit(&rows)
			if _, err := tx.Exec(ctx, `DELETE FROM audit_log`); err != nil {
				return err
			}
			for i := range rows.Records {
				r := &rows.Records[i]
				if _, err := tx.Exec(ctx, `INSERT INTO audit_log (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
					r.Seq, r.At, r.Actor, string(r.Action), r.Target, r.Before, r.After, r.Correlation, r.Previous[:], r.Hash[:]); err != nil {
					return err
				}
			}
			_, err = tx.Exec(ctx, `UPDATE audit_head SET seq = $1, hash = $2`, rows.Head.Seq, rows.Head.Hash[:])
			return err
		})
	}))
}

func corruptions() []storetest.Corruption {
	return []storetest.Corruption{
		storetest.StockRowOff, storetest.StockRowGone, storetest.LedgerLineGone, storetest.LedgerLineTwice,
		storetest.EventGone, storetest.OrderGone, storetest.OrderStatusWrong, storetest.KeyOrphan, storetest.KeyDouble,
		storetest.SalesOff,
	}
}

// corrupt changes rows directly. $1 is the product or the order.
func corrupt(t storetest.T, url string, c storetest.Corruption, id commerce.ID) {
	t.Helper()
	const key = `INSERT INTO idempotency_keys (id, request, operation, resource, version, expires_at)
		VALUES (gen_random_uuid(), '', 1, $1, 1, now())`
	statements := map[storetest.Corruption]string{
		storetest.StockRowOff:    `UPDATE stock SET on_hand = on_hand + 1 WHERE product = $1`,
		storetest.StockRowGone:   `DELETE FROM stock WHERE product = $1`,
		storetest.LedgerLineGone: `DELETE FROM stock_movements WHERE product = $1 AND version = 2`,
		storetest.LedgerLineTwice: `
			INSERT INTO stock_movements
			SELECT product, (SELECT max(version) + 1 FROM stock_movements WHERE product = $1), order_id, on_hand_delta,
				allocated_delta, on_hand, allocated, reason, actor, at, epoch, writer, batch
			  FROM stock_movements WHERE product = $1 AND version = 2`,
		storetest.EventGone:        `DELETE FROM order_events WHERE entity = $1 AND seq = 2`,
		storetest.OrderGone:        `DELETE FROM orders WHERE id = $1`,
		storetest.OrderStatusWrong: `UPDATE orders SET status = 4 WHERE id = $1`,
		storetest.KeyOrphan:        key,
		storetest.KeyDouble:        key,
	}
	if c == storetest.SalesOff {
		key := salesbook.NewBucketKey(persistence.QuartersADay, commerce.DefaultCurrency(), commerce.StatusPaid)
		execute(t, url, `INSERT INTO sales_deltas (buckets, products) VALUES ($1, $2)`,
			salesbook.AppendBuckets(nil, []salesbook.Bucket{{Key: key, Orders: 1, Amount: persistence.SumOf(1)}}),
			salesbook.AppendProducts(nil, nil))
		return
	}
	if c == storetest.KeyOrphan {
		id = commerce.ID{1}
	}
	require.Contains(t, statements, c)
	require.EqualValues(t, 1, execute(t, url, statements[c], [16]byte(id)))
}

// execute runs a statement behind the store's back and returns how many rows it changed.
func execute(t storetest.T, url, sql string, args ...any) int64 {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // it may be over: a test's cleanup runs after its end
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	tag, err := conn.Exec(ctx, sql, args...)
	require.NoError(t, err)
	return tag.RowsAffected()
}
