package http

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

func TestNew_NamesEveryFaultOfItsConfiguration(t *testing.T) {
	t.Parallel()
	_, err := New(Config{AccessLog: "some", BodyMax: 1, HeaderMax: -1, ConnectionsMax: -1, QueryTimeout: -1})
	for _, part := range []string{
		"Engine", "Logger", "Gatherer", "Registerer", "AccessLog", "BodyMax", "HeaderMax", "ConnectionsMax", "QueryTimeout",
	} {
		require.ErrorContains(t, err, part)
	}
	registry := prometheus.NewRegistry()
	cfg := Config{
		Engine: newFakeEngine(), Logger: slog.New(slog.DiscardHandler), Gatherer: registry, Registerer: registry,
	}
	_, err = New(cfg)
	require.NoError(t, err)
	_, err = New(cfg)
	require.ErrorContains(t, err, "register the metrics")
}

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
				[]string{cmd.Caller, cmd.Key, cmd.Address.Street, cmd.Note})
		case *commerce.CreateProduct:
			require.Equal(t, []string{"kim", "key-1", "Kettle", `{"colour":"red"}`}, []string{cmd.Caller, cmd.Key, cmd.Name, cmd.Attributes})
		case *commerce.AdjustStock:
			require.Equal(t, commerce.AdjustStock{Caller: "kim", Key: "key-1", Product: sampleID(2), Delta: -5, Reason: "sold"}, *cmd)
		case *commerce.TransitionOrder:
			require.Equal(t, []string{"kim", "key-1", "late"}, []string{cmd.Caller, cmd.Key, cmd.Reason})
		case *commerce.UpdateProduct:
			require.Equal(t, []string{"kim", "Pot", `{"colour":"red","a":"b"}`}, []string{cmd.Caller, *cmd.Name, *cmd.Attributes})
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

func TestListProducts_LinksItsPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	links := func(page string, total int) string {
		b.engine.products = func(actors.ProductQuery) (actors.ProductPage, error) { return actors.ProductPage{Total: total}, nil }
		a := b.do(t, call{"GET", pathProducts + "?category=a%26b&per_page=10" + page, "", nil})
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, itoa(int64(total)), a.field("X-Total-Count"))
		return a.field("Link")
	}
	link := func(page, rel string) string {
		return "</api/v2/products?category=a%26b&per_page=10&page=" + page + `>; rel="` + rel + `"`
	}
	require.Equal(t, link("1", "first")+", "+link("1", "last"), links("", 0))
	require.Equal(t, link("1", "first")+", "+link("2", "next")+", "+link("3", "last"), links("", 21))
	require.Equal(t, link("1", "first")+", "+link("1", "prev")+", "+link("3", "next")+", "+link("3", "last"), links("&page=2", 30))
	require.Equal(t, link("1", "first")+", "+link("2", "prev")+", "+link("3", "last"), links("&page=3", 25))
	require.Equal(t, link("1", "first")+", "+link("3", "prev")+", "+link("3", "last"), links("&page=99", 25))
	calls := b.engine.seen()
	require.Equal(t, 980, calls[len(calls)-1].(actors.ProductQuery).Offset)
}

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
	b.engine.movements = func(before uint64, limit int) ([]commerce.Movement, error) {
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

func TestChangeProduct_ThatFitsAnyVersionIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	changed := &commerce.Error{Code: commerce.CodePrecondition, Detail: "changed"}
	failures := 2
	b.engine.updateProduct = func(cmd *commerce.UpdateProduct) (actors.ProductReceipt, error) {
		if failures--; failures >= 0 {
			return actors.ProductReceipt{}, changed
		}
		row := sampleRow()
		return actors.ProductReceipt{Product: row.Product, Stock: row.Stock}, nil
	}
	any, version := []string{headerIfMatch, "*"}, []string{headerIfMatch, `"12-1"`}
	require.Equal(t, 200, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, any}).status)
	failures = 3
	require.Equal(t, 412, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, any}).status, "not for ever")
	failures = 1
	require.Equal(t, 412, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, version}).status, "not a change of one version")
	failures = 2
	require.Equal(t, 200, b.do(t, call{"DELETE", productPath(2, ""), "", nil}).status)

	b.engine.seen()
	archived := sampleRow()
	archived.Product.Archived = true
	b.engine.product = func(context.Context, commerce.ID) (persistence.ProductRow, error) { return archived, nil }
	a := b.do(t, call{"DELETE", productPath(2, ""), "", nil})
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `"archived":true`)
	require.Empty(t, b.engine.seen(), "archiving twice changes nothing")
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

func TestHealth_FollowsTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.health = func() actors.Health { return actors.Health{Store: "disk full", Writer: "stalled", Quarantined: 2} }
	a := b.do(t, call{"GET", "/health", "", nil})
	require.Equal(t, 503, a.status)
	for _, part := range []string{
		`"status":"unavailable"`, `"ready":false`, `"store":"disk full"`, `"writer":"stalled"`, `"quarantined":2`, `"version":"test"`,
	} {
		require.Contains(t, a.body, part)
	}
	require.Equal(t, 503, b.do(t, call{"GET", "/readyz", "", nil}).status)
	require.Equal(t, 200, b.do(t, call{"GET", "/livez", "", nil}).status)

	b.engine.health = func() actors.Health { return actors.Health{Ready: true, Store: "ok", Writer: "ok", Draining: true} }
	a = b.do(t, call{"GET", "/readyz", "", nil})
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"status":"draining"}`, a.body)
}

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

func TestVerify_RunsOneAtATimeAndEndsWithTheServer(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	running := make(chan struct{})
	b.engine.verify = func(ctx context.Context) (*persistence.Report, error) {
		close(running)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	verify := call{"POST", pathAPI + "/admin/verify", "", nil}
	first := make(chan answer, 1)
	go func() { first <- b.do(t, verify) }()
	<-running
	second := b.do(t, verify)
	require.Equal(t, 429, second.status)
	require.Equal(t, "5", second.field("Retry-After"))
	require.Contains(t, second.body, `"code":"too_many_requests"`)
	require.NoError(t, b.server.Shutdown(t.Context()))
	require.Equal(t, 503, (<-first).status)
}

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
		order.Customer, order.Note = cmd.Caller, cmd.Key
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

var _ net.Conn = (*connection)(nil)
