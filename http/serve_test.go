package http

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

func TestServer_SendsNothingThatNamesIt(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	back := b.raw(t, "GET /api/v2/orders/"+sampleID(1).String()+" HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"1\"\r\nConnection: close\r\n\r\n")
	require.True(t, strings.HasPrefix(back, "HTTP/1.1 304 "), back)
	require.NotContains(t, back, "\nContent-Type")
	require.NotContains(t, back, "Server")
	require.NotContains(t, strings.ToLower(back), "fasthttp")
}

// Many connections at once: the pooled requests never mix.
func TestServer_KeepsRequestsApart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.AccessLog = AccessLogOff })
	b.engine.placeOrder = func(cmd *commerce.PlaceOrder) (actors.OrderReceipt, error) {
		order := sampleOrder()
		order.Customer, order.Note = cmd.Caller.Customer, cmd.Key
		return actors.OrderReceipt{Order: order}, nil
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				caller, key := "caller-"+itoa(int64(worker)), itoa(int64(i))
				a := b.do(t, call{"POST", pathOrders, orderBody, []string{
					headerCaller, caller, headerIdempotencyKey, key, headerCorrelation, caller + "." + key,
				}})
				require.Equal(t, 201, a.status)
				require.Equal(t, caller+"."+key, a.field(headerCorrelation))
				require.Contains(t, a.body, `"customer_id":"`+caller+`"`)
				require.Contains(t, a.body, `"note":"`+key+`"`)
			}
		})
	}
	wg.Wait()
}
