package storetest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func readClaims() []claim {
	return []claim{
		{"what is not there is not found", nothingFound},
		{"an order reads as it was written, and as each transition left it", orderRead},
		{"a product reads as it was written, with every field", productRead},
		{"products are listed in id order, with their stock", productsListed},
		{"orders are listed newest first, by any mix of filters", ordersListed},
		{"orders are paged without a gap or a repeat", ordersPaged},
		{"date ranges are exact", ordersDated},
		{"the ledger reads newest first, page by page", movementsRead},
		{"events read in order, from any number on", eventsRead},
		{"bound keys are found among others", keysRead},
		{"bound keys are listed without a gap, those that have expired left out", keysListed},
		{"texts read as they were written, whatever they hold", textsRead},
		{"limits are kept", limitsKept},
		{"every read shows what Commit has answered", readYourCommit},
		{"readers never see half an entry, nor one that is taken back", readersBeside},
		{"health and metrics are told", healthTold},
	}
}

func nothingFound(b *bundle) {
	id := b.w.ID()
	_, err := b.store.Product(b.Context(), id)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	_, err = b.store.ProductBySKU(b.Context(), "X")
	require.ErrorIs(b, err, persistence.ErrNotFound)
	_, err = b.store.Stock(b.Context(), id)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	_, err = b.store.Order(b.Context(), id)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	_, err = b.store.Movement(b.Context(), id, 1)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	for _, read := range []func() (int, error){
		func() (int, error) {
			rows, err := b.store.Products(b.Context(), commerce.ID{}, 10)
			return len(rows), err
		},
		func() (int, error) {
			rows, err := b.store.Orders(b.Context(), persistence.OrderQuery{Limit: 10})
			return len(rows), err
		},
		func() (int, error) { rows, err := b.store.Events(b.Context(), id, 0, 10); return len(rows), err },
		func() (int, error) { rows, err := b.store.Movements(b.Context(), id, 0, 10); return len(rows), err },
		func() (int, error) {
			rows, err := b.store.Keys(b.Context(), []commerce.KeyID{{1}})
			return len(rows), err
		},
	} {
		n, err := read()
		require.NoError(b, err)
		require.Zero(b, n)
	}
	b.verify()
}

func orderRead(b *bundle) {
	p, q := b.product(10), b.product(10)
	o := b.order("ann", "key", Line{p, 3}, Line{q, 4})
	at := func(to commerce.Status) {
		got, err := b.store.Order(b.Context(), o.ID)
		require.NoError(b, err)
		require.Equal(b, o, got)
		require.Equal(b, to, got.Status)
	}
	at(commerce.StatusPending)
	for _, to := range []commerce.Status{
		commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted,
	} {
		b.w.Advance(time.Minute)
		if to == commerce.StatusProcessing {
			b.verify()
		}
		o = b.move(o, to)
		at(to)
	}
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 7, Version: 3}, b.stock(p.ID))
	b.verify()
	at(commerce.StatusCompleted)
}

func productRead(b *bundle) {
	c := commerce.CreateProduct{
		Caller: commerce.Trusted("merchant"), Name: "Läuferlampe 조명 💡", Description: "two\nlines", Category: "lamps & co", SKU: "ü-1",
		Price: commerce.Money{Amount: commerce.PriceMax, Currency: commerce.Currency{'U', 'S', 'D'}}, Attributes: `{"a":[1,2]}`, OnHand: 0,
	}
	e := c.NewEntry(b.w.ID(), b.w.Epoch, time.Hour)
	b.apply(e)
	archive := commerce.UpdateProduct{Caller: commerce.Trusted("merchant"), Product: e.Product.Row.ID, Version: 1, Archive: true}
	archived, err := archive.NewEntry(e.Product.Row, b.w.Now().Add(time.Nanosecond))
	require.NoError(b, err)
	check := func(want *commerce.Product) {
		got, err := b.store.Product(b.Context(), want.ID)
		require.NoError(b, err)
		requireSameProduct(b, want, got)
		got, err = b.store.ProductBySKU(b.Context(), want.SKU)
		require.NoError(b, err)
		requireSameProduct(b, want, got)
	}
	check(e.Product.Row)
	b.verify()
	check(e.Product.Row)
	b.apply(archived)
	check(archived.Product.Row)
	b.verify()
	check(archived.Product.Row)
}

