package pgstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// longShelf is a store with two products of which one is in all orders, the other in some, and with a clock that jumps.
type longShelf struct {
	*Store
	*testing.T
	url      string
	rng      *rand.Rand
	w        *storetest.Workload
	writer   persistence.Writer
	products []*commerce.Product
	orders   []*commerce.Order // newest last, by their ids
	open     []int             // places of those that move on
}

// longOrders is how many orders a longShelf has: the ledger has to be longer than what is read of it for passing states.
const longOrders = 3600

func newLongShelf(t *testing.T) *longShelf {
	t.Helper()
	s := &longShelf{T: t, url: newDatabase(t), rng: rand.New(rand.NewPCG(7, 7)), w: storetest.NewWorkload(7)}
	s.Store = openStore(t, s.url)
	s.takeOver()
	for range 2 {
		e := s.w.Product(s.w.SKU(), 1_000_000)
		s.commit(e)
		s.products = append(s.products, e.Product.Row)
	}
	for len(s.orders) < longOrders {
		if s.rng.IntN(40) == 0 { // the clock is set, in either direction
			s.w.Advance(time.Duration(s.rng.IntN(40)-20) * time.Minute)
		}
		if s.rng.IntN(40) == 0 {
			s.takeOver()
		}
		s.commit(append(s.moveOn(), s.place()...)...)
	}
	slices.SortFunc(s.orders, func(a, b *commerce.Order) int { return a.ID.Compare(b.ID) })
	return s
}

// takeOver opens the next writer.
func (s *longShelf) takeOver() {
	s.Helper()
	writer, err := s.OpenWriter(s.Context())
	require.NoError(s, err)
	s.writer, s.w.Epoch = writer, writer.Epoch()
}

func (s *longShelf) commit(entries ...*commerce.Entry) {
	s.Helper()
	var res persistence.Result
	require.NoError(s, s.writer.Commit(s.Context(), s.w.Batch(s.writer.NextSeq(), entries...), &res))
	for _, o := range res.Outcomes {
		require.Equal(s, commerce.Applied, o.Kind)
	}
}

// place makes entries of new orders, some of which were made a little before those before them.
func (s *longShelf) place() (entries []*commerce.Entry) {
	for range 20 {
		s.w.Advance(time.Duration(s.rng.IntN(20_000)-500) * time.Millisecond)
		lines := []storetest.Line{{Product: s.products[0], Quantity: 1}}
		if s.rng.IntN(3) == 0 {
			lines = append(lines, storetest.Line{Product: s.products[1], Quantity: 2})
		}
		e := s.w.Order([]string{"ann", "ben"}[s.rng.IntN(2)], fmt.Sprint(len(s.orders)), lines...)
		entries = append(entries, e)
		s.orders = append(s.orders, e.Order.Row)
		if s.rng.IntN(200) > 0 { // else it gets stuck
			s.open = append(s.open, len(s.orders)-1)
		}
	}
	return entries
}

// moveOn makes entries that move open orders on, old ones rather than new ones, and some out of line.
func (s *longShelf) moveOn() (entries []*commerce.Entry) {
	kept := s.open[:0]
	for n, at := range s.open {
		o := s.orders[at]
		if n < 60 && s.rng.IntN(2) == 0 {
			next := o.Status.Next()
			to := next[0]
			if s.rng.IntN(8) == 0 {
				to = next[len(next)-1]
			}
			e := s.w.Transition(o, to, "")
			entries = append(entries, e)
			s.orders[at] = e.Order.Row
			if len(to.Next()) == 0 || s.rng.IntN(200) == 0 {
				continue
			}
		}
		kept = append(kept, at)
	}
	s.open = kept
	return entries
}

