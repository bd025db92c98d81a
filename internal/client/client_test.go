package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
)

// serve answers requests with handle until the test ends, and returns a client of it that repeats
// without much waiting.
func serve(t *testing.T, handle fasthttp.RequestHandler) *client.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &fasthttp.Server{Handler: handle}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown())
		require.NoError(t, <-ended)
	})
	return newClient(t, "http://"+listener.Addr().String())
}

func newClient(t *testing.T, target string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{
		Target: target, User: "tester", Timeout: 10 * time.Second,
		Retry: client.Retry{AttemptsMax: 3, WaitMin: time.Microsecond, WaitMax: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func refuse(ctx *fasthttp.RequestCtx, status int, code commerce.Code) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	ctx.SetBodyString(`{"title":"No","status":1,"detail":"because","code":"` + string(code) +
		`","errors":[{"pointer":"/price","detail":"must be less"}]}`)
}

func TestACommandCarriesItsKeyAndItsCaller(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Request.Header
		got <- strings.Join([]string{
			string(ctx.Method()), string(ctx.RequestURI()), string(h.Peek("X-User-ID")),
			string(h.Peek("Idempotency-Key")), string(h.ContentType()), string(ctx.PostBody()),
		}, " ")
		ctx.Response.Header.Set("Idempotency-Replayed", "true")
		ctx.SetStatusCode(201)
		ctx.SetBodyString(`{"id":"x"}`)
	})
	answer, err := c.CreateProduct(t.Context(), &commerce.CreateProduct{
		Key: "key-1", Name: "cup", Price: commerce.Money{Amount: 3, Currency: commerce.DefaultCurrency()}, SKU: "a",
	})
	require.NoError(t, err)
	require.Equal(t, client.Answer{Body: []byte(`{"id":"x"}`), Replayed: true, Attempts: 1}, answer)
	require.Equal(t, `POST /api/v2/products tester key-1 application/json {"name":"cup","description":"","price":3,"currency":"KRW","sku":"a","stock_quantity":0,"attributes":{}}`, <-got)
}

func TestWhatMaySucceedLaterIsRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   commerce.Code
	}{
		{429, "too_many_requests"},
		{503, commerce.CodeOverloaded},
		{503, commerce.CodeOutcomeUnknown},
		{409, commerce.CodeIdempotencyInFlight},
	} {
		t.Run(string(tt.code), func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c := serve(t, func(ctx *fasthttp.RequestCtx) {
				if string(ctx.Request.Header.Peek("Idempotency-Key")) != "k" {
					refuse(ctx, 400, commerce.CodeValidation)
					return
				}
				if asked.Add(1) < 3 {
					refuse(ctx, tt.status, tt.code)
					return
				}
				ctx.SetStatusCode(201)
			})
			answer, err := c.PlaceOrder(t.Context(), &commerce.PlaceOrder{Key: "k"})
			require.NoError(t, err)
			require.Equal(t, 3, answer.Attempts)
		})
	}
}

func TestARefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		asked.Add(1)
		refuse(ctx, 409, commerce.CodeInsufficientStock)
	})
	_, err := c.PlaceOrder(t.Context(), &commerce.PlaceOrder{Key: "k"})
	require.Equal(t, commerce.CodeInsufficientStock, client.CodeOf(err))
	require.Equal(t, "409 insufficient_stock: because: /price must be less", err.Error())
	require.False(t, client.IsUnavailable(err))
	require.EqualValues(t, 1, asked.Load())
}

func TestAQuarantinedProductIsNoReasonToWait(t *testing.T) {
	t.Parallel()
	c := serve(t, func(ctx *fasthttp.RequestCtx) { refuse(ctx, 503, commerce.CodeQuarantined) })
	answer, err := c.PlaceOrder(t.Context(), &commerce.PlaceOrder{Key: "k"})
	require.Equal(t, commerce.CodeQuarantined, client.CodeOf(err))
	require.False(t, client.IsUnavailable(err))
	require.Equal(t, 1, answer.Attempts)
}

func TestRepetitionIsBounded(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		asked.Add(1)
		ctx.Response.Header.Set("Retry-After", "3600") // heeded up to WaitMax only
		refuse(ctx, 503, commerce.CodeStoreUnavailable)
	})
	answer, err := c.PlaceOrder(t.Context(), &commerce.PlaceOrder{Key: "k"})
	require.Equal(t, commerce.CodeStoreUnavailable, client.CodeOf(err))
	require.True(t, client.IsUnavailable(err))
	require.Equal(t, 3, answer.Attempts)
	require.EqualValues(t, 3, asked.Load())
	var problem *client.ProblemError
	require.ErrorAs(t, err, &problem)
	require.Equal(t, time.Hour, problem.RetryAfter)
}

func TestAnAnswerThatIsNoProblemIsShown(t *testing.T) {
	t.Parallel()
	c := serve(t, func(ctx *fasthttp.RequestCtx) { ctx.Error("wrong door", 404) })
	_, err := c.Verify(t.Context())
	require.EqualError(t, err, "404: wrong door")
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	target := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())

	_, err = newClient(t, target).Verify(t.Context())
	var unavailable *client.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.True(t, client.IsUnavailable(err))
	require.Contains(t, err.Error(), "no answer from "+target+" after 3 attempts")
}

func TestTheContextEndsRepetition(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	c := serve(t, func(request *fasthttp.RequestCtx) {
		cancel(enough)
		refuse(request, 503, commerce.CodeOverloaded)
	})
	_, err := c.PlaceOrder(ctx, &commerce.PlaceOrder{Key: "k"})
	require.ErrorIs(t, err, enough)
}

func TestProductsReadsAPage(t *testing.T) {
	t.Parallel()
	id := commerce.IDFloor(time.Unix(1_700_000_000, 0))
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.RequestURI()) == "/api/v2/products?page=2&per_page=100&sort=oldest" {
			ctx.SetBodyString(`{"products":[{"id":"` + id.String() + `","sku":"s","name":"n"}],"total":101}`)
		}
	})
	products, total, err := c.Products(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, 101, total)
	require.Equal(t, []client.Product{{ID: id, SKU: "s"}}, products)

	_, _, err = c.Products(t.Context(), 1)
	require.ErrorContains(t, err, "read the answer to GET /api/v2/products?page=1")
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"http://127.0.0.1:8000":        "http://127.0.0.1:8000",
		"http://127.0.0.1:8000/":       "http://127.0.0.1:8000",
		"https://shop.example/prefix/": "https://shop.example/prefix",
	} {
		c, err := client.New(client.Config{Target: target})
		require.NoError(t, err)
		require.Equal(t, want, c.Target())
	}
	for target, want := range map[string]string{
		"127.0.0.1:8000":       "is not a URL",
		"localhost":            "must begin with http:// or https://",
		"ftp://x":              "must begin with http:// or https://",
		"http://":              "names no host",
		"http://x?y=z":         "must hold nothing but scheme, host, port and path",
		"http://user@x":        "must hold nothing but scheme, host, port and path",
		"http://a b.example/x": "is not a URL",
	} {
		_, err := client.New(client.Config{Target: target})
		var fault *client.TargetError
		require.ErrorAs(t, err, &fault, target)
		require.Equal(t, want, fault.Detail, target)
	}
}
