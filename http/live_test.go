package http

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
)

// fakeSubscription hands out what a test puts in.
type fakeSubscription struct {
	mu       sync.Mutex
	updates  []*actors.Update
	behind   bool
	failing  error
	caughtUp int
	closed   int
}

func (f *fakeSubscription) Take(dst []*actors.Update, max int) ([]*actors.Update, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(max, len(f.updates))
	dst = append(dst, f.updates[:n]...)
	f.updates = f.updates[n:]
	return dst, n == 0 && f.behind
}

func (f *fakeSubscription) CatchUp(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caughtUp++
	if f.failing != nil {
		return f.failing
	}
	f.behind = false
	return nil
}

func (f *fakeSubscription) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

var errStoreAway = errors.New("the store is away")

// shop is a server over a real engine, with a store in memory.
type shop struct {
	*testBundle
	engine  *actors.Engine
	product commerce.ID
}

func setupShop(t *testing.T) *shop {
	t.Helper()
	store, err := pebblestore.Open(t.Context(), pebblestore.Options{
		Dir: "store", FS: vfs.NewMem(), FreeSpaceMin: -1, CacheSize: 1 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	engine, err := actors.Open(t.Context(), store, actors.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close(context.WithoutCancel(t.Context()))) })
	s := &shop{engine: engine}
	s.testBundle = setupTCP(t, func(c *Config) { c.Engine = engine })
	receipt, err := engine.CreateProduct(&commerce.CreateProduct{
		Caller: commerce.Trusted("merchant"), Name: "Kettle", OnHand: 1_000_000, Price: commerce.Money{Amount: 100, Currency: commerce.DefaultCurrency()},
	})
	require.NoError(t, err)
	s.product = receipt.Product.ID
	return s
}

func (s *shop) place(t *testing.T, customer string) *commerce.Order {
	t.Helper()
	receipt, err := s.engine.PlaceOrder(&commerce.PlaceOrder{
		Caller: commerce.Trusted(customer), Lines: []commerce.OrderLine{{Product: s.product, Quantity: 1}},
		Address: commerce.Address{Street: "1 Teheran-ro", City: "Seoul", PostalCode: "06234"},
	})
	require.NoError(t, err)
	return receipt.Order
}

func (s *shop) move(t *testing.T, order commerce.ID, to ...commerce.Status) {
	t.Helper()
	for _, status := range to {
		_, err := s.engine.TransitionOrder(&commerce.TransitionOrder{
			Caller: commerce.Trusted("clerk"), Order: order, To: status, Reason: "as asked", Carrier: "CJ", TrackingNumber: "7",
		})
		require.NoError(t, err)
	}
}

func TestFollowOrder_FirstTheOrderThenEachEvent(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	o := s.place(t, "kim")
	client := s.follow(t, updatesPath(o.ID, ""))
	first := client.next()
	require.Equal(t, "order", first.Type)
	require.Equal(t, o.ID.String(), first.OrderID)
	require.EqualValues(t, 1, first.Seq)
	require.Equal(t, "kim", first.Data["customer_id"])
	s.move(t, o.ID, commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted)
	for i, to := range []string{"paid", "processing", "shipped", "delivered", "completed"} {
		m := client.next()
		require.Equal(t, "order."+to, m.Type)
		require.EqualValues(t, i+2, m.Seq)
		require.Equal(t, to, m.Data["status"])
		require.Equal(t, "clerk", m.Data["actor"])
		require.Equal(t, "as asked", m.Data["reason"])
		require.Equal(t, "CJ", m.Data["carrier"])
	}
	client.send(masked(opClose, closeOf(1000, "")))
	code, _ := client.closing()
	require.EqualValues(t, 1000, code)
	s.awaitMetric(t, `penstock_subscribers_closed_total{code="1000"} 1`)
	s.awaitMetric(t, "penstock_subscribers 0")
	s.awaitMetric(t, "penstock_updates_delivered_total 5")
	s.awaitMetric(t, "penstock_commit_to_delivery_seconds_count 5")
}