// requireSameProduct allows a store to keep times to the microsecond.
func requireSameProduct(t T, want, got *commerce.Product) {
	t.Helper()
	w, g := *want, *got
	require.WithinDuration(t, w.UpdatedAt, g.UpdatedAt, time.Microsecond)
	g.UpdatedAt = w.UpdatedAt
	require.Equal(t, w, g)
}

func productsListed(b *bundle) {
	var want []persistence.ProductRow
	for i := range 25 {
		p := b.product(int64(i))
		want = append(want, persistence.ProductRow{Product: p, Stock: commerce.Stock{Product: p.ID, OnHand: int64(i), Version: 1}})
		b.w.Advance(time.Millisecond)
	}
	var got []persistence.ProductRow
	after := commerce.ID{}
	for {
		rows, err := b.store.Products(b.Context(), after, 10)
		require.NoError(b, err)
		if len(rows) == 0 {
			break
		}
		require.LessOrEqual(b, len(rows), 10)
		got = append(got, rows...)
		after = rows[len(rows)-1].Product.ID
	}
	require.Equal(b, want, got)
}

// orderBook is what the store should answer, kept as a plain list.
type orderBook struct {
	orders []*commerce.Order // by id
}

func (o *orderBook) put(order *commerce.Order) {
	i, found := slices.BinarySearchFunc(o.orders, order, func(a, b *commerce.Order) int { return a.ID.Compare(b.ID) })
	if found {
		o.orders[i] = order
	} else {
		o.orders = slices.Insert(o.orders, i, order)
	}
}

func (o *orderBook) query(q persistence.OrderQuery) []*commerce.Order {
	var out []*commerce.Order
	for i := len(o.orders) - 1; i >= 0 && len(out) < q.Limit; i-- {
		order := o.orders[i]
		if (q.Before.IsZero() || order.ID.Compare(q.Before) < 0) && q.Matches(order) {
			out = append(out, order)
		}
	}
	return out
}

// book places orders of several customers, products, states and times.
func book(b *bundle) (*orderBook, []*commerce.Product, time.Time) {
	products := []*commerce.Product{b.product(1000), b.product(1000), b.product(1000)}
	start := b.w.Now()
	book := &orderBook{}
	for i := range 60 {
		lines := []Line{{products[i%3], 1}}
		if i%4 == 0 {
			lines = append(lines, Line{products[(i+1)%3], 2})
		}
		// One customer's name starts with another's: an index must not mix them up.
		o := b.order([]string{"ann", "an", "ben"}[i%3%2+i%2], "", lines...)
		switch i % 5 {
		case 1:
			o = b.move(o, commerce.StatusPaid)
		case 2:
			o = b.move(b.move(o, commerce.StatusPaid), commerce.StatusProcessing)
		case 3:
			o = b.move(o, commerce.StatusCancelled)
		}
		book.put(o)
		if i == 30 {
			b.verify()
		}
		b.w.Advance(time.Duration(i%3) * time.Millisecond)
	}
	return book, products, start
}

func ordersListed(b *bundle) {
	book, products, start := book(b)
	for _, status := range []commerce.Status{0, commerce.StatusPending, commerce.StatusPaid, commerce.StatusCancelled, commerce.StatusCompleted} {
		for _, customer := range []string{"", "an", "ann", "ben", "nobody"} {
			for _, product := range []commerce.ID{{}, products[0].ID, products[2].ID, {1}} {
				for _, from := range []time.Time{{}, start.Add(20 * time.Millisecond)} {
					q := persistence.OrderQuery{Status: status, Customer: customer, Product: product, From: from, Limit: 100}
					got, err := b.store.Orders(b.Context(), q)
					require.NoError(b, err)
					require.Equal(b, book.query(q), got, "%+v", q)
				}
			}
		}
	}
}

