package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// fanOutBundle is an engine that answers as an echo does, and the fan-out that measures it.
type fanOutBundle struct {
	*fanOut

	echo *echoAudience
	deaf bool // it has no subscribers
}

const (
	testedOrder       = "019f5fda-0000-7000-8000-000000000000"
	testedSubscribers = 3
)

// setupFanOut serves three subscribers. plant is asked before the third step of the first order, and says
// whether the event is to be told as usual.
func setupFanOut(t *testing.T, plant func(socket *echoSocket) bool) *fanOutBundle {
	t.Helper()
	event := fmt.Sprintf(`{"type":"order.paid","order_id":%q,"seq":2}`, testedOrder)
	b := &fanOutBundle{echo: &echoAudience{
		placed: &echoed{method: "POST", path: pathOrders, status: 201, body: fmt.Appendf(nil, `{"id":%q}`, testedOrder)},
		moved:  &echoed{method: "POST", path: pathOrders + "/", status: 200, body: []byte("{}")},
		event:  &EchoedEvent{Order: testedOrder, Frame: append([]byte{0x81, byte(len(event))}, event...)},
	}}
	first := fmt.Sprintf("%0*x", len(testedOrder), 1)
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if b.deaf && strings.HasSuffix(string(ctx.Path()), "/updates") {
			ctx.NotFound()
			return
		}
		if found, ok := b.echo.sockets.Load(first); ok && bytes.Contains(ctx.Request.Body(), []byte("shipped")) && strings.Contains(string(ctx.Path()), first) {
			if socket, ok := found.(*echoSocket); ok && !plant(socket) {
				b.echo.moved.give(ctx)
				return
			}
		}
		b.echo.handle(ctx)
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-served
	})
	b.fanOut = &fanOut{
		benchmark: &benchmark{cfg: &Config{Subscribers: testedSubscribers, Seed: 1}, nonce: "tested"},
		engine:    &engine{process: &Process{Address: listener.Addr().String()}, catalog: &Catalog{Products: []string{"a", "b"}}},
		load: &Load{
			Address: listener.Addr().String(), Connections: 2, Kinds: []Kind{moveOrder()},
			CPU: func() (CPU, error) { return CPU{}, nil }, Watch: func(time.Duration) {},
		},
	}
	return b
}

// stretchOnce measures all that one audience can do.
func (b *fanOutBundle) stretchOnce(ctx context.Context, t *testing.T) *Sample {
	t.Helper()
	audience, err := b.gather(ctx, b.engine, testedSubscribers, Stream{Seed: 1, Name: "tested"})
	require.NoError(t, err)
	audience.patience = time.Second
	sample, err := b.move(ctx, audience, time.Minute)
	require.NoError(t, err)
	return sample
}

func TestAnOperationIsAnEventThatWasRead(t *testing.T) {
	t.Parallel()
	b := setupFanOut(t, func(*echoSocket) bool { return true })
	sample := b.stretchOnce(t.Context(), t)
	require.Zero(t, sample.Errors, sample.FirstError)
	require.EqualValues(t, testedSubscribers*len(moves()), sample.Operations)
	require.Equal(t, sample.Operations, sample.Latency.TotalCount())
	require.Less(t, sample.Elapsed, time.Minute, "it ends with the orders")

	longer, err := b.measure(t.Context(), 300*time.Millisecond)
	require.NoError(t, err)
	require.Zero(t, longer.Errors, longer.FirstError)
	require.Greater(t, longer.Operations, sample.Operations, "more than one audience")
	require.GreaterOrEqual(t, longer.Elapsed, 290*time.Millisecond)
}

// What is planted happens at the third of five steps of one order of three.
func TestWhatCountsAsAnError(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]struct {
		plant func(socket *echoSocket) bool
		good  int64
		error string
	}{
		"a gap": {func(s *echoSocket) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mu.frame[s.mu.seq]++
			return true
		}, 12, "left out"},
		"a repeat in place of an event": {func(s *echoSocket) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mu.frame[s.mu.seq]--
			return true
		}, 12, "twice"},
		"a repeat after an event": {func(s *echoSocket) bool {
			s.tell()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mu.frame[s.mu.seq]--
			return true
		}, 13, "twice"},
		"the event of another order": {func(s *echoSocket) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mu.frame = bytes.ReplaceAll(s.mu.frame, []byte(`"order_id":"0`), []byte(`"order_id":"9`))
			return true
		}, 12, "a message about order 9"},
		"a socket that is closed": {func(s *echoSocket) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			_, _ = s.mu.conn.Write([]byte{0x88, 2, 0x03, 0xf5}) // 1013: come back later
			return true
		}, 12, "closed with 1013"},
		"no event": {func(*echoSocket) bool { return false }, 12, "was not there after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sample := setupFanOut(t, is.plant).stretchOnce(t.Context(), t)
			require.Equal(t, is.good, sample.Operations, "the other orders come to their ends")
			require.EqualValues(t, 1, sample.Errors)
			require.Contains(t, sample.FirstError, is.error)
		})
	}
}

func TestWhereNothingIsDeliveredThereIsNoFigure(t *testing.T) {
	t.Parallel()
	b := setupFanOut(t, func(*echoSocket) bool { return true })
	b.echo.moved.status = 503
	_, err := b.measure(t.Context(), time.Minute)
	require.ErrorContains(t, err, "3 requests were refused")
	b.echo.moved.status = 409
	_, err = b.measure(t.Context(), time.Minute)
	require.ErrorContains(t, err, "order-move: 409")
}

func TestAnEngineWithoutSubscribersIsSkipped(t *testing.T) {
	t.Parallel()
	b := setupFanOut(t, func(*echoSocket) bool { return true })
	refusal, err := b.tryFanOut(t.Context(), b.engine)
	require.NoError(t, err)
	require.Empty(t, refusal)
	b.deaf = true
	refusal, err = b.tryFanOut(t.Context(), b.engine)
	require.NoError(t, err)
	require.Contains(t, refusal, "404")
}
