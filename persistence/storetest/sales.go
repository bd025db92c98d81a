package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func salesClaims() []claim {
	return []claim{
		{"a store without orders has no sales", salesOfNothing},
		{"a cancelled order leaves the revenue and is shown apart", salesOfCancelled},
		{"ranges are exact to the quarter hour", salesRanges},
		{"the best products come first, each currency apart", salesRanked},
		{"sums do not overflow", salesHuge},
		{"every read shows one state, whatever is placed and cancelled meanwhile", salesBeside},
		{"orders from before there were sums are added up, while others are placed", salesForgotten},
	}
}

// always is a range that holds everything: workloads begin months ago at most, and a random one waits for
// years at most. A store looks at every day of it.
func always() persistence.SalesRange {
	now := time.Now()
	return persistence.SalesRange{From: persistence.QuarterOf(now.AddDate(-1, 0, 0)), To: persistence.QuarterOf(now.AddDate(3, 0, 0))}
}

// sold is what the sums say of all orders.
func (b *bundle) sold() *salesBook {
	b.Helper()
	got := newSalesBook()
	require.NoError(b, b.store.Sales(b.Context(), always(), got.addCell))
	got.settle()
	return got
}

func salesOfNothing(b *bundle) {
	require.Empty(b, b.sold().cells)
	p := b.product(10)
	b.commit(b.w.Order("ann", "", Line{p, 11}))
	require.Empty(b, b.sold().cells)
	top, err := b.store.TopProducts(b.Context(), persistence.TopQuery{SalesRange: always(), Limit: 10})
	require.NoError(b, err)
	require.Empty(b, top)
	require.NoError(b, b.store.ProductSales(b.Context(), p.ID, always(), func(persistence.ProductCell) { b.Fatalf("sold") }))
	b.verify()
}

func salesOfCancelled(b *bundle) {
	p := b.product(10)
	kept := b.order("ann", "", Line{p, 2})
	b.w.Advance(3 * time.Hour)
	gone := b.order("ann", "", Line{p, 3})
	b.w.Advance(30 * time.Hour)
	gone = b.move(gone, commerce.StatusCancelled)
	kept = b.move(kept, commerce.StatusPaid)
	want := newSalesBook()
	want.addOrder(kept)
	want.addOrder(gone)
	want.check(b, always())
	require.Equal(b, map[productCellKey]productTotal{
		{persistence.QuarterOf(kept.PlacedAt), p.Price.Currency}: {2, persistence.SumOf(2 * p.Price.Amount), 0},
		{persistence.QuarterOf(gone.PlacedAt), p.Price.Currency}: {0, persistence.Sum{}, 3},
	}, want.products[p.ID])
	b.verify()
}

func salesRanges(b *bundle) {
	p := b.product(1000)
	want := newSalesBook()
	for range 30 {
		want.addOrder(b.order("ann", "", Line{p, 1}))
		b.w.Advance(7 * time.Minute)
	}
	first := persistence.QuarterOf(b.w.Now().Add(-30 * 7 * time.Minute))
	for from := first - 1; from < first+16; from++ {
		for _, length := range []persistence.Quarter{0, 1, 3, 100} {
			want.check(b, persistence.SalesRange{From: from, To: from + length})
		}
	}
}

func salesRanked(b *bundle) {
	usd := commerce.Currency{'U', 'S', 'D'}
	var products []*commerce.Product
	for i := range 6 {
		currency := commerce.DefaultCurrency()
		if i%2 == 1 {
			currency = usd
		}
		products = append(products, b.priced(commerce.Money{Amount: int64(1000 - 100*i), Currency: currency}, 1000))
	}
	want := newSalesBook()
	for i, p := range products {
		want.addOrder(b.order("ann", "", Line{p, int64(i + 1)}))
	}
	want.addOrder(b.move(b.order("ann", "", Line{products[0], 100}), commerce.StatusCancelled))
	want.check(b, always())
	top, err := b.store.TopProducts(b.Context(), persistence.TopQuery{SalesRange: always(), Limit: 2, Currency: usd})
	require.NoError(b, err)
	require.Equal(b, []commerce.ID{products[5].ID, products[3].ID}, []commerce.ID{top[0].Product, top[1].Product})
}

// priced makes a product with a price.
func (b *bundle) priced(price commerce.Money, onHand int64) *commerce.Product {
	b.Helper()
	c := commerce.CreateProduct{Caller: commerce.Trusted("merchant"), Name: "a lamp", Price: price, OnHand: onHand}
	e := c.NewEntry(b.w.ID(), b.w.Epoch, time.Hour)
	b.apply(e)
	return e.Product.Row
}