func TestFollowOrder_ResumesWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	o := s.place(t, "kim")
	s.move(t, o.ID, commerce.StatusPaid, commerce.StatusProcessing)
	for since := range 4 {
		client := s.follow(t, updatesPath(o.ID, "?since_seq="+strconv.Itoa(since)))
		stream := s.open(t, "GET "+pathOrders+"/"+o.ID.String()+"/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: "+strconv.Itoa(since)+"\r\n\r\n")
		stream.header()
		for seq := since + 1; seq <= 3; seq++ {
			require.EqualValues(t, seq, client.next().Seq)
			e, err := stream.event()
			require.NoError(t, err)
			require.Equal(t, strconv.Itoa(seq), e.id)
			require.EqualValues(t, seq, e.data.Seq)
		}
		client.send(masked(opPing, []byte("nothing more")))
		op, payload, err := client.frame()
		require.NoError(t, err)
		require.Equal(t, opPong, op, "%s", payload)
	}
	a := s.do(t, call{"GET", pathOrders + "/" + o.ID.String() + "/events?since_seq=4", "", nil})
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, `"parameter":"since_seq"`)
}

func TestFollowOrder_AsServerSentEvents(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	o := s.place(t, "kim")
	path := pathOrders + "/" + o.ID.String() + "/events"
	client := s.open(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: c-1\r\n\r\n")
	status, fields := client.header()
	require.Equal(t, "HTTP/1.1 200 OK", status)
	require.Equal(t, "text/event-stream", fields["content-type"])
	require.Equal(t, "no-store", fields["cache-control"])
	require.Equal(t, "c-1", fields["x-correlation-id"])
	e, err := client.event()
	require.NoError(t, err)
	require.Equal(t, "1", e.id)
	require.Equal(t, "order", e.data.Type)
	s.move(t, o.ID, commerce.StatusPaid)
	e, err = client.event()
	require.NoError(t, err)
	require.Equal(t, "2", e.id)
	require.Equal(t, "order.paid", e.data.Type)

	a := s.do(t, call{"HEAD", path, "", nil})
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/event-stream", a.field("Content-Type"))
	require.Equal(t, 404, s.do(t, call{"GET", orderPath(9, "/events"), "", nil}).status)
	require.Equal(t, 404, s.do(t, call{"HEAD", orderPath(9, "/events"), "", nil}).status)
	require.Equal(t, 400, s.do(t, call{"GET", path, "", []string{headerLastEventID, "x"}}).status)
	_ = client.conn.Close()
	s.awaitMetric(t, `penstock_subscribers_closed_total{code="1006"} 1`)
}

func TestFollowOrders_FiltersAndResumesByCursor(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	all := s.follow(t, pathOrders+"/updates")
	start := all.next()
	require.Equal(t, "start", start.Type)
	kims := s.follow(t, pathOrders+"/updates?customer_id=kim")
	kims.next()
	paid := s.follow(t, pathOrders+"/updates?status=paid")
	paid.next()

	var orders []*commerce.Order
	for i := range 12 {
		o := s.place(t, []string{"kim", "lee"}[i%2])
		orders = append(orders, o)
		s.move(t, o.ID, commerce.StatusPaid)
	}
	var seen []message
	for _, o := range orders {
		for seq := uint64(1); seq <= 2; seq++ {
			m := all.next()
			require.Equal(t, o.ID.String(), m.OrderID)
			require.Equal(t, seq, m.Seq)
			require.Equal(t, o.Customer, m.Data["customer_id"])
			seen = append(seen, m)
		}
	}
	for i := 0; i < 12; i += 2 {
		for seq := uint64(1); seq <= 2; seq++ {
			m := kims.next()
			require.Equal(t, orders[i].ID.String(), m.OrderID)
			require.Equal(t, seq, m.Seq)
		}
	}
	for _, o := range orders {
		m := paid.next()
		require.Equal(t, o.ID.String(), m.OrderID)
		require.Equal(t, "order.paid", m.Type)
	}
	// From every cursor the same follows, byte for byte.
	for i, from := range append([]message{start}, seen...) {
		client := s.follow(t, pathOrders+"/updates?cursor="+from.Cursor)
		require.Equal(t, from.Cursor, client.next().Cursor)
		for _, want := range seen[i:] {
			require.Equal(t, string(want.raw), string(client.next().raw))
		}
		_ = client.conn.Close()
	}
}

func TestFollow_EndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	o := s.place(t, "kim")
	var clients []*rawClient
	for range 20 {
		client := s.follow(t, updatesPath(o.ID, ""))
		client.next()
		clients = append(clients, client)
	}
	stream := s.open(t, "GET "+pathOrders+"/"+o.ID.String()+"/events HTTP/1.1\r\nHost: x\r\n\r\n")
	_, err := stream.event()
	require.NoError(t, err)
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(context.WithoutCancel(t.Context())) }()
	for _, client := range clients {
		code, reason := client.closing()
		require.EqualValues(t, 1001, code, reason)
		_ = client.conn.Close()
	}
	_, err = stream.event()
	require.ErrorIs(t, err, io.EOF)
	_ = stream.conn.Close()
	require.NoError(t, <-stopped)
	all, _ := s.server.subscribers.count()
	require.Zero(t, all)
}

