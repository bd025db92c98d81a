package storetest

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// salesBook is the sums of some orders, added up plainly.
type salesBook struct {
	cells    map[cellKey]cellTotal
	products map[commerce.ID]map[productCellKey]productTotal
}

type cellKey struct {
	quarter  persistence.Quarter
	status   commerce.Status
	currency commerce.Currency
}

type cellTotal struct {
	orders int64
	amount persistence.Sum
}

type productCellKey struct {
	quarter  persistence.Quarter
	currency commerce.Currency
}

type productTotal struct {
	units     int64
	revenue   persistence.Sum
	cancelled int64
}

func newSalesBook() *salesBook {
	return &salesBook{
		cells:    make(map[cellKey]cellTotal),
		products: make(map[commerce.ID]map[productCellKey]productTotal),
	}
}

func (s *salesBook) addOrder(o *commerce.Order) { s.count(o, 1) }

func (s *salesBook) dropOrder(o *commerce.Order) { s.count(o, -1) }

func (s *salesBook) count(o *commerce.Order, n int64) {
	q := persistence.QuarterOf(o.PlacedAt)
	s.addCell(persistence.SalesCell{
		Quarter: q, Status: o.Status, Currency: o.Total.Currency, Orders: n, Amount: persistence.SumOf(n * o.Total.Amount),
	})
	for _, item := range o.Items {
		cell := persistence.ProductCell{Quarter: q, Currency: o.Total.Currency}
		if o.Status == commerce.StatusCancelled {
			cell.Cancelled = n * item.Quantity
		} else {
			cell.Units, cell.Revenue = n*item.Quantity, persistence.SumOf(n*item.Quantity*item.UnitPrice)
		}
		s.addProduct(item.Product, cell)
	}
}

func (s *salesBook) addCell(c persistence.SalesCell) {
	key := cellKey{c.Quarter, c.Status, c.Currency}
	t := s.cells[key]
	t.orders += c.Orders
	t.amount = t.amount.Add(c.Amount)
	s.cells[key] = t
}

func (s *salesBook) addProduct(product commerce.ID, c persistence.ProductCell) {
	if s.products[product] == nil {
		s.products[product] = make(map[productCellKey]productTotal)
	}
	key := productCellKey{c.Quarter, c.Currency}
	t := s.products[product][key]
	t.units += c.Units
	t.revenue = t.revenue.Add(c.Revenue)
	t.cancelled += c.Cancelled
	s.products[product][key] = t
}

// settle leaves out what has become nothing.
func (s *salesBook) settle() {
	for key, t := range s.cells {
		if t == (cellTotal{}) {
			delete(s.cells, key)
		}
	}
	for id, cells := range s.products {
		for key, t := range cells {
			if t == (productTotal{}) {
				delete(cells, key)
			}
		}
		if len(cells) == 0 {
			delete(s.products, id)
		}
	}
}

// within returns the part of the book that lies in a range.
func (s *salesBook) within(r persistence.SalesRange) *salesBook {
	part := newSalesBook()
	for k, t := range s.cells {
		if r.Holds(k.quarter) {
			part.addCell(persistence.SalesCell{Quarter: k.quarter, Status: k.status, Currency: k.currency, Orders: t.orders, Amount: t.amount})
		}
	}
	for id, cells := range s.products {
		for k, t := range cells {
			if r.Holds(k.quarter) {
				part.addProduct(id, persistence.ProductCell{
					Quarter: k.quarter, Currency: k.currency, Units: t.units, Revenue: t.revenue, Cancelled: t.cancelled,
				})
			}
		}
	}
	part.settle()
	return part
}

// check compares all that a store says of a range with the book.
func (s *salesBook) check(b *bundle, r persistence.SalesRange) {
	b.Helper()
	want, got := s.within(r), newSalesBook()
	require.NoError(b, b.store.Sales(b.Context(), r, got.addCell))
	for id := range s.products {
		require.NoError(b, b.store.ProductSales(b.Context(), id, r, func(c persistence.ProductCell) { got.addProduct(id, c) }))
	}
	got.settle()
	require.Equal(b, want, got, "%v", r)
	for _, byRevenue := range []bool{false, true} {
		for _, limit := range []int{1, 3, 1000} {
			top, err := b.store.TopProducts(b.Context(), persistence.TopQuery{SalesRange: r, ByRevenue: byRevenue, Limit: limit})
			require.NoError(b, err)
			require.Equal(b, want.top(byRevenue, limit), top, "%v by revenue: %v, at most %d", r, byRevenue, limit)
		}
	}
}

