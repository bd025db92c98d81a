package http

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

func TestLists_HandOutCursorsAsLongAsThereIsMore(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.orders = func(q persistence.OrderQuery) ([]*commerce.Order, error) {
		var page []*commerce.Order
		for n := byte(9); n > 0 && len(page) < q.Limit; n-- {
			if o := sampleOrder(); q.Before.IsZero() || sampleID(n).Compare(q.Before) < 0 {
				o.ID = sampleID(n)
				page = append(page, o)
			}
		}
		return page, nil
	}
	cursor := wire.OrderCursor(sampleID(4))
	a := b.do(t, call{"GET", pathOrders + "?limit=6", "", nil})
	require.Contains(t, a.body, `"next_cursor":"`+cursor+`"`)
	require.Equal(t, 6, strings.Count(a.body, `"placed_at"`))
	a = b.do(t, call{"GET", pathOrders + "?limit=6&cursor=" + cursor, "", nil})
	require.Contains(t, a.body, `"next_cursor":null`)
	require.Equal(t, 3, strings.Count(a.body, `"placed_at"`))
	require.Contains(t, b.do(t, call{"GET", pathOrders + "?limit=9", "", nil}).body, `"next_cursor":null`)

	b.engine.seen()
	b.engine.movements = func(_ uint64, limit int) ([]commerce.Movement, error) {
		page := make([]commerce.Movement, limit)
		for i := range page {
			page[i].Level.Version = 100 - uint64(i)
		}
		return page, nil
	}
	cursor = wire.MovementCursor(98)
	a = b.do(t, call{"GET", productPath(2, "/stock/movements?limit=3"), "", nil})
	require.Contains(t, a.body, `"next_cursor":"`+cursor+`"`)
	b.do(t, call{"GET", productPath(2, "/stock/movements?limit=3&cursor="+cursor), "", nil})
	require.Equal(t, []any{movementsQuery{sampleID(2), 0, 4}, movementsQuery{sampleID(2), 98, 4}}, b.engine.seen())
}

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
