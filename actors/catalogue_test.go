package actors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/actors/search"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// shelf is a catalogue whose rows a test changes as the committer would.
type shelf struct {
	*catalogue
	rows map[commerce.ID]persistence.ProductRow // what a naive list is made from
	ids  []commerce.ID
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	c, err := newCatalogue(newMemStore(), 1<<20)
	require.NoError(t, err)
	c.broken = func(ref *productRef, row *commerce.Stock) { t.Errorf("%s breaks with %+v", ref.id, *row) }
	return &shelf{catalogue: c, rows: make(map[commerce.ID]persistence.ProductRow)}
}

// put commits a product's rows.
func (s *shelf) put(row persistence.ProductRow) {
	if _, known := s.rows[row.Product.ID]; !known {
		s.ids = append(s.ids, row.Product.ID)
	}
	s.rows[row.Product.ID] = row
	ref := s.obtain(row.Product.ID)
	s.adopt(ref, &row.Stock)
	ref.adoptProduct(row.Product)
	s.relist(ref)
}

// add commits a new product. Products made later have greater ids, as real ones do, but for a few.
func (s *shelf) add(n int, name, category string, price, onHand int64) {
	id := commerce.IDFloor(time.UnixMilli(1_750_000_000_000 + int64(n/3)))
	id[6], id[8] = 0x70, 0x80
	binary.BigEndian.PutUint32(id[12:], uint32(n)*2654435761)
	s.put(persistence.ProductRow{
		Product: &commerce.Product{
			ID: id, Name: name, Category: category, SKU: fmt.Sprintf("S-%d", n), Version: 1,
			Price: commerce.Money{Amount: price, Currency: commerce.DefaultCurrency()},
		},
		Stock: commerce.Stock{Product: id, OnHand: onHand, Version: 1},
	})
}

// edit commits a change of a product.
func (s *shelf) edit(id commerce.ID, change func(*commerce.Product)) {
	row := s.rows[id]
	next := *row.Product
	next.Version++
	change(&next)
	row.Product = &next
	s.put(row)
}

// sell commits a change of what is allocated.
func (s *shelf) sell(id commerce.ID, allocated int64) {
	row := s.rows[id]
	row.Stock.Allocated, row.Stock.Version = allocated, row.Stock.Version+1
	s.put(row)
}

// naive answers a query as anybody would.
func (s *shelf) naive(q ProductQuery) ProductPage {
	var rows []persistence.ProductRow
	for _, row := range s.rows {
		p := row.Product
		if !p.Archived && (q.Category == "" || p.Category == q.Category) && (q.SKU == "" || p.SKU == q.SKU) &&
			(q.PriceMin == nil || p.Price.Amount >= *q.PriceMin) && (q.PriceMax == nil || p.Price.Amount <= *q.PriceMax) &&
			(q.InStock == nil || (row.Stock.Available() > 0) == *q.InStock) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(x, y persistence.ProductRow) int {
		a, b := x.Product, y.Product
		newest := b.ID.Compare(a.ID)
		switch q.Sort {
		case SortOldest:
			return -newest
		case SortPriceAscending:
			return cmp.Or(cmp.Compare(a.Price.Amount, b.Price.Amount), newest)
		case SortPriceDescending:
			return cmp.Or(cmp.Compare(b.Price.Amount, a.Price.Amount), newest)
		case SortName:
			return cmp.Or(strings.Compare(a.Name, b.Name), newest)
		case SortNewest:
		}
		return newest
	})
	page := ProductPage{Total: len(rows)}
	if q.Offset < len(rows) {
		page.Rows = rows[q.Offset:min(len(rows), q.Offset+q.Limit)]
	}
	return page
}

// TestList_IsTheNaiveOne compares every list with one made by filtering and sorting all rows, while
// products are made, edited, archived, sold out and filled up again.
func TestList_IsTheNaiveOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newShelf(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		start := rapid.SampledFrom([]int{0, 1, 70, 700, 1500}).Draw(rt, "products")
		category := func() string { return fmt.Sprintf("c%d", random.IntN(4)) }
		name := func() string { return fmt.Sprintf("n%02d", random.IntN(30)) }
		for n := range start {
			s.add(n, name(), category(), random.Int64N(20), random.Int64N(3))
		}
		s.listAll()
		for range rapid.IntRange(1, 60).Draw(rt, "changes") {
			n := len(s.ids)
			if n == 0 || random.IntN(4) == 0 {
				s.add(n, name(), category(), random.Int64N(20), random.Int64N(3))
				continue
			}
			id := s.ids[random.IntN(n)]
			switch random.IntN(6) {
			case 0:
				s.edit(id, func(p *commerce.Product) { p.Archived = true })
			case 1:
				s.edit(id, func(p *commerce.Product) { p.Price.Amount = random.Int64N(20) })
			case 2:
				s.edit(id, func(p *commerce.Product) { p.Name, p.Category, p.SKU = name(), category(), "T-"+p.SKU })
			default:
				s.sell(id, random.Int64N(s.rows[id].Stock.OnHand+1))
			}
			q := anyQuery(random, s)
			want := s.naive(q)
			for range 2 { // made, and remembered
				got := s.list(q)
				require.Equal(rt, want.Total, got.Total, "%+v", q)
				require.Equal(rt, want.Rows, got.Rows, "%+v", q)
			}
		}
		walkPages(rt, s, ProductQuery{Sort: ProductSort(random.IntN(int(SortName) + 1)), Limit: 1 + random.IntN(40)})
	})
}

