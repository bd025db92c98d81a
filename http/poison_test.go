package http

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The server overwrites each request after its handler (PoisonBuffers): what the engine has kept
// must be whole all the same.
func TestServer_HandsOutCopies(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	headers := []string{headerCaller, "kim", headerIdempotencyKey, "key-1"}
	for range 20 {
		b.do(t, call{"POST", pathOrders, orderBody, headers})
		b.do(t, call{"POST", pathProducts, productBody, headers})
		b.do(t, call{"POST", productPath(2, "/stock/update?quantity_change=-5&reason=sold"), "", headers})
		b.do(t, call{"POST", orderPath(1, "/cancel?reason=late"), "", headers})
		b.do(t, call{"PATCH", productPath(2, ""), `{"name":"Pot","attributes":{"a":"b"}}`, append(headers, headerIfMatch, "*")})
		b.do(t, call{"GET", pathProducts + "?category=kitchen&sku=K-1&min_price=5&max_price=7", "", nil})
		b.do(t, call{"GET", pathOrders + "?customer_id=kim&start_date=2026-07-14", "", nil})
	}
	calls := b.engine.seen()
	require.Len(t, calls, 140)
	for _, asked := range calls {
		switch cmd := asked.(type) {
		case *commerce.PlaceOrder:
			require.Equal(t, []string{"kim", "key-1", "1 Teheran-ro", "leave at the door"},
				[]string{cmd.Caller.Subject, cmd.Key, cmd.Address.Street, cmd.Note})
		case *commerce.CreateProduct:
			require.Equal(t, []string{"kim", "key-1", "Kettle", `{"colour":"red"}`}, []string{cmd.Caller.Subject, cmd.Key, cmd.Name, cmd.Attributes})
		case *commerce.AdjustStock:
			require.Equal(t, commerce.AdjustStock{Caller: commerce.Trusted("kim"), Correlation: cmd.Correlation, Key: "key-1", Product: sampleID(2), Delta: -5, Reason: "sold"}, *cmd)
		case *commerce.TransitionOrder:
			require.Equal(t, []string{"kim", "key-1", "late"}, []string{cmd.Caller.Subject, cmd.Key, cmd.Reason})
		case *commerce.UpdateProduct:
			require.Equal(t, []string{"kim", "Pot", `{"colour":"red","a":"b"}`}, []string{cmd.Caller.Subject, *cmd.Name, *cmd.Attributes})
		case actors.ProductQuery:
			require.Equal(t, []any{"kitchen", "K-1", int64(5), int64(7)}, []any{cmd.Category, cmd.SKU, *cmd.PriceMin, *cmd.PriceMax})
		case persistence.OrderQuery:
			require.Equal(t, "kim", cmd.Customer)
			require.Equal(t, "2026-07-14", cmd.From.Format(time.DateOnly))
		default:
			t.Fatalf("%T", asked)
		}
	}
}
