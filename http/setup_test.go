package http

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
	"go.uber.org/goleak"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestMain(m *testing.M) {
	flag.Bool("rewrite", false, "rewrite the files under testdata instead of comparing with them")
	// fasthttp keeps one goroutine for the Date field for the rest of the process; those that clean
	// up after servers and clients look only every ten seconds whether they are still needed.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

// golden compares a text with a file under testdata, or rewrites the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("rewrite").Value.String() == "true" {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it with -rewrite")
	require.Equal(t, string(want), got, "if this is meant, rewrite it with -rewrite and read the difference")
}

// fakeEngine answers with what a test gives it, and notes what it was asked.
type fakeEngine struct {
	mu    sync.Mutex
	calls []any // commands and queries, in order
	audit []commerce.AuditRecord

	placeOrder      func(*commerce.PlaceOrder) (actors.OrderReceipt, error)
	transitionOrder func(*commerce.TransitionOrder) (actors.OrderReceipt, error)
	createProduct   func(*commerce.CreateProduct) (actors.ProductReceipt, error)
	updateProduct   func(*commerce.UpdateProduct) (actors.ProductReceipt, error)
	adjustStock     func(*commerce.AdjustStock) (actors.StockReceipt, error)
	product         func(context.Context, commerce.ID) (persistence.ProductRow, error)
	products        func(actors.ProductQuery) (actors.ProductPage, error)
	searchProducts  func(actors.ProductSearch) (actors.ProductPage, error)
	suggestProducts func(text string, limit int) ([]actors.Suggestion, error)
	movements       func(before uint64, limit int) ([]commerce.Movement, error)
	order           func(commerce.ID) (*commerce.Order, error)
	orders          func(persistence.OrderQuery) ([]*commerce.Order, error)
	timeline        func(commerce.ID) ([]commerce.Event, error)
	followOrder     func(commerce.ID, *uint64, actors.Watcher) (*commerce.Order, actors.Subscription, error)
	followOrders    func(actors.FeedQuery, actors.Watcher) (persistence.Position, actors.Subscription, error)
	verify          func(context.Context) (*persistence.Report, error)
	scan            func(context.Context, func(*commerce.Order) error) error // nil: one order
	health          func() actors.Health
}

func (f *fakeEngine) note(call any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

// seen returns what the engine was asked, and forgets it.
func (f *fakeEngine) seen() []any {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fakeEngine) PlaceOrder(cmd *commerce.PlaceOrder) (actors.OrderReceipt, error) {
	f.note(cmd)
	return f.placeOrder(cmd)
}

func (f *fakeEngine) TransitionOrder(cmd *commerce.TransitionOrder) (actors.OrderReceipt, error) {
	f.note(cmd)
	return f.transitionOrder(cmd)
}

func (f *fakeEngine) CreateProduct(cmd *commerce.CreateProduct) (actors.ProductReceipt, error) {
	f.note(cmd)
	return f.createProduct(cmd)
}

func (f *fakeEngine) UpdateProduct(cmd *commerce.UpdateProduct) (actors.ProductReceipt, error) {
	f.note(cmd)
	return f.updateProduct(cmd)
}

func (f *fakeEngine) AdjustStock(cmd *commerce.AdjustStock) (actors.StockReceipt, error) {
	f.note(cmd)
	return f.adjustStock(cmd)
}

func (f *fakeEngine) Product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error) {
	return f.product(ctx, id)
}

func (f *fakeEngine) KnownProduct(commerce.ID) (persistence.ProductRow, bool) {
	return persistence.ProductRow{}, false
}

func (f *fakeEngine) SearchProducts(q actors.ProductSearch) (actors.ProductPage, error) {
	f.note(q)
	return f.searchProducts(q)
}

func (f *fakeEngine) SuggestProducts(text string, limit int) ([]actors.Suggestion, error) {
	return f.suggestProducts(text, limit)
}

