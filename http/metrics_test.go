package http

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics_CountRequestsByRouteAndClass(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.do(t, call{"POST", pathOrders, orderBody, nil})
	b.do(t, call{"POST", pathOrders, `{}`, nil})
	b.do(t, call{"GET", orderPath(1, ""), "", nil})
	b.do(t, call{"GET", "/nowhere", "", nil})
	a := b.do(t, call{"GET", "/metrics?format=prometheus", "", nil})
	require.Equal(t, 200, a.status)
	require.True(t, strings.HasPrefix(a.field("Content-Type"), "text/plain; version=0.0.4"), a.field("Content-Type"))
	for _, line := range []string{
		`penstock_http_requests_total{method="POST",route="/api/v2/orders",status="2xx"} 1`,
		`penstock_http_requests_total{method="POST",route="/api/v2/orders",status="4xx"} 1`,
		`penstock_http_requests_total{method="GET",route="/api/v2/orders/{id}",status="2xx"} 1`,
		`penstock_http_requests_total{method="",route="none",status="4xx"} 1`,
		`penstock_http_request_duration_seconds_count{method="POST",route="/api/v2/orders"} 2`,
		`penstock_http_requests_in_flight 1`,
		`penstock_http_connections 1`,
	} {
		require.Contains(t, a.body, "\n"+line+"\n")
	}
}