// top ranks the products of the book.
func (s *salesBook) top(byRevenue bool, limit int) (best []persistence.ProductSales) {
	totals := make(map[commerce.Currency]map[commerce.ID]*persistence.ProductSales)
	for id, cells := range s.products {
		for k, t := range cells {
			if totals[k.currency] == nil {
				totals[k.currency] = make(map[commerce.ID]*persistence.ProductSales)
			}
			p := totals[k.currency][id]
			if p == nil {
				p = &persistence.ProductSales{Product: id, Currency: k.currency}
				totals[k.currency][id] = p
			}
			p.Units += t.units
			p.Revenue = p.Revenue.Add(t.revenue)
			p.Cancelled += t.cancelled
		}
	}
	var currencies []commerce.Currency
	for c := range totals {
		currencies = append(currencies, c)
	}
	slices.SortFunc(currencies, func(a, b commerce.Currency) int { return bytes.Compare(a[:], b[:]) })
	for _, c := range currencies {
		var list []persistence.ProductSales
		for _, p := range totals[c] {
			if p.Units > 0 {
				list = append(list, *p)
			}
		}
		slices.SortFunc(list, func(a, b persistence.ProductSales) int {
			units, revenue := cmp.Compare(b.Units, a.Units), b.Revenue.Compare(a.Revenue)
			if byRevenue {
				return cmp.Or(revenue, units, a.Product.Compare(b.Product))
			}
			return cmp.Or(units, revenue, a.Product.Compare(b.Product))
		})
		best = append(best, list[:min(limit, len(list))]...)
	}
	return best
}

// runSalesModel places and moves orders at random over months, and compares the sums with the orders.
func runSalesModel(t *testing.T, open Factory) {
	t.Run("sums are those of the orders, whatever happens to them", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m := &salesModel{bundle: *setup(t, open), orders: make(map[commerce.ID]*commerce.Order)}
			m.w.clock = m.w.clock.AddDate(0, -5, 0)
			for _, code := range []string{"KRW", "KRW", "KRW", "USD"} {
				currency, _ := commerce.ParseCurrency(code)
				m.goods = append(m.goods, m.priced(commerce.Money{Amount: int64(100 * (len(m.goods) + 1)), Currency: currency}, 1_000_000))
			}
			commands := map[string]func(*rapid.T){
				"place": m.place, "place more": m.place, "move": m.move, "move more": m.move, "wait": m.wait,
				"open writer": func(t *rapid.T) { m.T = t; m.openWriter() },
				"check":       m.checkSome,
				"verify":      func(t *rapid.T) { m.T = t; m.verify() },
			}
			if m.bundle.place.Crash != nil {
				commands["crash"] = func(t *rapid.T) { m.T = t; m.crash(); m.openWriter() }
			}
			t.Repeat(commands)
			m.book().check(&m.bundle, always())
			m.verify()
		})
	})
}

type salesModel struct {
	bundle
	goods  []*commerce.Product
	orders map[commerce.ID]*commerce.Order
	ids    []commerce.ID
}

func (m *salesModel) book() *salesBook {
	book := newSalesBook()
	for _, o := range m.orders {
		book.addOrder(o)
	}
	return book
}

func (m *salesModel) place(t *rapid.T) {
	m.T = t
	var entries []*commerce.Entry
	for range rapid.IntRange(1, 5).Draw(t, "orders") {
		goods := m.goods[:3]
		if rapid.IntRange(0, 4).Draw(t, "currency") == 0 {
			goods = m.goods[3:]
		}
		var lines []Line
		for range rapid.IntRange(1, 3).Draw(t, "lines") {
			lines = append(lines, Line{rapid.SampledFrom(goods).Draw(t, "product"), rapid.Int64Range(1, 9).Draw(t, "quantity")})
		}
		entries = append(entries, m.w.Order("ann", "", lines...))
	}
	// One that does not apply changes nothing.
	entries = append(entries, m.w.Order("ann", "", Line{m.goods[0], 1_000_000}))
	for i, kind := range m.kinds(entries...) {
		if o := entries[i].Order.Row; kind == commerce.Applied {
			m.orders[o.ID] = o
			m.ids = append(m.ids, o.ID)
		}
	}
}

func (m *salesModel) move(t *rapid.T) {
	m.T = t
	if len(m.ids) == 0 {
		return
	}
	var entries []*commerce.Entry
	for range rapid.IntRange(1, 4).Draw(t, "moves") {
		o := m.orders[rapid.SampledFrom(m.ids).Draw(t, "order")]
		if next := o.Status.Next(); len(next) > 0 {
			entries = append(entries, m.w.Transition(o, rapid.SampledFrom(next).Draw(t, "to"), ""))
		}
	}
	if len(entries) == 0 {
		return
	}
	for i, kind := range m.kinds(entries...) { // of two of the same order one applies
		if kind == commerce.Applied {
			m.orders[entries[i].Order.Row.ID] = entries[i].Order.Row
		}
	}
}

func (m *salesModel) wait(t *rapid.T) {
	m.w.Advance(rapid.SampledFrom([]time.Duration{
		time.Second, 14 * time.Minute, 5 * time.Hour, 24 * time.Hour, 20 * 24 * time.Hour,
	}).Draw(t, "wait"))
}

func (m *salesModel) checkSome(t *rapid.T) {
	m.T = t
	now := int(persistence.QuarterOf(m.w.Now()))
	from := rapid.IntRange(now-160*persistence.QuartersADay, now+1).Draw(t, "from")
	length := rapid.OneOf(rapid.IntRange(0, 8), rapid.IntRange(0, 160*persistence.QuartersADay)).Draw(t, "quarters")
	m.book().check(&m.bundle, persistence.SalesRange{From: persistence.Quarter(from), To: persistence.Quarter(from + length)})
}