func ordersPaged(b *bundle) {
	book, products, _ := book(b)
	for _, q := range []persistence.OrderQuery{
		{Limit: 7},
		{Limit: 7, Status: commerce.StatusPending},
		{Limit: 7, Customer: "ann"},
		{Limit: 7, Product: products[1].ID},
		{Limit: 1, Product: products[1].ID, Customer: "ann"},
	} {
		var got []*commerce.Order
		for {
			page, err := b.store.Orders(b.Context(), q)
			require.NoError(b, err)
			if len(page) == 0 {
				break
			}
			require.LessOrEqual(b, len(page), q.Limit)
			got = append(got, page...)
			q.Before = page[len(page)-1].ID
			// What is placed while someone pages does not shift the pages.
			b.order("ann", "", Line{products[1], 1})
		}
		q.Before, q.Limit = commerce.ID{}, 1000
		want := book.query(q)
		require.Equal(b, want, got[len(got)-len(want):])
		all, err := b.store.Orders(b.Context(), persistence.OrderQuery{Limit: 1000})
		require.NoError(b, err)
		for _, o := range all {
			book.put(o)
		}
	}
}

func ordersDated(b *bundle) {
	book, _, start := book(b)
	end := b.w.Now()
	for from := start.Add(-time.Millisecond); from.Before(end); from = from.Add(3 * time.Millisecond) {
		for _, shift := range []time.Duration{0, time.Nanosecond, time.Millisecond - 1} {
			for _, length := range []time.Duration{0, time.Nanosecond, 5 * time.Millisecond, time.Hour} {
				q := persistence.OrderQuery{From: from.Add(shift), To: from.Add(shift + length), Limit: 100}
				got, err := b.store.Orders(b.Context(), q)
				require.NoError(b, err)
				require.Equal(b, book.query(q), got, "from %v to %v", q.From, q.To)
			}
		}
	}
}

