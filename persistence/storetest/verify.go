package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func verifyClaims() []claim {
	return []claim{
		{"sound books verify, and are counted", verifySound},
		{"stock is the sum of what applied", verifyStock},
		{"verify tells how far it is", verifyProgress},
		{"verify finds every corruption", verifyFinds},
	}
}

// trade leaves products, stock changes and orders in every state behind.
func trade(b *bundle) (products []*commerce.Product, orders []*commerce.Order) {
	for range 4 {
		e := b.w.Product(b.w.SKU(), 100)
		b.apply(e)
		products = append(products, e.Product.Row)
	}
	b.apply(b.w.Adjust(products[0].ID, -7, "adjust"), rename(b, products[1], "a better lamp"))
	path := []commerce.Status{
		commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted,
	}
	for i := range 12 {
		o := b.order([]string{"ann", "ben"}[i%2], b.w.SKU(), Line{products[i%4], 1}, Line{products[(i+1)%4], 2})
		for _, to := range path[:i%len(path)] {
			b.w.Advance(time.Second)
			o = b.move(o, to)
		}
		if i%6 == 0 {
			o = b.move(o, commerce.StatusCancelled)
		}
		orders = append(orders, o)
	}
	return products, orders
}

func verifySound(b *bundle) {
	trade(b)
	report := b.verify()
	require.EqualValues(b, 4, report.Products)
	require.EqualValues(b, 12, report.Orders)
	require.EqualValues(b, 13, report.Keys)
	require.EqualValues(b, 4+1+12*2+2*(2+2+2), report.Movements, "initial, adjusted, placed, shipped or cancelled")
	require.WithinDuration(b, time.Now(), report.At, time.Minute)
}

func verifyStock(b *bundle) {
	p := b.product(10)
	placed := b.w.Order("ann", "key", Line{p, 1})
	b.commit(placed, b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "key", Line{p, 2}), b.w.Order("ben", "", Line{p, 10}))
	b.verify()
	b.commit(b.w.Adjust(p.ID, 1, ""))
	b.verify()
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 11, Allocated: 1, Version: 3}, b.stock(p.ID))
}

func verifyProgress(b *bundle) {
	trade(b)
	var last int64
	report, err := b.store.Verify(b.Context(), func(rows int64) {
		require.GreaterOrEqual(b, rows, last)
		last = rows
	})
	require.NoError(b, err)
	require.GreaterOrEqual(b, last, report.Products+report.Orders+report.Movements+report.Events+report.Keys)
}

func verifyFinds(b *bundle) {
	t, ok := b.T.(*testing.T)
	require.True(b, ok)
	if b.place.Corrupt == nil {
		t.Log("not tried: rows cannot be changed behind this store's back")
		return
	}
	require.NotEmpty(b, b.place.Corruptions)
	kinds := faultKinds()
	for _, corruption := range b.place.Corruptions {
		require.Contains(b, kinds, corruption)
		t.Run(string(corruption), func(t *testing.T) {
			t.Parallel()
			setup(t, b.open).corrupt(corruption, kinds[corruption])
		})
	}
}

func (b *bundle) corrupt(corruption Corruption, kind string) {
	products, orders := trade(b)
	b.verify()
	id := orders[2].ID
	switch corruption {
	case StockRowOff, StockRowGone, LedgerLineGone, LedgerLineTwice:
		id = products[2].ID
	}
	b.place.Corrupt(b, corruption, id)
	report, err := b.store.Verify(b.Context(), nil)
	require.NoError(b, err)
	kinds := make(map[string]string)
	for _, f := range report.Faults {
		kinds[f.Kind] = f.Detail
	}
	require.Contains(b, kinds, kind, "faults: %v", report.Faults)
}
