package pebblestore

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// ledgerShop is a store whose keeper rests: a test folds and merges, step by step. It remembers all that it was told.
type ledgerShop struct {
	storetest.T
	opts   Options
	store  *Store
	folder *folder
	writer persistence.Writer
	w      *storetest.Workload

	goods  []*commerce.Product
	orders map[commerce.ID]*commerce.Order
	ledger map[commerce.ID][]commerce.Movement
}

func openLedgerShop(t storetest.T, products int) *ledgerShop {
	t.Helper()
	s := &ledgerShop{
		T: t, opts: small(vfs.NewCrashableMem()), w: storetest.NewWorkload(1),
		orders: make(map[commerce.ID]*commerce.Order), ledger: make(map[commerce.ID][]commerce.Movement),
	}
	s.opts.FoldEntries = 1 << 20
	s.open()
	for range products {
		e := s.w.Product("", 1_000_000)
		s.commit(e)
		s.goods = append(s.goods, e.Product.Row)
	}
	return s
}

func (s *ledgerShop) open() {
	s.Helper()
	store, err := Open(s.Context(), s.opts)
	require.NoError(s, err)
	s.store, s.folder = store, newFolder()
	store.keep.close()
	s.Cleanup(func() { require.NoError(s, store.Close()) })
	s.writer, err = store.OpenWriter(s.Context())
	require.NoError(s, err)
	s.w.Epoch = s.writer.Epoch()
}

// crash moves the shop to what a power cut leaves.
func (s *ledgerShop) crash(cfg vfs.CrashCloneCfg) {
	s.Helper()
	s.opts.FS = s.opts.FS.(*vfs.MemFS).CrashClone(cfg)
	s.open()
}

// reopen closes the store and opens it again.
func (s *ledgerShop) reopen() {
	s.Helper()
	require.NoError(s, s.store.Close())
	s.open()
}

// commit commits entries that must all apply.
func (s *ledgerShop) commit(entries ...*commerce.Entry) {
	s.Helper()
	var res persistence.Result
	require.NoError(s, s.writer.Commit(s.Context(), s.w.Batch(s.writer.NextSeq(), entries...), &res))
	for i, e := range entries {
		require.Equal(s, commerce.Applied, res.Outcomes[i].Kind)
		if e.Order != nil {
			s.orders[e.Order.Row.ID] = e.Order.Row
		}
		for _, line := range e.Movements {
			s.ledger[line.Product] = append(s.ledger[line.Product], line)
		}
	}
}

// order returns an entry that places an order of one unit of each of some products.
func (s *ledgerShop) order(customer string, goods ...int) *commerce.Entry {
	var lines []storetest.Line
	for _, i := range goods {
		lines = append(lines, storetest.Line{Product: s.goods[i], Quantity: 1})
	}
	s.w.Advance(time.Millisecond)
	return s.w.Order(customer, "", lines...)
}

// place commits orders of a product, in one batch.
func (s *ledgerShop) place(orders, product int) {
	s.Helper()
	entries := make([]*commerce.Entry, orders)
	for i := range entries {
		entries[i] = s.order("ann", product)
	}
	s.commit(entries...)
}

func (s *ledgerShop) fold() {
	s.Helper()
	require.NoError(s, s.store.fold(s.Context(), s.folder))
}

// query is what Orders must answer.
func (s *ledgerShop) query(q persistence.OrderQuery) (page []*commerce.Order) {
	for _, o := range s.orders {
		if q.Matches(o) && (q.Before.IsZero() || o.ID.Compare(q.Before) < 0) {
			page = append(page, o)
		}
	}
	slices.SortFunc(page, func(a, b *commerce.Order) int { return b.ID.Compare(a.ID) })
	return page[:min(len(page), q.Limit)]
}

func (s *ledgerShop) checkOrders(q persistence.OrderQuery) {
	s.Helper()
	got, err := s.store.Orders(s.Context(), q)
	require.NoError(s, err)
	require.Equal(s, s.query(q), got, "%+v", q)
}

