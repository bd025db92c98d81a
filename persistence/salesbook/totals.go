package salesbook

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Totals adds up what was sold of every product. It has a place for each number, so that adding a row is one
// run through memory.
type Totals struct {
	rows []total
}

type total struct {
	units, cancelled int64
	revenue          persistence.Sum
}

// NewTotals returns totals of the numbers below count. A row that names another one is corrupt.
func NewTotals(count int) *Totals { return &Totals{rows: make([]total, count)} }

// AddMonth adds a row of a month.
func (t *Totals) AddMonth(row []byte) error {
	r := ReadProducts(row)
	for s := (ProductSum{}); r.Next(&s); {
		if err := t.add(&s); err != nil {
			return err
		}
	}
	return r.Err()
}

// AddDays adds what a row of a day, or a delta, says of a range.
func (t *Totals) AddDays(row []byte, in persistence.SalesRange) error {
	r := ReadProducts(row)
	for s := (ProductSum{}); r.Next(&s); {
		if !in.Holds(s.Key.Quarter()) {
			continue
		}
		if err := t.add(&s); err != nil {
			return err
		}
	}
	return r.Err()
}

// AddSums adds what a list says of a range.
func (t *Totals) AddSums(list []ProductSum, in persistence.SalesRange) error {
	for i := range list {
		if !in.Holds(list[i].Key.Quarter()) {
			continue
		}
		if err := t.add(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Totals) add(s *ProductSum) error {
	n := int(s.Key.Number())
	if n >= len(t.rows) {
		return ErrCorrupt
	}
	row := &t.rows[n]
	row.units += s.Units
	row.cancelled += s.Cancelled
	row.revenue = row.revenue.Add(s.Revenue)
	return nil
}

// Top selects the products that sold most. names[i] is what number i stands for.
func (t *Totals) Top(q *persistence.TopQuery, names []Name) []persistence.ProductSales {
	best := make(map[commerce.Currency][]persistence.ProductSales)
	for n := range t.rows {
		row, name := &t.rows[n], &names[n]
		if row.units == 0 || q.Currency != (commerce.Currency{}) && q.Currency != name.Currency {
			continue
		}
		list := best[name.Currency]
		if len(list) == q.Limit && !beats(row, &list[len(list)-1], q.ByRevenue) {
			continue // most are sorted out here
		}
		sales := persistence.ProductSales{
			Product: name.Product, Currency: name.Currency, Units: row.units, Revenue: row.revenue, Cancelled: row.cancelled,
		}
		at, _ := slices.BinarySearchFunc(list, sales, func(a, b persistence.ProductSales) int { return rank(&a, &b, q.ByRevenue) })
		list = slices.Insert(list, at, sales)
		best[name.Currency] = list[:min(len(list), q.Limit)]
	}
	var all []persistence.ProductSales
	for _, list := range best {
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b persistence.ProductSales) int { return bytes.Compare(a.Currency[:], b.Currency[:]) })
	return all
}

// beats reports whether a product may come before the last one of a full list.
func beats(row *total, last *persistence.ProductSales, byRevenue bool) bool {
	if byRevenue {
		return row.revenue.Compare(last.Revenue) >= 0
	}
	return row.units >= last.Units
}

// rank orders products, the best first.
func rank(a, b *persistence.ProductSales, byRevenue bool) int {
	units, revenue := cmp.Compare(b.Units, a.Units), b.Revenue.Compare(a.Revenue)
	if byRevenue {
		units, revenue = revenue, units
	}
	return cmp.Or(units, revenue, a.Product.Compare(b.Product))
}