func TestFollow_PlacesAreLimited(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.SubscribersMax, c.SubscribersPerAddressMax, c.FeedsMax = 5, 3, 1 })
	refused := func(request, status string) {
		t.Helper()
		client := b.open(t, request)
		line, fields := client.header()
		require.Contains(t, line, status)
		require.NotEmpty(t, fields["retry-after"])
	}
	path := updatesPath(sampleID(1), "")
	first := b.follow(t, path)
	b.follow(t, pathOrders+"/updates")
	refused(handshake(pathOrders+"/updates"), " 503 ")
	b.follow(t, path)
	refused(handshake(path), " 429 ")
	refused("GET "+orderPath(1, "/events")+" HTTP/1.1\r\nHost: x\r\n\r\n", " 429 ")
	_ = first.conn.Close()
	b.awaitMetric(t, "penstock_subscribers 2")
	b.follow(t, path).next()
	b.server.subscribers.mu.Lock()
	b.server.cfg.SubscribersMax = 3
	b.server.subscribers.mu.Unlock()
	refused(handshake(path), " 503 ")
}

func TestFollow_WhoDoesNotAnswerPingsIsCutOff(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.PingInterval = 300 * time.Millisecond })
	silent := b.follow(t, updatesPath(sampleID(1), ""))
	stream := b.open(t, "GET "+orderPath(1, "/events")+" HTTP/1.1\r\nHost: x\r\n\r\n")
	stream.header()
	answers := b.follow(t, updatesPath(sampleID(1), ""))
	answers.next()
	pings := 0
	for pings < 5 {
		op, payload, err := answers.frame()
		require.NoError(t, err)
		require.Equal(t, opPing, op)
		answers.send(masked(opPong, payload))
		pings++
	}
	code, _ := silent.closing()
	require.Zero(t, code)
	b.awaitMetric(t, "penstock_subscribers 2") // the stream is asked nothing, only kept awake
	for beats := 0; beats < 3; {
		line, err := stream.r.ReadString('\n')
		require.NoError(t, err)
		if line == ":\n" {
			beats++
		}
	}
}