// checkMovements compares a page of a product's ledger, and its lines one by one.
func (s *ledgerShop) checkMovements(product commerce.ID, before uint64, limit int) {
	s.Helper()
	var want []commerce.Movement
	for _, line := range slices.Backward(s.ledger[product]) {
		if (before == 0 || line.Level.Version < before) && len(want) < limit {
			want = append(want, line)
		}
	}
	got, err := s.store.Movements(s.Context(), product, before, limit)
	require.NoError(s, err)
	require.Equal(s, want, got, "before %d, up to %d", before, limit)
}

// check compares everything. REQUIRES: everything is folded.
func (s *ledgerShop) check() {
	s.Helper()
	rows, err := s.store.Products(s.Context(), commerce.ID{}, persistence.PageMax)
	require.NoError(s, err)
	require.Len(s, rows, len(s.goods))
	for i, p := range s.goods {
		lines := s.ledger[p.ID]
		level := lines[len(lines)-1].Level
		require.Equal(s, level, rows[i].Stock)
		stock, err := s.store.Stock(s.Context(), p.ID)
		require.NoError(s, err)
		require.Equal(s, level, stock)
		s.checkMovements(p.ID, 0, persistence.PageMax)
		for _, want := range []commerce.Movement{lines[0], lines[len(lines)/2], lines[len(lines)-1]} {
			line, err := s.store.Movement(s.Context(), p.ID, want.Level.Version)
			require.NoError(s, err)
			require.Equal(s, want, line)
		}
		for _, version := range []uint64{0, level.Version + 1, 1<<64 - 1} {
			_, err := s.store.Movement(s.Context(), p.ID, version)
			require.ErrorIs(s, err, persistence.ErrNotFound)
		}
		s.checkOrders(persistence.OrderQuery{Product: p.ID, Limit: persistence.PageMax})
	}
	s.checkOrders(persistence.OrderQuery{Limit: persistence.PageMax})
	s.verify()
}

func (s *ledgerShop) verify() {
	s.Helper()
	report, err := s.store.Verify(s.Context(), nil)
	require.NoError(s, err)
	require.True(s, report.OK(), "%v", report.Faults)
	lines := 0
	for _, of := range s.ledger {
		lines += len(of)
	}
	require.EqualValues(s, lines, report.Movements)
	require.EqualValues(s, len(s.orders), report.Orders)
}

// readWhile reads a product's orders and ledger until done, and requires that each order has its line, each line its
// order, and that no line is missing or there twice.
func readWhile(t *testing.T, s *Store, done <-chan struct{}, product commerce.ID) error {
	for {
		listed, err := listedOrders(t.Context(), s, product)
		if err != nil {
			return err
		}
		lined, err := linedOrders(t.Context(), s, product)
		if err != nil {
			return err
		}
		again, err := listedOrders(t.Context(), s, product)
		if err != nil {
			return err
		}
		for id := range listed {
			if !lined[id] {
				return fmt.Errorf("order %s has no line", id)
			}
		}
		for id := range lined {
			if !again[id] {
				return fmt.Errorf("order %s has a line and is not listed", id)
			}
		}
		select {
		case <-done:
			return nil
		default:
		}
	}
}

func listedOrders(ctx context.Context, s *Store, product commerce.ID) (map[commerce.ID]bool, error) {
	orders, err := s.Orders(ctx, persistence.OrderQuery{Product: product, Limit: persistence.PageMax})
	listed := make(map[commerce.ID]bool)
	for _, o := range orders {
		if listed[o.ID] {
			return nil, fmt.Errorf("order %s is listed twice", o.ID)
		}
		listed[o.ID] = true
	}
	return listed, err
}

func linedOrders(ctx context.Context, s *Store, product commerce.ID) (map[commerce.ID]bool, error) {
	lines, err := s.Movements(ctx, product, 0, persistence.PageMax)
	lined := make(map[commerce.ID]bool)
	for i := range lines {
		if want := uint64(len(lines) - i); lines[i].Level.Version != want {
			return nil, fmt.Errorf("line %d stands where line %d should", lines[i].Level.Version, want)
		}
		if !lines[i].Order.IsZero() {
			lined[lines[i].Order] = true
		}
	}
	return lined, err
}
