package pebblestore

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func count(t *testing.T, s *Store, table byte) (rows int) {
	t.Helper()
	require.NoError(t, scan(t.Context(), s.mu.instance.db, []byte{table}, func(_, _ []byte) error { rows++; return nil }))
	return rows
}

// A reader that takes the list before a fold or a merge is applied must not see what it is about to say, and one that
// takes it later must: so a run is listed first, and stored then.
func TestFold_ListsItsRunBeforeItIsStored(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.fold()
	s.place(3, 0)
	in, t0 := s.store.mu.instance, s.store.mu.tail
	t0.filling, t0.folding = t0.folding, t0.filling
	listed := false
	before := s.store.mu.folded
	after, err := s.folder.fold(in, t0.folding, before, func(r *run) {
		folded, err := getNumber(in.db, metaFolded)
		require.NoError(t, err)
		require.Equal(t, before.seq, folded)
		require.Equal(t, 1, count(t, s.store, tableRuns), "of the fold before")
		require.Len(t, r.lines, 3)
		s.store.addRun(r)
		s.store.addRun(r) // as when the fold is tried again
		listed = true
	})
	require.NoError(t, err)
	require.True(t, listed)
	require.Equal(t, 2, count(t, s.store, tableRuns))
	require.Len(t, s.store.mu.runs, 2)
	s.store.mu.folded = after
	t0.folding.reset()
	s.check()
}

// The run of a fold that has not been applied is not merged: it is folded once more.
func TestMerge_LeavesARunThatIsNotStored(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.fold()
	s.place(3, 0)
	line := runLine{s.goods[0].ID, 2, appendMovement(nil, &s.ledger[s.goods[0].ID][1])}
	r, _, err := makeRun(s.store.mu.folded.seq+1, []runLine{line})
	require.NoError(t, err)
	s.store.addRun(r)
	require.False(t, mergeSome(t, s.store, 10))
	require.Equal(t, []*run{r}, s.store.mu.runs)
	s.fold()
	s.check()
}

// A view sees what its snapshot says, whatever has been merged since.
func TestMerge_DoesNotChangeWhatAViewSees(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 4)
	for i := range 4 {
		s.place(5, i)
		s.fold()
	}
	type seen struct {
		snap  *view
		lines int
	}
	var views []seen
	look := func() {
		snap, err := s.store.snapshot(t.Context())
		require.NoError(t, err)
		t.Cleanup(snap.release)
		views = append(views, seen{snap, len(s.ledger[s.goods[0].ID])})
	}
	look()
	for more := true; more; look() {
		more = mergeSome(t, s.store, 1)
	}
	s.place(2, 0)
	s.fold()
	look()
	mergeAll(t, s.store)
	look()
	require.Greater(t, len(views), 6)
	for _, v := range views {
		for _, p := range s.goods {
			l := &lineReader{product: p.ID, left: 100}
			require.NoError(t, l.readRuns(v.snap))
			require.NoError(t, l.readPages(t.Context(), v.snap))
			want := v.lines
			if p != s.goods[0] {
				want = 6
			}
			require.Len(t, l.lines, want)
			for i, line := range l.lines {
				require.EqualValues(t, want-i, line.Level.Version)
			}
		}
	}
}

// Orders that are committed later than others with newer ids are found, and the packs stay one after the other.
func TestMerge_LateOrdersHaveRowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 2)
	var late []*commerce.Entry
	for range 5 {
		late = append(late, s.order("ben", 0, 1))
		s.place(3, 0)
		s.place(3, 1)
	}
	s.fold()
	mergeAll(t, s.store)
	require.Zero(t, count(t, s.store, tableProductOf))
	s.commit(late...)
	s.place(3, 0)
	s.fold()
	s.check()
	mergeAll(t, s.store)
	require.Equal(t, 10, count(t, s.store, tableProductOf))
	require.Equal(t, 3, count(t, s.store, tablePacks))
	s.check()
	for _, o := range s.query(persistence.OrderQuery{Limit: 100}) {
		s.checkOrders(persistence.OrderQuery{Product: s.goods[0].ID, Before: o.ID, Limit: 100})
		s.checkOrders(persistence.OrderQuery{Product: s.goods[0].ID, From: o.PlacedAt, Customer: "ben", Limit: 100})
	}
}

// Runs are merged at their bound of lines, and at their bound in number.
func TestMerge_IsDueAtABound(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 1)
	s.store.opts.ledgerLinesMax = 40
	due := func() bool { return s.store.runsAre(1) }
	s.fold()
	s.place(38, 0)
	s.fold()
	require.False(t, due())
	require.False(t, s.store.tendLedger(t.Context(), new(merger)))
	require.Len(t, s.store.mu.runs, 2)
	s.place(1, 0)
	s.fold()
	require.True(t, due())
	require.False(t, s.store.tendLedger(t.Context(), new(merger)), "one slice is all")
	require.Empty(t, s.store.mu.runs)
	require.Zero(t, count(t, s.store, tableRuns))

	s.store.opts.ledgerLinesMax = 1 << 20
	for range ledgerRunsMax {
		require.False(t, due())
		s.place(1, 0)
		s.fold()
	}
	require.True(t, due())
	s.check()
}

