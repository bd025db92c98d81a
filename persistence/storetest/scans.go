package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func scanClaims() []claim {
	return []claim{
		{"a scan visits what a list of any length would show", scanFiltered},
		{"a scan shows one moment, whatever is placed meanwhile", scanOneView},
		{"a scan goes on after any order", scanResumed},
		{"a scan ends when its visitor or its context does", scanEnded},
	}
}

func (b *bundle) scan(q persistence.OrderQuery) (orders []*commerce.Order) {
	b.Helper()
	require.NoError(b, b.store.ScanOrders(b.Context(), q, func(o *commerce.Order) error {
		kept := *o // the store uses its memory again
		kept.Items = slices.Clone(o.Items)
		orders = append(orders, &kept)
		return nil
	}))
	return orders
}

func scanFiltered(b *bundle) {
	book, products, start := book(b)
	for _, q := range []persistence.OrderQuery{
		{},
		{Status: commerce.StatusPaid},
		{Customer: "ann"},
		{Product: products[1].ID},
		{Customer: "an", Product: products[0].ID},
		{From: start.Add(5e6), To: start.Add(20e6)},
		{Status: commerce.StatusCancelled, Product: products[2].ID},
		{Customer: "nobody"},
	} {
		got := b.scan(q)
		q.Limit = 1000
		require.Equal(b, book.query(q), got, "%+v", q)
	}
}

func scanOneView(b *bundle) {
	p := b.product(100_000)
	want := 0
	for range 3 { // more than is read at once
		var entries []*commerce.Entry
		for range 400 {
			entries = append(entries, b.w.Order("ann", "", Line{p, 1}))
			want++
		}
		b.apply(entries...)
	}
	seen := 0
	require.NoError(b, b.store.ScanOrders(b.Context(), persistence.OrderQuery{}, func(o *commerce.Order) error {
		if seen++; seen%300 == 1 {
			b.order("ben", "", Line{p, 1})
			b.move(o, commerce.StatusPaid)
		}
		if o.Customer != "ann" || o.Status != commerce.StatusPending {
			return errors.New("an order was seen that came later")
		}
		return nil
	}))
	require.Equal(b, want, seen)
}

func scanResumed(b *bundle) {
	book, _, _ := book(b)
	all := book.query(persistence.OrderQuery{Limit: 1000})
	for i := 0; i < len(all); i += 13 {
		require.Equal(b, all[i+1:], b.scan(persistence.OrderQuery{Before: all[i].ID}))
	}
}

func scanEnded(b *bundle) {
	_, _, _ = book(b)
	enough := errors.New("enough")
	seen := 0
	err := b.store.ScanOrders(b.Context(), persistence.OrderQuery{}, func(*commerce.Order) error {
		if seen++; seen == 3 {
			return enough
		}
		return nil
	})
	require.ErrorIs(b, err, enough)
	require.Equal(b, 3, seen)
	ctx, cancel := context.WithCancel(b.Context())
	seen = 0
	err = b.store.ScanOrders(ctx, persistence.OrderQuery{}, func(*commerce.Order) error {
		seen++
		cancel()
		return nil
	})
	require.ErrorIs(b, err, context.Canceled)
	require.Equal(b, 1, seen)
	require.Len(b, b.scan(persistence.OrderQuery{}), 60)
}
