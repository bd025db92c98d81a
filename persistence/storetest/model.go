package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// runModel drives a store with random commands and compares every answer and every read with a
// model that keeps all it was told in plain maps. rapid prints the commands that lead to a
// difference, as few as it can find.
func runModel(t *testing.T, open Factory) {
	t.Run("random commands, crashes and reads agree with a model", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m := newModel(t, open)
			commands := map[string]func(*rapid.T){
				"commit":      m.commitSome,
				"commit more": m.commitSome,
				"retry":       m.retry,
				"open writer": m.reopenWriter,
				"read":        m.readSome,
				"query":       m.queryOrders,
				"verify":      m.verifyAll,
				"wait":        m.wait,
			}
			if m.place.Crash != nil {
				commands["crash"] = m.crashAndCheck
			}
			t.Repeat(commands)
			m.checkAll()
		})
	})
}

// model is what the store should hold. Its outcomes come from one commerce.State that is never
// emptied, where a store loads what it needs for each batch.
type model struct {
	bundle
	oracle *commerce.State

	products map[commerce.ID]*commerce.Product
	stocks   map[commerce.ID]commerce.Stock
	ledger   map[commerce.ID][]commerce.Movement
	events   map[commerce.ID][]commerce.Event
	keys     map[commerce.KeyID]commerce.KeyBinding
	book     orderBook

	// drafts are rows that commands may start from: current and outdated ones, and some that were
	// refused when they were new.
	drafts       []*commerce.Order
	draftedGoods []*commerce.Product

	last         *persistence.Batch
	lastOutcomes []commerce.Outcome
	moved        []commerce.ID
}

func newModel(t *rapid.T, open Factory) *model {
	m := &model{
		bundle:   *setup(t, open),
		products: make(map[commerce.ID]*commerce.Product),
		stocks:   make(map[commerce.ID]commerce.Stock),
		ledger:   make(map[commerce.ID][]commerce.Movement),
		events:   make(map[commerce.ID][]commerce.Event),
		keys:     make(map[commerce.KeyID]commerce.KeyBinding),
	}
	m.oracle = commerce.NewState(func(commerce.ID) uint64 { return m.writer.Epoch() })
	return m
}

func (m *model) commitSome(t *rapid.T) {
	m.T = t
	var entries, copies []*commerce.Entry
	for range rapid.IntRange(1, 6).Draw(t, "entries") {
		e := m.draw(t)
		entries, copies = append(entries, e), append(copies, copyOf(e))
	}
	m.last = m.batch(entries...)
	require.NoError(t, m.writer.Commit(t.Context(), m.last, &m.res))

	m.oracle.Now = m.last.At
	m.lastOutcomes, m.moved = nil, nil
	for _, e := range copies {
		o := m.oracle.Decide(e)
		m.lastOutcomes = append(m.lastOutcomes, o)
		if o.Kind == commerce.Applied {
			m.take(e)
		}
	}
	require.Equal(t, copies, entries, "levels and versions are filled in alike")
	m.checkResult()
}

func (m *model) checkResult() {
	require.Equal(m, m.lastOutcomes, append([]commerce.Outcome(nil), m.res.Outcomes...))
	slices.SortFunc(m.moved, commerce.ID.Compare)
	m.moved = slices.Compact(m.moved)
	var rows []commerce.Stock
	for _, id := range m.moved {
		rows = append(rows, m.stocks[id])
	}
	require.Equal(m, rows, append([]commerce.Stock(nil), m.res.Stock...))
}

// take notes what an applied entry leaves.
func (m *model) take(e *commerce.Entry) {
	if e.Key != nil {
		m.keys[e.Key.ID] = *e.Key
	}
	if e.Order != nil {
		m.book.put(e.Order.Row)
		m.drafts = append(m.drafts, e.Order.Row)
	}
	if e.Product != nil {
		m.products[e.Product.Row.ID] = e.Product.Row
		m.draftedGoods = append(m.draftedGoods, e.Product.Row)
	}
	for _, line := range e.Movements {
		m.stocks[line.Product] = line.Level
		m.ledger[line.Product] = append(m.ledger[line.Product], line)
		m.moved = append(m.moved, line.Product)
	}
	if e.Event != nil {
		m.events[e.Event.Entity] = append(m.events[e.Event.Entity], *e.Event)
	}
}

// draw makes an entry that may or may not apply.
func (m *model) draw(t *rapid.T) *commerce.Entry {
	key := rapid.SampledFrom([]string{"", "", "k1", "k2", "k3"}).Draw(t, "key")
	m.w.Terms.KeyTTL = rapid.SampledFrom([]time.Duration{time.Hour, 24 * time.Hour}).Draw(t, "ttl")
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case len(m.draftedGoods) == 0 || kind == 0:
		e := m.w.Product(rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "sku"), rapid.Int64Range(0, 20).Draw(t, "units"))
		m.draftedGoods = append(m.draftedGoods, e.Product.Row)
		return e
	case kind == 1:
		p := rapid.SampledFrom(m.draftedGoods).Draw(t, "product")
		return resku(&m.bundle, p, rapid.SampledFrom([]string{"", "A", "B", "C"}).Draw(t, "sku"))
	case kind == 2:
		p := rapid.SampledFrom(m.draftedGoods).Draw(t, "product")
		return m.w.Adjust(p.ID, rapid.Int64Range(-5, 10).Draw(t, "delta"), key)
	case kind <= 5 && len(m.drafts) > 0:
		o := rapid.SampledFrom(m.drafts).Draw(t, "order")
		if next := o.Status.Next(); len(next) > 0 {
			return m.w.Transition(o, rapid.SampledFrom(next).Draw(t, "to"), key)
		}
	}
	var lines []Line
	for range rapid.IntRange(1, 3).Draw(t, "lines") {
		lines = append(lines, Line{
			Product:  rapid.SampledFrom(m.draftedGoods).Draw(t, "product"),
			Quantity: rapid.Int64Range(1, 4).Draw(t, "quantity"),
		})
	}
	e := m.w.Order(rapid.SampledFrom([]string{"ann", "ben"}).Draw(t, "customer"), key, lines...)
	m.drafts = append(m.drafts, e.Order.Row)
	return e
}