func (f *fakeEngine) Products(_ context.Context, q actors.ProductQuery) (actors.ProductPage, error) {
	f.note(q)
	return f.products(q)
}

// movementsQuery notes what Movements was asked.
type movementsQuery struct {
	product commerce.ID
	before  uint64
	limit   int
}

func (f *fakeEngine) Movements(
	_ context.Context, product commerce.ID, before uint64, limit int,
) ([]commerce.Movement, error) {
	f.note(movementsQuery{product, before, limit})
	return f.movements(before, limit)
}

func (f *fakeEngine) Order(_ context.Context, _ *commerce.Principal, id commerce.ID) (*commerce.Order, error) {
	return f.order(id)
}

func (f *fakeEngine) Orders(_ context.Context, _ *commerce.Principal, q persistence.OrderQuery) ([]*commerce.Order, error) {
	f.note(q)
	return f.orders(q)
}

func (f *fakeEngine) Timeline(
	_ context.Context, _ *commerce.Principal, id commerce.ID,
) (*commerce.Order, []commerce.Event, error) {
	order, err := f.order(id)
	if err != nil {
		return nil, nil, err
	}
	events, err := f.timeline(id)
	return order, events, err
}

func (f *fakeEngine) FollowOrder(
	_ context.Context, _ *commerce.Principal, id commerce.ID, since *uint64, w actors.Watcher,
) (*commerce.Order, actors.Subscription, error) {
	return f.followOrder(id, since, w)
}

func (f *fakeEngine) FollowOrders(
	_ context.Context, _ *commerce.Principal, q actors.FeedQuery, w actors.Watcher,
) (persistence.Position, actors.Subscription, error) {
	return f.followOrders(q, w)
}

func (f *fakeEngine) Verify(ctx context.Context, _ func(rows int64)) (*persistence.Report, error) {
	f.note("verify")
	return f.verify(ctx)
}

func (f *fakeEngine) AuditRecords(_ context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	records := f.audit[min(int(after), len(f.audit)):]
	return records[:min(limit, len(records))], nil
}

func (f *fakeEngine) AuditHead(context.Context) (persistence.AuditHead, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.audit) == 0 {
		return persistence.AuditHead{}, nil
	}
	last := &f.audit[len(f.audit)-1]
	return persistence.AuditHead{Seq: last.Seq, Hash: last.Hash}, nil
}