// page is what a query is to return, by looking at all orders.
func (s *longShelf) page(q *persistence.OrderQuery) (ids []commerce.ID) {
	for _, o := range slices.Backward(s.orders) {
		if len(ids) < q.Limit && q.Matches(o) && (q.Before.IsZero() || o.ID.Compare(q.Before) < 0) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// query draws a query.
func (s *longShelf) query() persistence.OrderQuery {
	some := func() *commerce.Order { return s.orders[s.rng.IntN(len(s.orders))] }
	q := persistence.OrderQuery{
		Product: s.products[s.rng.IntN(len(s.products))].ID, Status: commerce.Status(s.rng.IntN(int(commerce.StatusMax) + 1)),
		Limit: []int{1, 7, 100, 1000}[s.rng.IntN(4)],
	}
	if s.rng.IntN(3) == 0 {
		q.From = some().PlacedAt.Add(time.Duration(s.rng.IntN(3)-1) * time.Microsecond)
	}
	if s.rng.IntN(3) == 0 {
		q.To = some().PlacedAt.Add(time.Duration(s.rng.IntN(3)-1) * time.Microsecond)
	}
	if s.rng.IntN(3) == 0 {
		q.Before = some().ID
	}
	return q
}

// wrong reads the pages of many queries, and returns those that are not what they are to be.
func (s *longShelf) wrong() (list []string) {
	s.Helper()
	for range 150 {
		q := s.query()
		for range 3 {
			want := s.page(&q)
			got, err := s.Orders(s.Context(), q)
			require.NoError(s, err)
			var ids []commerce.ID
			for _, o := range got {
				ids = append(ids, o.ID)
			}
			if !slices.Equal(want, ids) {
				list = append(list, fmt.Sprintf("%+v: %d orders, not %d", q, len(ids), len(want)))
			}
			if len(want) == 0 {
				break
			}
			q.Before = want[len(want)-1]
		}
	}
	return list
}

func TestPagesOfALongLedgerAreExact(t *testing.T) {
	t.Parallel()
	s := newLongShelf(t)
	stock, err := s.Stock(t.Context(), s.products[0].ID)
	require.NoError(t, err)
	require.Greater(t, stock.Version, uint64(ledgerPassingMax+ledgerStepMin))
	require.Empty(t, s.wrong())
	report, err := s.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, report.Faults)

	// What nothing depends on could be left out.
	execute(t, s.url, `UPDATE ledger_lag SET ms = 0`)
	require.NotEmpty(t, s.wrong(), "nothing depends on the lag")
	report, err = s.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, report.Faults)
	require.Equal(t, "ledger_lag", report.Faults[0].Kind)

	execute(t, s.url, sqlLagOfLedger, int64(0))
	require.Empty(t, s.wrong(), "the lag of a ledger that is loaded")
	for _, lag := range []int64{lagMax, idTimeMax, 1<<63 - 1} {
		execute(t, s.url, `UPDATE ledger_lag SET ms = $1`, lag)
		require.Empty(t, s.wrong())
	}
	execute(t, s.url, `DELETE FROM ledger_lag`)
	require.Empty(t, s.wrong())

	execute(t, s.url, `DROP TABLE ledger_lag; DELETE FROM `+versionTable+` WHERE version_id >= 6`)
	require.NoError(t, migrate(t.Context(), s.url))
	require.Empty(t, s.wrong(), "the lag of a ledger that is migrated")
	report, err = s.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
}

// TestStepsReadTheLedgersKey looks at the plans that all values share.
func TestStepsReadTheLedgersKey(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.addLopsided(t)
	var statements []string
	for status := commerce.Status(0); status <= commerce.StatusMax; status++ {
		statements = append(statements, stepSQL(status, true), stepSQL(status, false))
	}
	for _, sql := range append(statements, sqlBegin) {
		plan := s.plan(t, func(*persistence.OrderQuery) (string, []any) {
			third := any(int64(50))
			if sql == sqlBegin {
				third = [16]byte(s.orders[0].ID)
			}
			return sql, []any{[16]byte(s.products[0].ID), int64(10), third}
		}, nil)
		require.Contains(t, plan, "stock_movements_pkey", plan)
		for line := range strings.Lines(plan) {
			require.NotContains(t, line, "Sort (", plan)
			require.NotContains(t, line, "Seq Scan", plan)
		}
	}
}
