package pebblestore

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Whatever is folded, merged or half merged, and wherever the power goes, reads agree with a plain list of all lines
// and orders.
func TestLedger_AgreesWithAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &ledgerModel{ledgerShop: openLedgerShop(t, rapid.IntRange(1, 4).Draw(t, "products"))}
		t.Repeat(map[string]func(*rapid.T){
			"commit":      m.commitSome,
			"commit more": m.commitSome,
			"keep back":   m.keepBack,
			"fold":        func(t *rapid.T) { m.T = t; m.fold() },
			"merge":       m.merge,
			"merge more":  m.merge,
			"crash":       m.crashSome,
			"query":       m.query,
			"lines":       m.readLines,
			"check":       func(t *rapid.T) { m.T = t; m.fold(); m.check() },
		})
		m.T = t
		m.fold()
		m.check()
	})
}

type ledgerModel struct {
	*ledgerShop
	late []*commerce.Entry // orders that have their ids and are not committed yet
}

func (m *ledgerModel) draw(t *rapid.T) *commerce.Entry {
	goods := rapid.SliceOfNDistinct(rapid.IntRange(0, len(m.goods)-1), 1, min(3, len(m.goods)), rapid.ID).Draw(t, "goods")
	return m.order(rapid.SampledFrom([]string{"ann", "ben"}).Draw(t, "customer"), goods...)
}

func (m *ledgerModel) keepBack(t *rapid.T) {
	m.T = t
	m.late = append(m.late, m.draw(t))
}

func (m *ledgerModel) commitSome(t *rapid.T) {
	m.T = t
	var entries []*commerce.Entry
	moved := make(map[commerce.ID]bool)
	for range rapid.IntRange(1, 12).Draw(t, "entries") {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			p := rapid.SampledFrom(m.goods).Draw(t, "product")
			entries = append(entries, m.w.Adjust(p.ID, rapid.Int64Range(1, 9).Draw(t, "delta"), ""))
		case 1, 2:
			if len(m.orders) > 0 {
				ids := slices.SortedFunc(maps.Keys(m.orders), commerce.ID.Compare)
				o := m.orders[rapid.SampledFrom(ids).Draw(t, "order")]
				if next := o.Status.Next(); len(next) > 0 && !moved[o.ID] {
					moved[o.ID] = true
					entries = append(entries, m.w.Transition(o, rapid.SampledFrom(next).Draw(t, "to"), ""))
				}
			}
		case 3:
			if len(m.late) > 0 {
				i := rapid.IntRange(0, len(m.late)-1).Draw(t, "late")
				entries = append(entries, m.late[i])
				m.late = slices.Delete(m.late, i, i+1)
			}
		default:
			entries = append(entries, m.draw(t))
		}
	}
	if len(entries) > 0 {
		m.commit(entries...)
	}
}

func (m *ledgerModel) merge(t *rapid.T) {
	m.T = t
	mergeSome(t, m.store, rapid.IntRange(1, 2).Draw(t, "products a slice"))
}

// crashSome cuts the power. Some of what was not synced may have reached the disk.
func (m *ledgerModel) crashSome(t *rapid.T) {
	m.T = t
	m.late = nil // they carry the epoch of the writer before
	if rapid.Bool().Draw(t, "closed") {
		m.reopen()
		return
	}
	m.crash(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "percent"),
		RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
	})
}

func (m *ledgerModel) query(t *rapid.T) {
	m.T = t
	m.fold()
	q := persistence.OrderQuery{
		Product: rapid.SampledFrom(m.goods).Draw(t, "product").ID,
		Limit:   rapid.IntRange(1, 10).Draw(t, "limit"),
	}
	if rapid.Bool().Draw(t, "by customer") {
		q.Customer = rapid.SampledFrom([]string{"ann", "ben"}).Draw(t, "customer")
	}
	if rapid.Bool().Draw(t, "by status") {
		q.Status = commerce.Status(rapid.IntRange(1, int(commerce.StatusMax)).Draw(t, "status"))
	}
	if ids := slices.SortedFunc(maps.Keys(m.orders), commerce.ID.Compare); len(ids) > 0 {
		if rapid.Bool().Draw(t, "paged") {
			q.Before = rapid.SampledFrom(ids).Draw(t, "before")
		}
		if rapid.Bool().Draw(t, "dated") {
			q.From = m.orders[rapid.SampledFrom(ids).Draw(t, "from")].PlacedAt
			q.To = m.orders[rapid.SampledFrom(ids).Draw(t, "to")].PlacedAt
		}
	}
	m.checkOrders(q)
}

func (m *ledgerModel) readLines(t *rapid.T) {
	m.T = t
	m.fold()
	p := rapid.SampledFrom(m.goods).Draw(t, "product").ID
	m.checkMovements(p, rapid.Uint64Range(0, uint64(len(m.ledger[p]))+2).Draw(t, "before"), rapid.IntRange(1, 20).Draw(t, "limit"))
}

// The lines of a product that sells much fill parts of runs, pages and packs, each to its bound.
func TestLedger_HotProduct(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 2)
	read := func() {
		s.check()
		hot := s.goods[0].ID
		for _, before := range []uint64{2, 3, 700, 701, 2000} {
			s.checkMovements(hot, before, 60)
		}
		var cursor commerce.ID
		for range 8 {
			q := persistence.OrderQuery{Product: hot, Before: cursor, Limit: 300}
			s.checkOrders(q)
			page := s.query(q)
			cursor = page[len(page)-1].ID
		}
	}
	for range 3 {
		for range 3 {
			for range 3 {
				s.place(persistence.BatchEntriesMax, 0)
			}
			s.place(1, 1)
			s.fold()
		}
		read()
		mergeAll(t, s.store)
		read()
		s.reopen()
		read()
	}
}

// What an older program has stored, a row for each line and for each order of a product, is read, and goes on with runs.
func TestLedger_OldStoreGoesOn(t *testing.T) {
	t.Parallel()
	s := openLedgerShop(t, 3)
	for i := range 40 {
		s.place(1+i%3, i%3)
	}
	s.fold()
	mergeAll(t, s.store)
	makeOld(t, s.store)
	s.reopen()
	format, err := getNumber(s.store.mu.instance.db, metaFormat)
	require.NoError(t, err)
	require.EqualValues(t, formatVersion, format, "older programs refuse it from now on")
	s.check()
	for i := range 30 {
		s.place(1+i%2, i%3)
		s.fold()
		s.check()
		mergeSome(t, s.store, 1+i%2)
		s.check()
	}
	s.reopen()
	s.check()
}