// A client that never reads fills its socket. Others are served meanwhile; it gets some time, and is
// then cut off.
func TestFollow_SlowSubscriberIsNeverWaitedFor(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	slow, good := new(fakeSubscription), new(fakeSubscription)
	watchers := make(chan actors.Watcher, 2)
	b.engine.followOrder = func(_ commerce.ID, since *uint64, w actors.Watcher) (*commerce.Order, actors.Subscription, error) {
		watchers <- w
		if since != nil {
			return sampleOrder(), slow, nil
		}
		return sampleOrder(), good, nil
	}
	stuck := b.follow(t, updatesPath(sampleID(1), "?since_seq=1"))
	wakeSlow := <-watchers
	client := b.follow(t, updatesPath(sampleID(1), ""))
	client.next()
	wakeGood := <-watchers

	note := strings.Repeat("n", 400)
	many := make([]*actors.Update, 5_000)
	for i := range many {
		many[i] = &actors.Update{StreamEvent: persistence.StreamEvent{Event: commerce.Event{
			Entity: sampleID(1), Seq: uint64(i + 2), Type: commerce.EventOrderPaid, Status: commerce.StatusPaid, At: at(), Note: note,
		}}}
	}
	slow.put(many...)
	wakeSlow.Wake()
	b.awaitMetric(t, "penstock_subscribers_stuck 1")
	for i := range 10 {
		good.put(many[i])
		wakeGood.Wake()
		require.EqualValues(t, i+2, client.next().Seq)
	}
	require.NotEmpty(t, slow.left(), "what a slow subscriber does not take is not queued anywhere")
	// Once it reads again it gets all of it, in order.
	for i := range many {
		require.EqualValues(t, i+2, stuck.next().Seq)
	}
	b.awaitMetric(t, "penstock_subscribers_stuck 0")
}

func TestFollow_StoreThatIsAwayIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	sub := &fakeSubscription{behind: true, failing: errStoreAway}
	b.engine.followOrder = func(commerce.ID, *uint64, actors.Watcher) (*commerce.Order, actors.Subscription, error) {
		return sampleOrder(), sub, nil
	}
	client := b.follow(t, updatesPath(sampleID(1), ""))
	client.next()
	b.awaitMetric(t, "penstock_subscriber_catch_ups_total 2")
	sub.mend(&actors.Update{StreamEvent: persistence.StreamEvent{Event: commerce.Event{
		Entity: sampleID(1), Seq: 2, Type: commerce.EventOrderPaid, Status: commerce.StatusPaid, At: at(),
	}}})
	require.EqualValues(t, 2, client.next().Seq)

	sub.fail(persistence.ErrPositionGone)
	client.send(masked(opPing, nil)) // wakes it
	code, reason := client.closing()
	require.EqualValues(t, 1008, code, reason)
}

func TestFollow_ConnectionsThatAreNeverTakenOverGiveTheirPlacesBack(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	sub := new(fakeSubscription)
	b.engine.followOrder = func(commerce.ID, *uint64, actors.Watcher) (*commerce.Order, actors.Subscription, error) {
		b.server.connections.draining.Store(true) // the answer will say close, and fasthttp will not hand it over
		return sampleOrder(), sub, nil
	}
	client := b.open(t, handshake(updatesPath(sampleID(1), "")))
	_, _ = io.ReadAll(client.r)
	require.Eventually(t, func() bool {
		all, _ := b.server.subscribers.count()
		sub.mu.Lock()
		defer sub.mu.Unlock()
		return all == 0 && sub.closed == 1
	}, clientWait, time.Millisecond)
}

// awaitMetric waits until the metrics have a line.
func (b *testBundle) awaitMetric(t testing.TB, line string) {
	t.Helper()
	var text string
	require.Eventually(t, func() bool {
		families, err := b.registry.Gather()
		require.NoError(t, err)
		var out strings.Builder
		for _, family := range families {
			_, err := expfmt.MetricFamilyToText(&out, family)
			require.NoError(t, err)
		}
		text = out.String()
		return strings.Contains(text, line+"\n")
	}, clientWait, 2*time.Millisecond, "%s", line)
}

func (f *fakeSubscription) put(updates ...*actors.Update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(f.updates, updates...)
}

func (f *fakeSubscription) left() []*actors.Update {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.updates
}

// mend brings the store back, with what was missed.
func (f *fakeSubscription) mend(updates ...*actors.Update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = nil
	f.updates = append(f.updates, updates...)
}

func (f *fakeSubscription) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing, f.behind = err, true
}
