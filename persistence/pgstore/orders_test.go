package pgstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// pages lists mixes of filters over the orders of a shelf.
func (s *shelf) pages() (list []persistence.OrderQuery) {
	for _, product := range []commerce.ID{s.products[0].ID, s.products[1].ID} {
		for _, status := range []commerce.Status{0, commerce.StatusPending, commerce.StatusPaid, commerce.StatusShipped} {
			for _, customer := range []string{"", "ann", "nobody"} {
				for _, from := range []time.Time{{}, s.middle} {
					for _, limit := range []int{0, 3, 100} {
						q := persistence.OrderQuery{Product: product, Status: status, Customer: customer, From: from, Limit: limit}
						list = append(list, q)
						q.Before, q.To = s.orders[len(s.orders)*3/4].ID, s.middle.Add(time.Hour)
						list = append(list, q)
					}
				}
			}
		}
	}
	return list
}

func TestBothWaysToAProductsOrdersAgree(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	require.NoError(t, s.read(t.Context(), "orders", func(conn *pgx.Conn) error {
		ask := func(sql string, args []any) []*commerce.Order {
			list, err := query(t.Context(), conn, readOrderRow, sql, args...)
			require.NoError(t, err)
			return list
		}
		found := 0
		for _, q := range s.pages() {
			walked := ask(orderWalk(&q))
			found += len(walked)
			if q.Customer == "" { // else the ledger is not asked
				require.Equal(t, walked, ask(orderLines(&q)), "%+v", q)
			}
		}
		require.NotZero(t, found)
		return nil
	}))
}

func TestOrdersOfALongLedgerInDisorderAreReadWithoutIt(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	q := persistence.OrderQuery{Product: s.products[0].ID, Limit: 100}
	want, err := s.Orders(t.Context(), q)
	require.NoError(t, err)
	require.NotEmpty(t, want)

	execute(t, s.url, `DELETE FROM stock_movements`)
	got, err := s.Orders(t.Context(), q)
	require.NoError(t, err)
	require.Empty(t, got, "a short ledger is read")

	execute(t, s.url, `UPDATE stock SET version = $1`, int64(ledgerLinesMax+1))
	execute(t, s.url, `UPDATE ledger_lag SET ms = $1`, int64(lagMax+1))
	got, err = s.Orders(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// addLopsided adds orders of which nearly all are in one state and of one customer, and has the server know that: it is
// when a planner is tempted to pass over all.
func (s *shelf) addLopsided(t *testing.T) {
	t.Helper()
	execute(t, s.url, `
		INSERT INTO orders
		SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(i), 15, '0'))::uuid,
			CASE i WHEN 777 THEN 'cem' ELSE 'ann' END, CASE i WHEN 888 THEN 4 ELSE 6 END, 1, 'KRW', at, at, at, '', '', '', 6, '{}'
		  FROM (SELECT i, now() + i * interval '6 minutes' AS at FROM generate_series(1, 20000) i) rows`)
	execute(t, s.url, `ANALYZE`)
}

// TestPagesOfOrdersWalkAnIndex looks at the plans that all values share.
func TestPagesOfOrdersWalkAnIndex(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.addLopsided(t)
	for _, test := range []struct {
		index string
		q     persistence.OrderQuery
	}{
		{"pkey", persistence.OrderQuery{}},
		{"status_id_idx", persistence.OrderQuery{Status: commerce.StatusShipped}},
		{"customer_id_idx", persistence.OrderQuery{Customer: "cem"}},
		{"customer_id_idx", persistence.OrderQuery{Customer: "cem", Status: commerce.StatusCompleted}},
	} {
		for _, from := range []time.Time{{}, time.Now().AddDate(0, 1, 0)} {
			q := test.q
			q.From, q.Limit = from, 2
			plan := s.plan(t, orderWalk, &q)
			scans := 0
			for line := range strings.Lines(plan) {
				require.NotContains(t, line, "Sort (", plan)
				require.NotContains(t, line, "Rows Removed", plan)
				if strings.Contains(line, " Scan ") {
					scans++
					require.Contains(t, line, test.index+" on ", plan)
				}
			}
			require.NotZero(t, scans, plan)
			require.Equal(t, !from.IsZero(), strings.Contains(plan, "Subplans Removed"), plan)
		}
	}
}

// TestTheEndsOfAStateAreFoundInAnIndex looks at the plan that finds the oldest and the newest order of a state.
func TestTheEndsOfAStateAreFoundInAnIndex(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.addLopsided(t)
	execute(t, s.url, `UPDATE stock SET version = $1`, int64(ledgerLinesMin+1))
	plan := s.plan(t, measureLedger, &persistence.OrderQuery{Product: s.products[0].ID, Status: commerce.StatusShipped})
	scans := 0
	for line := range strings.Lines(plan) {
		require.NotContains(t, line, "Rows Removed", plan)
		require.NotContains(t, line, "Sort (", plan)
		if strings.Contains(line, " Scan ") && strings.Contains(line, " on orders_") {
			scans++
			require.Contains(t, line, "status_id_idx on ", plan)
			require.NotContains(t, line, "never executed", plan)
		}
	}
	require.NotZero(t, scans, plan)

	execute(t, s.url, `UPDATE stock SET version = $1`, int64(ledgerLinesMin))
	plan = s.plan(t, measureLedger, &persistence.OrderQuery{Product: s.products[0].ID, Status: commerce.StatusShipped})
	require.Contains(t, plan, "never executed", "a short ledger is read whatever the state")
}

// plan runs the statement for a query as a reader does from its first time on, and returns what was done.
func (s *shelf) plan(t *testing.T, of func(*persistence.OrderQuery) (string, []any), q *persistence.OrderQuery) string {
	t.Helper()
	sql, args := of(q)
	var values []string
	for _, arg := range args {
		switch v := arg.(type) {
		case [16]byte:
			values = append(values, "'"+commerce.ID(v).String()+"'")
		case time.Time:
			values = append(values, "'"+v.Format(time.RFC3339Nano)+"'")
		default:
			values = append(values, fmt.Sprintf("'%v'", v))
		}
	}
	var lines []string
	require.NoError(t, s.read(t.Context(), "plan", func(conn *pgx.Conn) (err error) {
		_, err = conn.Exec(t.Context(), "DEALLOCATE ALL; PREPARE page AS "+sql)
		require.NoError(t, err)
		lines, err = query(t.Context(), conn, pgx.RowTo[string],
			"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE page ("+strings.Join(values, ", ")+")", pgx.QueryExecModeExec)
		return err
	}))
	return strings.Join(lines, "\n")
}
