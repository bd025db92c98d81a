package http

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func TestPageLength(t *testing.T) {
	t.Parallel()
	orders := func(n, items int) []*commerce.Order {
		page := make([]*commerce.Order, n)
		for i := range page {
			page[i] = &commerce.Order{Items: make([]commerce.Item, items)}
		}
		return page
	}
	require.Zero(t, pageLength(nil, 10))
	require.Equal(t, 10, pageLength(orders(10, 1), 10))
	require.Equal(t, 10, pageLength(orders(11, 1), 10))
	require.Equal(t, 10, pageLength(orders(101, 200), 100), "2,000 items")
	require.Equal(t, 1, pageLength(orders(3, pageItemsMax+1), 100), "never an empty page")
}