func movementsRead(b *bundle) {
	p, other := b.product(100), b.product(100)
	var want []commerce.Movement
	first, err := b.store.Movement(b.Context(), p.ID, 1)
	require.NoError(b, err)
	require.Equal(b, commerce.ReasonInitial, first.Reason)
	want = append(want, first)
	for i := range 30 {
		e := b.w.Adjust(p.ID, int64(i%3)-4, "")
		if i%2 == 0 {
			e = b.w.Order("ann", "", Line{p, 1}, Line{other, 1})
		}
		b.apply(e)
		for _, m := range e.Movements {
			if m.Product == p.ID {
				want = append(want, m)
			}
		}
		if i == 15 {
			b.verify()
		}
	}
	slices.Reverse(want)
	var got []commerce.Movement
	before := uint64(0)
	for {
		page, err := b.store.Movements(b.Context(), p.ID, before, 7)
		require.NoError(b, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		before = page[len(page)-1].Level.Version
	}
	require.Equal(b, want, got)
	for _, m := range want {
		line, err := b.store.Movement(b.Context(), p.ID, m.Level.Version)
		require.NoError(b, err)
		require.Equal(b, m, line)
	}
}

func eventsRead(b *bundle) {
	p := b.product(10)
	placed := b.w.Order("ann", "", Line{p, 1})
	b.apply(placed)
	o := placed.Order.Row
	want := []commerce.Event{*placed.Event}
	for _, to := range []commerce.Status{commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped} {
		c := commerce.TransitionOrder{Caller: commerce.Trusted("clerk"), Order: o.ID, To: to, Note: "handled", Carrier: "CJ", TrackingNumber: "123"}
		e, err := c.NewEntry(o, b.w.Now(), func(commerce.ID) uint64 { return b.w.Epoch }, time.Hour)
		require.NoError(b, err)
		b.apply(e)
		o = e.Order.Row
		want = append(want, *e.Event)
	}
	for after := range uint64(5) {
		got, err := b.store.Events(b.Context(), o.ID, after, 2)
		require.NoError(b, err)
		require.Equal(b, want[min(after, 4):min(after+2, 4)], append([]commerce.Event{}, got...))
	}
	events, err := b.store.Events(b.Context(), p.ID, 0, 10)
	require.NoError(b, err)
	require.Len(b, events, 1)
	require.Equal(b, commerce.EventProductCreated, events[0].Type)
	require.Equal(b, p, events[0].Product)
}

func keysRead(b *bundle) {
	p := b.product(100)
	var want []commerce.KeyBinding
	var ask []commerce.KeyID
	for i := range 20 {
		e := b.w.Order("ann", fmt.Sprint(i), Line{p, 1})
		b.apply(e)
		want = append(want, *e.Key)
		ask = append(ask, e.Key.ID, commerce.NewKeyID(commerce.Trusted("ben"), commerce.OperationPlaceOrder, commerce.ID{}, fmt.Sprint(i)))
	}
	for range 2 { // from memory, then from the tables
		got, err := b.store.Keys(b.Context(), ask)
		require.NoError(b, err)
		require.ElementsMatch(b, want, got)
		b.verify()
	}
}

func limitsKept(b *bundle) {
	p := b.product(commerce.OnHandMax)
	var entries []*commerce.Entry
	for range 500 {
		entries = append(entries, b.w.Order("ann", "", Line{p, 1}))
	}
	b.apply(entries...)
	for i, e := range entries {
		entries[i] = b.w.Order("ann", "", Line{p, 1})
		_ = e
	}
	b.apply(append(entries, b.w.Adjust(p.ID, -1, ""))...)
	for _, limit := range []int{0, 1, persistence.PageMax, persistence.PageMax + 1} {
		orders, err := b.store.Orders(b.Context(), persistence.OrderQuery{Limit: limit})
		require.NoError(b, err)
		require.Len(b, orders, min(limit, persistence.PageMax))
		lines, err := b.store.Movements(b.Context(), p.ID, 0, limit)
		require.NoError(b, err)
		require.Len(b, lines, min(limit, persistence.PageMax))
	}
	newest, err := b.store.Movements(b.Context(), p.ID, math.MaxUint64, 1)
	require.NoError(b, err)
	require.EqualValues(b, 1+2*500+1, newest[0].Level.Version)
	_, err = b.store.Movement(b.Context(), p.ID, math.MaxUint64)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	events, err := b.store.Events(b.Context(), p.ID, math.MaxUint64, 1)
	require.NoError(b, err)
	require.Empty(b, events)
}

func readYourCommit(b *bundle) {
	p := b.product(1000)
	for i := range 40 {
		e := b.w.Order("ann", fmt.Sprint(i), Line{p, 1})
		b.apply(e)
		o := e.Order.Row
		for _, q := range []persistence.OrderQuery{
			{}, {Customer: "ann"}, {Status: commerce.StatusPending}, {Product: p.ID}, {From: o.PlacedAt}, {To: o.PlacedAt.Add(1)},
		} {
			q.Limit = 1
			got, err := b.store.Orders(b.Context(), q)
			require.NoError(b, err)
			require.Equal(b, []*commerce.Order{o}, got, "%+v", q)
		}
		lines, err := b.store.Movements(b.Context(), p.ID, 0, 1)
		require.NoError(b, err)
		require.Equal(b, e.Movements, lines)
		events, err := b.store.Events(b.Context(), o.ID, 0, 10)
		require.NoError(b, err)
		require.Equal(b, []commerce.Event{*e.Event}, events)
		rows, err := b.store.Products(b.Context(), commerce.ID{}, 10)
		require.NoError(b, err)
		require.Equal(b, []persistence.ProductRow{{Product: p, Stock: e.Movements[0].Level}}, rows)
	}
}

func healthTold(b *bundle) {
	require.NoError(b, b.store.Health(b.Context()))
	b.order("ann", "", Line{b.product(1), 1})
	seen := make(map[string]bool)
	for _, m := range b.store.Metrics() {
		require.NotEmpty(b, m.Name)
		require.NotEmpty(b, m.Help)
		require.False(b, seen[m.Name], "%s twice", m.Name)
		require.GreaterOrEqual(b, m.Value, 0.0, m.Name)
		seen[m.Name] = true
	}
	require.NotEmpty(b, seen)
}
