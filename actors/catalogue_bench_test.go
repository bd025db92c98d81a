package actors

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/penstock-dev/penstock/actors/search"
	"github.com/penstock-dev/penstock/commerce"
)

// largeShelf has 100,000 products in 200 categories, a tenth of them sold out.
func largeShelf(b *testing.B) *shelf {
	b.Helper()
	s := newShelf(b)
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 100_000 {
		onHand := int64(5)
		if n%10 == 0 {
			onHand = 0
		}
		s.add(n, fmt.Sprintf("Product %d of %d", random.IntN(1000), n), fmt.Sprintf("c%d", random.IntN(200)), random.Int64N(100_000), onHand)
	}
	s.listAll()
	return s
}

// reportCPU reports the processor time of an operation, which others on the machine disturb less than its
// duration. Call what it returns at the end.
func reportCPU(b *testing.B) func() {
	b.Helper()
	before := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkList makes pages of 20 out of 100,000 products. What is remembered is left out: every time
// something has changed in between.
func BenchmarkList(b *testing.B) {
	s := largeShelf(b)
	in, low, high := true, int64(20_000), int64(70_000)
	for _, c := range []struct {
		name string
		q    ProductQuery
	}{
		{"first page", ProductQuery{}},
		{"last page", ProductQuery{Offset: 99_980, Sort: SortName}},
		{"category", ProductQuery{ProductFilter: ProductFilter{Category: "c7"}, Sort: SortPriceAscending}},
		{"in stock", ProductQuery{ProductFilter: ProductFilter{InStock: &in}}},
		{"in stock, deep", ProductQuery{ProductFilter: ProductFilter{InStock: &in}, Offset: 80_000, Sort: SortName}},
		{"price", ProductQuery{ProductFilter: ProductFilter{PriceMin: &low, PriceMax: &high}, Sort: SortNewest}},
		{"price, deep", ProductQuery{ProductFilter: ProductFilter{PriceMin: &low, PriceMax: &high}, Sort: SortPriceDescending, Offset: 49_000}},
		{"everything", ProductQuery{ProductFilter: ProductFilter{Category: "c9", PriceMin: &low, PriceMax: &high, InStock: &in}, Sort: SortName}},
		{"SKU", ProductQuery{ProductFilter: ProductFilter{SKU: "S-4711"}}},
	} {
		c.q.Limit = 20
		b.Run(c.name, func(b *testing.B) {
			l := s.lists.current.Load()
			sel := s.selectors.Get().(*selector) //nolint:forcetypeassert // the pool holds nothing else
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				slots, _ := sel.page(l, &c.q)
				l.rows(slots, c.q.InStock)
			}
		})
	}
	b.Run("remembered", func(b *testing.B) {
		q := ProductQuery{ProductFilter: ProductFilter{Category: "c7", InStock: &in}, Limit: 20}
		b.ReportAllocs()
		defer reportCPU(b)()
		for b.Loop() {
			s.list(q)
		}
	})
}

// BenchmarkRelist is a change of one product among 100,000: all four sorts.
func BenchmarkRelist(b *testing.B) {
	s := largeShelf(b)
	n := 0
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		n = (n + 7919) % len(s.ids)
		s.edit(s.ids[n], func(p *commerce.Product) {
			p.Price.Amount = (p.Price.Amount + 31_337) % 100_000
			p.Name = "Changed " + p.Name[len(p.Name)-5:]
		})
		s.lists.takeChanged()
	}
}

// BenchmarkListAll makes the first listing of 100,000 products.
func BenchmarkListAll(b *testing.B) {
	s := largeShelf(b)
	refs := s.loaded()
	defer reportCPU(b)()
	for b.Loop() {
		newListing(refs)
	}
}

// BenchmarkRanked takes a page out of 100,000 hits.
func BenchmarkRanked(b *testing.B) {
	s := largeShelf(b)
	l := s.lists.current.Load()
	in := true
	for _, hits := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(hits), func(b *testing.B) {
			sel := new(selector)
			defer reportCPU(b)()
			for b.Loop() {
				sel.hits = sel.hits[:0]
				for slot := range hits {
					sel.hits = append(sel.hits, search.Hit{Slot: uint32(slot), Score: uint16(slot % 7 * 100)})
				}
				sel.ranked(l, &ProductFilter{InStock: &in}, 40, 20)
			}
		})
	}
}