func (f *fakeEngine) RecordAudit(ctx context.Context, record *commerce.AuditRecord) error {
	head, err := f.AuditHead(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	record.Seal(head.Seq, head.Hash)
	f.audit = append(f.audit, *record)
	return err
}

func (f *fakeEngine) Health(context.Context) actors.Health { return f.health() }

// at is when everything in these tests happens.
func at() time.Time { return time.Date(2026, 7, 14, 9, 0, 0, 123_000_000, time.UTC) }

func sampleID(n byte) commerce.ID {
	id := commerce.IDFloor(at())
	id[6], id[8], id[15] = 0x70, 0x80, n
	return id
}

func sampleOrder() *commerce.Order {
	return &commerce.Order{
		ID: sampleID(1), Customer: "kim", Status: commerce.StatusPending,
		Items:    []commerce.Item{{Product: sampleID(2), Name: "Kettle", SKU: "K-1", Quantity: 2, UnitPrice: 1200}},
		Address:  commerce.Address{Street: "1 Teheran-ro", City: "Seoul", PostalCode: "06234"},
		Total:    commerce.Money{Amount: 2400, Currency: commerce.DefaultCurrency()},
		PlacedAt: at(), UpdatedAt: at(), ExpiresAt: at().Add(15 * time.Minute), Version: 1,
	}
}

func sampleRow() persistence.ProductRow {
	return persistence.ProductRow{
		Product: &commerce.Product{
			ID: sampleID(2), Name: "Kettle", SKU: "K-1", Category: "kitchen", Attributes: `{"colour":"red"}`,
			Price:   commerce.Money{Amount: 1200, Currency: commerce.DefaultCurrency()},
			Version: 12, CreatedAt: at(), UpdatedAt: at(),
		},
		Stock: commerce.Stock{Product: sampleID(2), OnHand: 10, Allocated: 3, Version: 3407},
	}
}

// newFakeEngine returns an engine that succeeds in everything.
func newFakeEngine() *fakeEngine {
	order := func(*commerce.TransitionOrder) (actors.OrderReceipt, error) {
		return actors.OrderReceipt{Order: sampleOrder()}, nil
	}
	row := sampleRow()
	receipt := actors.ProductReceipt{Product: row.Product, Stock: row.Stock}
	movement := commerce.Movement{
		Product: sampleID(2), OnHandDelta: -5, Reason: "sold", Actor: "kim", At: at(), Level: row.Stock,
	}
	return &fakeEngine{
		placeOrder:      func(*commerce.PlaceOrder) (actors.OrderReceipt, error) { return order(nil) },
		transitionOrder: order,
		createProduct:   func(*commerce.CreateProduct) (actors.ProductReceipt, error) { return receipt, nil },
		updateProduct:   func(*commerce.UpdateProduct) (actors.ProductReceipt, error) { return receipt, nil },
		adjustStock: func(*commerce.AdjustStock) (actors.StockReceipt, error) {
			return actors.StockReceipt{Movement: movement}, nil
		},
		product: func(_ context.Context, id commerce.ID) (persistence.ProductRow, error) {
			if id != sampleID(2) {
				return persistence.ProductRow{}, persistence.ErrNotFound
			}
			return sampleRow(), nil
		},
		products: func(actors.ProductQuery) (actors.ProductPage, error) {
			return actors.ProductPage{Rows: []persistence.ProductRow{sampleRow()}, Total: 1}, nil
		},
		searchProducts: func(actors.ProductSearch) (actors.ProductPage, error) {
			return actors.ProductPage{Rows: []persistence.ProductRow{sampleRow()}, Total: 1}, nil
		},
		suggestProducts: func(string, int) ([]actors.Suggestion, error) {
			return []actors.Suggestion{{Text: "Kettle", Product: sampleID(2)}}, nil
		},
		movements: func(uint64, int) ([]commerce.Movement, error) { return []commerce.Movement{movement}, nil },
		order: func(id commerce.ID) (*commerce.Order, error) {
			if id != sampleID(1) {
				return nil, persistence.ErrNotFound
			}
			return sampleOrder(), nil
		},
		orders: func(persistence.OrderQuery) ([]*commerce.Order, error) { return []*commerce.Order{sampleOrder()}, nil },
		timeline: func(commerce.ID) ([]commerce.Event, error) {
			return []commerce.Event{{
				Entity: sampleID(1), Seq: 1, Type: commerce.EventOrderPlaced, At: at(), Actor: "kim", Status: commerce.StatusPending,
			}}, nil
		},
		followOrder: func(id commerce.ID, _ *uint64, _ actors.Watcher) (*commerce.Order, actors.Subscription, error) {
			if id != sampleID(1) {
				return nil, nil, persistence.ErrNotFound
			}
			return sampleOrder(), new(fakeSubscription), nil
		},
		followOrders: func(actors.FeedQuery, actors.Watcher) (persistence.Position, actors.Subscription, error) {
			return persistence.Position{Writer: 1, Batch: 2, Seq: 3}, new(fakeSubscription), nil
		},
		verify: func(context.Context) (*persistence.Report, error) {
			return &persistence.Report{Orders: 1, At: at()}, nil
		},
		health: func() actors.Health { return actors.Health{Ready: true, Store: "ok", Writer: "ok"} },
	}
}

// testBundle is a server over a fake engine, and a client of it.
type testBundle struct {
	engine   *fakeEngine
	server   *Server
	registry *prometheus.Registry
	log      *syncBuffer
	dial     func() (net.Conn, error)
	client   *fasthttp.HostClient
	served   chan error
}

// syncBuffer is a log's destination that a test can read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// setup serves within the process. change may be nil.
func setup(t testing.TB, change func(*Config)) *testBundle {
	t.Helper()
	ln := fasthttputil.NewInmemoryListener()
	return serve(t, ln, ln.Dial, change)
}

// setupTCP serves on a port of the loopback interface.
func setupTCP(t testing.TB, change func(*Config)) *testBundle {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	return serve(t, ln, func() (net.Conn, error) { return net.Dial("tcp", addr) }, change)
}

func serve(t testing.TB, ln net.Listener, dial func() (net.Conn, error), change func(*Config)) *testBundle {
	t.Helper()
	b := &testBundle{
		engine: newFakeEngine(), registry: prometheus.NewPedanticRegistry(), log: new(syncBuffer), dial: dial,
		served: make(chan error, 1),
	}
	cfg := Config{
		Engine: b.engine, Logger: NewLogger(b.log, slog.LevelInfo), Gatherer: b.registry, Registerer: b.registry,
		Version: "test", PoisonBuffers: true, AllowedHosts: "x, penstock.test",
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	b.server, err = New(cfg)
	require.NoError(t, err)
	go func() { b.served <- b.server.Serve(ln) }()
	b.client = &fasthttp.HostClient{
		Addr: "penstock.test", Dial: func(string) (net.Conn, error) { return dial() },
		DisablePathNormalizing: true, NoDefaultUserAgentHeader: true,
	}
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, b.server.Shutdown(ctx))
		require.NoError(t, <-b.served)
	})
	return b
}

