package http

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestServer_CarriesTheCorrelationID(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, id := range []string{"a", "A-1.b_2", strings.Repeat("x", 64)} {
		require.Equal(t, id, b.do(t, call{"GET", "/livez", "", []string{headerCorrelation, id}}).field(headerCorrelation))
	}
	seen := make(map[string]bool)
	for _, id := range []string{"", "a b", "a\tb", "é", strings.Repeat("x", 65), "a/b", `"`} {
		got := b.do(t, call{"GET", "/livez", "", []string{headerCorrelation, id}}).field(headerCorrelation)
		require.Len(t, got, 32, "%q is replaced", id)
		require.False(t, seen[got])
		seen[got] = true
	}
	a := b.do(t, call{"GET", orderPath(9, ""), "", []string{headerCorrelation, "mine"}})
	require.Contains(t, a.body, `"correlation_id":"mine"`)
}

func TestServer_MarksReplays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []call{
		{"POST", pathOrders, orderBody, nil},
		{"POST", pathProducts, productBody, nil},
		{"POST", productPath(2, "/stock/update?quantity_change=1"), "", nil},
		{"POST", orderPath(1, "/cancel"), "", nil},
	} {
		require.Empty(t, b.do(t, c).field("Idempotency-Replayed"))
	}
	b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) {
		return actors.OrderReceipt{Order: sampleOrder(), Replayed: true}, nil
	}
	b.engine.transitionOrder = func(*commerce.TransitionOrder) (actors.OrderReceipt, error) {
		return actors.OrderReceipt{Order: sampleOrder(), Replayed: true}, nil
	}
	b.engine.createProduct = func(*commerce.CreateProduct) (actors.ProductReceipt, error) {
		row := sampleRow()
		return actors.ProductReceipt{Product: row.Product, Stock: row.Stock, Replayed: true}, nil
	}
	b.engine.adjustStock = func(*commerce.AdjustStock) (actors.StockReceipt, error) {
		return actors.StockReceipt{Replayed: true}, nil
	}
	for _, c := range []struct {
		call   call
		status int
	}{
		{call{"POST", pathOrders, orderBody, nil}, 201},
		{call{"POST", pathProducts, productBody, nil}, 201},
		{call{"POST", productPath(2, "/stock/update?quantity_change=1"), "", nil}, 200},
		{call{"POST", orderPath(1, "/cancel"), "", nil}, 200},
	} {
		a := b.do(t, c.call)
		require.Equal(t, c.status, a.status)
		require.Equal(t, "true", a.field("Idempotency-Replayed"))
	}
}

func TestRead_IsBoundedByItsTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.QueryTimeout = 20 * time.Millisecond })
	b.engine.product = func(ctx context.Context, _ commerce.ID) (persistence.ProductRow, error) {
		<-ctx.Done()
		return persistence.ProductRow{}, ctx.Err()
	}
	a := b.do(t, call{"GET", productPath(2, ""), "", nil})
	require.Equal(t, 503, a.status)
	require.Contains(t, a.body, `"code":"store_unavailable"`)
}