func copyOf(e *commerce.Entry) *commerce.Entry {
	c := *e
	c.Movements = slices.Clone(e.Movements)
	if e.Key != nil {
		key := *e.Key
		c.Key = &key
	}
	return &c
}

func (m *model) retry(t *rapid.T) {
	m.T = t
	if m.last == nil || m.writer.NextSeq() != m.last.Seq+1 {
		return
	}
	m.res = persistence.Result{}
	require.NoError(t, m.writer.Commit(t.Context(), m.last, &m.res))
	m.checkResult()
}

func (m *model) reopenWriter(t *rapid.T) {
	m.T = t
	m.openWriter()
}

func (m *model) wait(t *rapid.T) {
	m.w.Advance(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
}

// crashAndCheck cuts the power. Everything acknowledged must be there, and nothing else.
func (m *model) crashAndCheck(t *rapid.T) {
	m.T = t
	m.crash()
	m.openWriter()
	m.checkAll()
}

func (m *model) readSome(t *rapid.T) {
	m.T = t
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		m.checkKeys()
	case 1:
		m.checkStocks()
	case 2:
		m.checkProducts()
	case 3:
		m.checkOrders()
	}
}

func (m *model) queryOrders(t *rapid.T) {
	m.T = t
	q := persistence.OrderQuery{
		Status:   commerce.Status(rapid.IntRange(0, int(commerce.StatusMax)).Draw(t, "status")),
		Customer: rapid.SampledFrom([]string{"", "ann", "ben"}).Draw(t, "customer"),
		Limit:    rapid.IntRange(1, 20).Draw(t, "limit"),
	}
	if len(m.draftedGoods) > 0 && rapid.Bool().Draw(t, "by product") {
		q.Product = rapid.SampledFrom(m.draftedGoods).Draw(t, "product").ID
	}
	if len(m.drafts) > 0 && rapid.Bool().Draw(t, "paged") {
		q.Before = rapid.SampledFrom(m.drafts).Draw(t, "before").ID
	}
	if len(m.drafts) > 0 && rapid.Bool().Draw(t, "dated") {
		q.From = rapid.SampledFrom(m.drafts).Draw(t, "from").PlacedAt
		q.To = rapid.SampledFrom(m.drafts).Draw(t, "to").PlacedAt
	}
	got, err := m.store.Orders(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, m.book.query(q), got)
}

func (m *model) verifyAll(t *rapid.T) {
	m.T = t
	report := m.verify()
	require.EqualValues(t, len(m.products), report.Products)
	require.EqualValues(t, len(m.book.orders), report.Orders)
}

func (m *model) checkAll() {
	m.Helper()
	m.checkKeys()
	m.checkStocks()
	m.checkOrders()
	m.checkProducts()
	m.checkHistory()
	m.verify()
}

func (m *model) checkKeys() {
	for id, want := range m.keys {
		got, err := m.store.Keys(m.Context(), []commerce.KeyID{{}, id})
		require.NoError(m, err)
		require.Equal(m, []commerce.KeyBinding{want}, got)
	}
}

func (m *model) checkStocks() {
	for id, want := range m.stocks {
		require.Equal(m, want, m.stock(id))
	}
}

func (m *model) checkOrders() {
	for _, want := range m.book.orders {
		got, err := m.store.Order(m.Context(), want.ID)
		require.NoError(m, err)
		require.Equal(m, want, got)
	}
	for _, o := range m.drafts {
		if m.events[o.ID] == nil {
			_, err := m.store.Order(m.Context(), o.ID)
			require.ErrorIs(m, err, persistence.ErrNotFound)
		}
	}
}

func (m *model) checkProducts() {
	owners := make(map[string]*commerce.Product)
	for id, want := range m.products {
		got, err := m.store.Product(m.Context(), id)
		require.NoError(m, err)
		require.Equal(m, want, got)
		owners[want.SKU] = want
	}
	for _, sku := range []string{"A", "B", "C"} {
		got, err := m.store.ProductBySKU(m.Context(), sku)
		if owners[sku] == nil {
			require.ErrorIs(m, err, persistence.ErrNotFound)
			continue
		}
		require.NoError(m, err)
		require.Equal(m, owners[sku], got)
	}
	rows, err := m.store.Products(m.Context(), commerce.ID{}, persistence.PageMax)
	require.NoError(m, err)
	require.Len(m, rows, len(m.products))
	for _, row := range rows {
		require.Equal(m, persistence.ProductRow{Product: m.products[row.Product.ID], Stock: m.stocks[row.Product.ID]}, row)
	}
}

func (m *model) checkHistory() {
	for id, want := range m.ledger {
		got, err := m.store.Movements(m.Context(), id, 0, persistence.PageMax)
		require.NoError(m, err)
		slices.Reverse(got)
		require.Equal(m, want, got)
	}
	for id, want := range m.events {
		got, err := m.store.Events(m.Context(), id, 0, persistence.PageMax)
		require.NoError(m, err)
		require.Equal(m, want, got, fmt.Sprint(id))
	}
	m.checkStream()
}