// call is a request of a test. Headers come in pairs.
type call struct {
	method, path, body string
	headers            []string
}

// answer is what came back.
type answer struct {
	status int
	header *fasthttp.ResponseHeader
	body   string
}

// do sends a request. A body goes as JSON unless the headers say otherwise.
func (b *testBundle) do(t testing.TB, c call) answer {
	t.Helper()
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI("http://penstock.test" + c.path)
	request.Header.SetMethod(c.method)
	if c.body != "" {
		request.Header.SetContentType(contentTypeJSON)
		request.SetBodyString(c.body)
	}
	request.Header.Set(headerCorrelation, "test-1")
	for i := 0; i < len(c.headers); i += 2 {
		request.Header.Set(c.headers[i], c.headers[i+1])
	}
	require.NoError(t, b.client.Do(request, response))
	header := new(fasthttp.ResponseHeader)
	response.Header.CopyTo(header)
	return answer{status: response.StatusCode(), header: header, body: string(response.Body())}
}

// field returns a header field of the answer.
func (a answer) field(name string) string { return string(a.header.Peek(name)) }

// raw sends bytes on a connection of its own and returns all that comes back until it is closed.
func (b *testBundle) raw(t testing.TB, text string) string {
	t.Helper()
	conn, err := b.dial()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	back, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(back)
}

const (
	orderBody = `{"items":[{"product_id":"019f5fda-c2fb-7000-8000-000000000002","quantity":2,"price":1200},` +
		`{"product_id":"019f5fda-c2fb-7000-8000-000000000003","quantity":1}],"shipping_address":{"recipient":"Kim",` +
		`"street":"1 Teheran-ro","city":"Seoul","postal_code":"06234","country":"KR"},"note":"leave at the door"}`
	productBody = `{"name":"Kettle","description":"","price":1200,"stock_quantity":10,"attributes":{"colour":"red"}}`
)

func orderPath(n byte, rest string) string { return pathOrders + "/" + sampleID(n).String() + rest }

func productPath(n byte, rest string) string { return pathProducts + "/" + sampleID(n).String() + rest }

// everybody returns a principal that may see everybody's orders.
func everybody() *commerce.Principal {
	by := commerce.Trusted("clerk")
	return &by
}