func salesHuge(b *bundle) {
	p := b.priced(commerce.Money{Amount: commerce.PriceMax, Currency: commerce.DefaultCurrency()}, commerce.OnHandMax)
	const quantity, orders = 9000, 1100 // 9.9e18 in all: more than 2⁶³
	want := newSalesBook()
	var last *commerce.Order
	for placed := 0; placed < orders; placed += 100 {
		var entries []*commerce.Entry
		for range 100 {
			e := b.w.Order("ann", "", Line{p, quantity})
			entries = append(entries, e)
			want.addOrder(e.Order.Row)
			last = e.Order.Row
		}
		b.apply(entries...)
		if placed%500 == 0 {
			b.verify()
		}
	}
	want.check(b, always())
	want.dropOrder(last)
	want.addOrder(b.move(last, commerce.StatusCancelled))
	want.check(b, always())
	b.verify()
}

// salesBeside places an order and cancels the one before in each batch: whatever state a reader sees, as many orders
// are not cancelled and as many units are sold as at the beginning.
func salesBeside(b *bundle) {
	p := b.product(1_000_000)
	before := b.order("ann", "", Line{p, 3})
	var acknowledged atomic.Int64
	acknowledged.Store(1)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wait.Go(func() { errs[i] = watchSales(b, p, &acknowledged, stop) })
	}
	for i := range 120 {
		b.w.Advance(time.Duration(i%5) * 11 * time.Minute)
		placed := b.w.Order("ann", "", Line{p, 3})
		b.apply(placed, b.w.Transition(before, commerce.StatusCancelled, ""))
		before = placed.Order.Row
		acknowledged.Add(1)
	}
	close(stop)
	wait.Wait()
	require.NoError(b, errors.Join(errs...))
}

func watchSales(b *bundle, p *commerce.Product, acknowledged *atomic.Int64, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		least := acknowledged.Load()
		var orders, cancelled int64
		err := b.store.Sales(b.Context(), always(), func(c persistence.SalesCell) {
			orders += c.Orders
			if c.Status == commerce.StatusCancelled {
				cancelled += c.Orders
			}
		})
		most := acknowledged.Load() + 1
		if err != nil || orders-cancelled != 1 || orders < least || orders > most {
			return fmt.Errorf("%d orders, %d of them cancelled, where %d to %d had been placed: %w", orders, cancelled, least, most, err)
		}
		top, err := b.store.TopProducts(b.Context(), persistence.TopQuery{SalesRange: always(), Limit: 10})
		if err != nil || len(top) != 1 || top[0].Units != 3 || top[0].Revenue != persistence.SumOf(3*p.Price.Amount) {
			return fmt.Errorf("top products are %v: %w", top, err)
		}
		var units int64
		if err := b.store.ProductSales(b.Context(), p.ID, always(), func(c persistence.ProductCell) { units += c.Units }); err != nil || units != 3 {
			return fmt.Errorf("%d units of the product are sold: %w", units, err)
		}
	}
}

func salesForgotten(b *bundle) {
	t, ok := b.T.(*testing.T)
	require.True(b, ok)
	if b.place.Forget == nil {
		t.Log("not tried: this store cannot be made to forget its sums")
		return
	}
	_, orders := trade(b)
	b.place = b.place.Forget(b)
	b.store = b.place.Store
	b.openWriter()
	want := newSalesBook()
	p := b.product(1000)
	for i, o := range orders {
		// Of the older orders some move on while they are added up.
		if next := o.Status.Next(); i%2 == 0 && len(next) > 0 {
			o = b.move(o, next[len(next)-1])
		}
		want.addOrder(o)
		want.addOrder(b.order("ben", "", Line{p, 1}))
	}
	require.Eventually(b, func() bool {
		err := b.store.Sales(b.Context(), always(), func(persistence.SalesCell) {})
		if !errors.Is(err, persistence.ErrSalesPending) {
			require.NoError(b, err)
		}
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	want.check(b, always())
	b.verify()
}

// salesSurvive cuts the power again and again. What was committed and not added up yet must be found, also by a store
// that does not write.
func salesSurvive(b *bundle) {
	p := b.product(10_000)
	orders := make(map[commerce.ID]*commerce.Order)
	check := func() {
		want := newSalesBook()
		for _, o := range orders {
			want.addOrder(o)
		}
		want.check(b, always())
		b.verify()
	}
	for round := range 5 {
		for i := range 7 {
			o := b.order("ann", "", Line{p, int64(i + 1)})
			if i%3 == round%3 {
				o = b.move(o, commerce.StatusCancelled)
			}
			orders[o.ID] = o
			b.w.Advance(5 * time.Hour)
			if i == round {
				check()
			}
		}
		for _, o := range orders { // one of an earlier round, perhaps
			if next := o.Status.Next(); len(next) > 0 {
				orders[o.ID] = b.move(o, next[0])
				break
			}
		}
		b.crash()
		check()
		b.openWriter()
		check()
	}
}
