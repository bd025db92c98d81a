package pgstore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	report, err := s.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	product, pending, paid, shipped := s.products[1].ID, s.orders[0].ID, s.orders[1].ID, s.orders[2].ID
	const key = `INSERT INTO idempotency_keys (id, request, operation, resource, version, expires_at)
		VALUES ('00000000-0000-0000-0000-0000000000aa', '', `

	for spoil, want := range map[string]persistence.Fault{
		`DELETE FROM products WHERE id = $1`: {
			Kind: "product_missing", Entity: product.String(), Detail: "stock, ledger or orders name a product that has no row",
		},
		`DELETE FROM stock WHERE product = $1`: {
			Kind: "stock_missing", Entity: product.String(), Detail: "the product has no stock row",
		},
		`UPDATE stock SET allocated = allocated + 1 WHERE product = $1`: {
			Kind: "allocated_sum", Entity: product.String(), Detail: "the stock row says 22 units are allocated; orders hold 21",
		},
		`UPDATE stock SET version = version - 1 WHERE product = $1`: {
			Kind: "stock_sum", Entity: product.String(),
			Detail: "the stock row says on_hand 991, allocated 21, version 40; the ledger adds up to 991, 21, and has 41 lines",
		},
		`DELETE FROM stock_movements WHERE product = $1 AND version = 3`: {
			Kind: "ledger_gap", Entity: product.String(), Detail: "line 4 follows line 2",
		},
		`UPDATE stock_movements SET on_hand = on_hand - 1 WHERE product = $1 AND version = 2`: {
			Kind: "ledger_sum", Entity: product.String(),
			Detail: "line 2 says on_hand 999, allocated 2; with its deltas the line before gives 1000, 2",
		},
		`UPDATE stock_movements SET order_id = gen_random_uuid() WHERE product = $1 AND version = 2`: {
			Kind: "order_movements", Entity: product.String(),
			Detail: "orders call for 40 movements, the ledger has 40 of orders, and they are not the same",
		},
		`UPDATE stock_movements SET order_id = NULL WHERE product = $1 AND version = 2`: {
			Kind: "order_movements", Entity: pending.String(), Detail: "the ledger of product " + product.String() +
				" has 0 lines of on_hand 0, allocated 2 for this order, which calls for 1",
		},
		`UPDATE orders SET total = 1 WHERE id = $2`: {
			Kind: "order_total", Entity: pending.String(), Detail: fmt.Sprint("the order says 1, its items add up to ", s.orders[0].Total.Amount),
		},
		`DELETE FROM orders WHERE id = $2`: {
			Kind: "event_orphan", Entity: pending.String(), Detail: "there is no such order or product; it has 1 events",
		},
		`DELETE FROM order_events WHERE entity = $2`: {
			Kind: "order_events", Entity: pending.String(),
			Detail: "the order is at version 1 with order.placed; it has no events",
		},
		`DELETE FROM order_events WHERE entity = $4 AND seq = 2`: {
			Kind: "event_gap", Entity: shipped.String(), Detail: "event 3 follows event 1",
		},
		`UPDATE order_events SET type = 4 WHERE entity = $4 AND seq = 3`: {
			Kind: "event_order", Entity: shipped.String(), Detail: "event 3 is order.shipped, after order.paid",
		},
		`UPDATE order_events SET type = 2 WHERE entity = $2`: {
			Kind: "event_order", Entity: pending.String(), Detail: "event 1 is order.paid, after none",
		},
		`UPDATE orders SET status = 3 WHERE id = $3`: {
			Kind: "order_events", Entity: paid.String(),
			Detail: "the order is at version 2 with order.processing; its events end with order.paid at 2",
		},
		`UPDATE products SET version = 2 WHERE id = $1`: {
			Kind: "event_gap", Entity: product.String(),
			Detail: "the product is at version 2; its events end with product.created at 1",
		},
		key + `2, $3, 3, now())`: {
			Kind: "key_orphan", Entity: paid.String(),
			Detail: "key 000000000000000000000000000000aa names version 3 of an order that is at 2",
		},
		key + `1, $1, 1, now())`: {
			Kind: "key_orphan", Entity: product.String(),
			Detail: "key 000000000000000000000000000000aa names version 1 of an order that does not exist",
		},
		key + `3, $3, 1, now())`: {
			Kind: "key_orphan", Entity: paid.String(),
			Detail: "key 000000000000000000000000000000aa names a product that does not exist",
		},
		key + `4, $1, 42, now())`: {
			Kind: "key_orphan", Entity: product.String(),
			Detail: "key 000000000000000000000000000000aa names line 42 of a ledger that ends at 41",
		},
		key + `9, $1, 1, now())`: {
			Kind: "key_orphan", Entity: product.String(),
			Detail: "key 000000000000000000000000000000aa is of unknown operation 9",
		},
		key + `1, $2, 1, now())`: {
			Kind: "key_double", Entity: pending.String(), Detail: "2 keys placed this order",
		},
	} {
		t.Run(spoil, func(t *testing.T) {
			t.Parallel()
			report := s.spoiled(t, spoil, product, pending, paid, shipped)
			require.Contains(t, report.Faults, want)
			require.EqualValues(t, len(report.Faults), report.FaultsAll)
		})
	}
}

// spoiled verifies the store as a statement would leave it, and takes the statement back. $1, $2 and so on
// stand for the ids.
func (s *shelf) spoiled(t *testing.T, statement string, ids ...commerce.ID) *persistence.Report {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	for i, id := range ids {
		statement = strings.ReplaceAll(statement, fmt.Sprint("$", i+1), "'"+id.String()+"'")
	}
	tag, err := tx.Exec(t.Context(), statement)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected())
	v := &verifier{tx: tx, report: &persistence.Report{}}
	require.NoError(t, v.run(t.Context(), func(int64) {}))
	require.NoError(t, tx.Rollback(t.Context()))
	return v.report
}

func TestVerifyLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	conn, err := pgx.Connect(t.Context(), s.url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	passes := 0
	_, err = s.Verify(t.Context(), func(int64) {
		passes++
		// The keeper may be adding up sales: it does not look at the ledger.
		modes, err := query(t.Context(), conn, pgx.RowTo[string], `SELECT DISTINCT mode FROM pg_locks
			WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			  AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'stock_movements'::regclass)`)
		require.NoError(t, err)
		require.Equal(t, []string{"AccessShareLock"}, modes)
	})
	require.NoError(t, err)
	require.NotZero(t, passes)
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Verify(ctx, func(int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	report, err := s.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK())
}

func TestVerifyCountsMoreFaultsThanItLists(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	report := s.spoiled(t, `INSERT INTO idempotency_keys SELECT gen_random_uuid(), '', 9, $1, 1, now() FROM generate_series(1, 250)`,
		s.products[0].ID)
	require.Len(t, report.Faults, persistence.FaultsMax)
	require.EqualValues(t, 250, report.FaultsAll)
}