func anyQuery(random *rand.Rand, s *shelf) ProductQuery {
	q := ProductQuery{Sort: ProductSort(random.IntN(int(SortName) + 1)), Limit: 1 + random.IntN(30)}
	if random.IntN(2) == 0 {
		q.Offset = random.IntN(len(s.ids) + 10)
	}
	if random.IntN(3) == 0 {
		q.Category = fmt.Sprintf("c%d", random.IntN(5))
	}
	if random.IntN(8) == 0 && len(s.ids) > 0 {
		q.SKU = s.rows[s.ids[random.IntN(len(s.ids))]].Product.SKU
	}
	if low := random.Int64N(20); random.IntN(3) == 0 {
		q.PriceMin = &low
	}
	if high := random.Int64N(20); random.IntN(3) == 0 {
		q.PriceMax = &high
	}
	if in := random.IntN(2) == 0; random.IntN(2) == 0 {
		q.InStock = &in
	}
	return q
}

// walkPages reads all pages and requires that each product stands on exactly one.
func walkPages(t require.TestingT, s *shelf, q ProductQuery) {
	seen := make(map[commerce.ID]bool)
	for {
		page := s.list(q)
		if len(page.Rows) == 0 {
			require.Len(t, seen, page.Total)
			return
		}
		for _, row := range page.Rows {
			require.False(t, seen[row.Product.ID])
			seen[row.Product.ID] = true
		}
		q.Offset += q.Limit
	}
}

// TestRanked_CountsAsItSorts compares the two ways to rank hits.
func TestRanked_CountsAsItSorts(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for n := range 3000 {
		s.add(n, "kettle", fmt.Sprintf("c%d", n%3), int64(n), int64(n%2))
	}
	s.listAll()
	l := s.lists.current.Load()
	hits := func(n int) *selector {
		random := rand.New(rand.NewPCG(7, 7))
		sel := new(selector)
		for _, slot := range random.Perm(3000)[:n] {
			sel.hits = append(sel.hits, search.Hit{Slot: uint32(slot), Score: uint16(random.IntN(5)) * 1000})
		}
		return sel
	}
	none := &ProductFilter{}
	whole, total := hits(sortHitsMax).ranked(l, none, 0, sortHitsMax)
	require.Equal(t, sortHitsMax, total)
	require.Equal(t, whole, hits(sortHitsMax).rankedMany(l, 0, sortHitsMax))
	require.Equal(t, whole[100:120], hits(sortHitsMax).rankedMany(l, 100, 20))
	var paged []uint32
	sel := new(selector)
	for offset := 0; offset < 2500; offset += 100 {
		sel.hits = append(sel.hits[:0], hits(2500).hits...)
		page, total := sel.ranked(l, none, offset, 100)
		require.Equal(t, 2500, total)
		paged = append(paged, page...)
	}
	require.Len(t, paged, 2500)
	slices.Sort(paged)
	require.Len(t, slices.Compact(paged), 2500, "no product stands twice")
}

// TestList_WhileProductsChange asks for pages while rows change: each is sorted, has what was asked for, and no
// product twice.
func TestList_WhileProductsChange(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	const products = 1200
	for n := range products {
		s.add(n, fmt.Sprintf("n%d", n%50), fmt.Sprintf("c%d", n%4), int64(n%40), 1)
	}
	s.listAll()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for worker := range 3 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 3))
			for {
				select {
				case <-stop:
					return
				default:
				}
				in := random.IntN(2) == 0
				q := ProductQuery{
					ProductFilter: ProductFilter{Category: "c1", InStock: &in},
					Sort:          SortPriceAscending, Offset: random.IntN(300), Limit: 20,
				}
				checkPage(t, s.list(q), in)
			}
		})
	}
	random := rand.New(rand.NewPCG(9, 9))
	for range 3000 {
		id := s.ids[random.IntN(products)]
		if random.IntN(5) == 0 {
			s.edit(id, func(p *commerce.Product) { p.Price.Amount = random.Int64N(40) })
		} else {
			s.sell(id, random.Int64N(2))
		}
	}
	close(stop)
	readers.Wait()
	for _, in := range []bool{true, false} {
		q := ProductQuery{ProductFilter: ProductFilter{InStock: &in}, Limit: products}
		got := s.list(q)
		require.Equal(t, s.naive(q), got)
	}
}

func checkPage(t *testing.T, page ProductPage, inStock bool) {
	for i, row := range page.Rows {
		if row.Product.Category != "c1" || (row.Stock.Available() > 0) != inStock {
			t.Errorf("not what was asked for: %+v", row)
		}
		if i > 0 && orderPriceAscending.compare(page.Rows[i-1].Product, row.Product) >= 0 {
			t.Errorf("not in order at %d", i)
		}
	}
}