// When folds are ahead by far, a merge goes on to its end.
func TestMerge_GoesOnWhenItIsBehind(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 20)
	s.fold()
	s.store.opts.ledgerLinesMax, s.store.opts.mergeProductsMax = 5, 1
	require.False(t, s.store.tendLedger(t.Context(), new(merger)))
	require.Empty(t, s.store.mu.runs)
	s.check()
}

// The keeper merges by itself, between folds, while others read.
func TestMerge_ReadersSeeEachLineOnce(t *testing.T) {
	t.Parallel()
	opts := small(vfs.NewMem())
	opts.FoldEntries, opts.FoldInterval = 8, time.Millisecond
	opts.ledgerLinesMax, opts.mergeProductsMax = 20, 1
	s := openShopWith(t, opts)
	goods := []*commerce.Product{s.product}
	for range 2 {
		e := s.w.Product("", commerce.OnHandMax)
		require.NoError(t, s.writer.Commit(t.Context(), s.w.Batch(s.writer.NextSeq(), e), &s.res))
		goods = append(goods, e.Product.Row)
	}
	done := make(chan struct{})
	failed := make(chan error, 4)
	for i := range 4 {
		go func() { failed <- readWhile(t, s.store, done, goods[i%3].ID) }()
	}
	for i := range 150 {
		s.product = goods[i%3]
		require.NoError(t, s.commit(s.orders(1+i%5)))
	}
	close(done)
	for range 4 {
		require.NoError(t, <-failed)
	}
	require.Positive(t, s.store.stats.merges.Load())
	report, err := s.store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Faults)
}

// What is wrong with runs, packs and the mark between them and pages is found.
func TestVerify_FindsWhatIsWrongWithRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault string
		spoil func(s *ledgerShop)
	}{
		"a line missing in a run": {"ledger_gap", func(s *ledgerShop) {
			spoilLedger(s, s.store, s.goods[2].ID, func(lines []runLine) []runLine { return lines[1:] })
		}},
		"a line twice in a run": {"ledger_gap", func(s *ledgerShop) {
			spoilLedger(s, s.store, s.goods[2].ID, func(lines []runLine) []runLine { return append(lines, lines[len(lines)-1]) })
		}},
		"a run that is gone": {"allocated_sum", func(s *ledgerShop) {
			key := runKey(nil, s.store.mu.folded.seq, 0)
			require.NoError(s, s.store.mu.instance.db.Delete(key, pebble.Sync))
		}},
		"a run that cannot be read": {"corrupt_row", func(s *ledgerShop) {
			key := runKey(nil, s.store.mu.folded.seq, 0)
			require.NoError(s, s.store.mu.instance.db.Set(key, []byte{9}, pebble.Sync))
		}},
		"a pack that is gone": {"index_mismatch", func(s *ledgerShop) {
			spoilPacks(s, s.store, s.goods[0].ID, func([]commerce.ID) []commerce.ID { return nil })
		}},
		"packs that lie within one another": {"index_order", func(s *ledgerShop) {
			db := s.store.mu.instance.db
			require.NoError(s, db.Set(packKey(nil, s.goods[0].ID, commerce.ID{0xff}), appendPack(nil, []commerce.ID{{1}}), pebble.Sync))
		}},
		"lines both in pages and in runs": {"ledger_gap", func(s *ledgerShop) { s.mark(func(m *merged) { m.next = commerce.ID{} }) }},
		"lines neither in pages nor in runs": {"index_mismatch", func(s *ledgerShop) {
			s.mark(func(m *merged) { m.next = commerce.ID{0xff} })
		}},
		"a stock row that is not its pages'": {"stock_sum", func(s *ledgerShop) {
			db := s.store.mu.instance.db
			row := appendStock(nil, commerce.Stock{OnHand: 5, Version: 3})
			require.NoError(s, db.Set(idKey(nil, tableStock, s.goods[0].ID), row, pebble.Sync))
		}},
		"a stock row that is gone": {"stock_missing", func(s *ledgerShop) {
			require.NoError(s, s.store.mu.instance.db.Delete(idKey(nil, tableStock, s.goods[0].ID), pebble.Sync))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openLedgerShop(t, 3)
			for i := range 6 {
				s.place(4, i%3)
				s.fold()
			}
			require.True(t, mergeSome(t, s.store, 1), "pages of one product, and a merge under way")
			s.place(4, 2)
			s.fold()
			s.check()
			c.spoil(s)
			report, err := s.store.Verify(t.Context(), nil)
			require.NoError(t, err)
			kinds := make(map[string]bool)
			for _, f := range report.Faults {
				kinds[f.Kind] = true
			}
			require.Contains(t, kinds, c.fault, "%v", report.Faults)
		})
	}
}

// mark changes the mark that says what is merged.
func (s *ledgerShop) mark(change func(*merged)) {
	db := s.store.mu.instance.db
	m, err := readMerged(db)
	require.NoError(s, err)
	change(&m)
	require.NoError(s, db.Set([]byte(metaMerged), encodeMerged(&m), pebble.Sync))
}
