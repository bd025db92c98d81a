package http

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

// client is one keep-alive connection of a test.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func connect(t *testing.T, b *testBundle) *client {
	t.Helper()
	conn, err := b.dial()
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return &client{Conn: conn, reader: bufio.NewReader(conn)}
}

const liveRequest = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"

func (c *client) send(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
}

// receive reads one answer.
func (c *client) receive(t *testing.T) *fasthttp.Response {
	t.Helper()
	response := new(fasthttp.Response)
	require.NoError(t, response.Read(c.reader))
	return response
}

// requireClosed waits until the server has closed the connection without another byte.
func (c *client) requireClosed(t *testing.T) {
	t.Helper()
	_, err := c.reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func orderRequest() string {
	return "POST /api/v2/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
		itoa(int64(len(orderBody))) + "\r\n\r\n" + orderBody
}

func TestShutdown_ClosesRestingConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	silent, used := connect(t, b), connect(t, b)
	used.send(t, liveRequest)
	require.Equal(t, 200, used.receive(t).StatusCode())
	begun := time.Now()
	require.NoError(t, b.server.Shutdown(context.Background()))
	require.Less(t, time.Since(begun), 500*time.Millisecond)
	silent.requireClosed(t)
	used.requireClosed(t)
	_, err := b.dial()
	require.Error(t, err, "nothing is accepted any more")
}

func TestShutdown_FinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) {
		close(arrived)
		<-release
		return actors.OrderReceipt{Order: sampleOrder()}, nil
	}
	busy, half := connect(t, b), connect(t, b)
	busy.send(t, orderRequest())
	<-arrived
	half.send(t, liveRequest[:10])
	require.Eventually(t, func() bool { return b.server.connections.working() == 2 }, 10*time.Second, time.Millisecond)

	done := make(chan error, 1)
	go func() { done <- b.server.Shutdown(context.Background()) }()
	require.Eventually(t, b.server.draining, 10*time.Second, time.Millisecond)
	half.send(t, liveRequest[10:])
	response := half.receive(t)
	require.Equal(t, 200, response.StatusCode())
	require.True(t, response.ConnectionClose())
	half.requireClosed(t)
	select {
	case err := <-done:
		t.Fatalf("Shutdown returned (%v) before the order was answered", err)
	default:
	}
	close(release)
	response = busy.receive(t)
	require.Equal(t, 201, response.StatusCode())
	require.True(t, response.ConnectionClose())
	busy.requireClosed(t)
	require.NoError(t, <-done)
}

// working returns how many connections are not resting.
func (c *connections) working() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for conn := range c.mu.open {
		if conn.state.Load() != connectionResting {
			n++
		}
	}
	return n
}

func TestShutdown_GivesHalfARequestLittleTime(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	half := connect(t, b)
	half.send(t, liveRequest[:10])
	require.Eventually(t, func() bool { return b.server.connections.working() == 1 }, 10*time.Second, time.Millisecond)
	begun := time.Now()
	require.NoError(t, b.server.Shutdown(context.Background()))
	require.Less(t, time.Since(begun), 5*time.Second, "ReadTimeout is 10 s")
}

func TestShutdown_CutsOffWhatOutlastsItsContext(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.engine.placeOrder = func(*commerce.PlaceOrder) (actors.OrderReceipt, error) {
		close(arrived)
		<-release
		return actors.OrderReceipt{Order: sampleOrder()}, nil
	}
	busy := connect(t, b)
	busy.send(t, orderRequest())
	<-arrived
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.server.Shutdown(ctx), context.DeadlineExceeded)
	close(release)
}

func TestShutdown_UnstartedOrTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { require.NoError(t, b.server.Shutdown(context.Background())) })
	}
	wg.Wait()

	unstarted, err := New(Config{
		Engine: b.engine, Logger: b.server.log, Gatherer: b.registry, Registerer: noRegisterer{},
	})
	require.NoError(t, err)
	require.NoError(t, unstarted.Shutdown(context.Background()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, unstarted.Serve(ln), "serving after that ends at once")
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err, "and closes the listener")
}

// Requests keep coming while the server is stopped: each is answered in full or not at all, and
// none is carried out without an answer.
func TestShutdown_AnswersWhatItCarriesOut(t *testing.T) {
	t.Parallel()
	for range 20 {
		b := setupTCP(t, func(c *Config) { c.AccessLog = AccessLogOff })
		var placed, answered sync.Map
		b.engine.placeOrder = func(cmd *commerce.PlaceOrder) (actors.OrderReceipt, error) {
			placed.Store(cmd.Key, true)
			return actors.OrderReceipt{Order: sampleOrder()}, nil
		}
		var wg sync.WaitGroup
		started := make(chan struct{}, 8)
		for worker := range 8 {
			c := connect(t, b)
			wg.Go(func() {
				for i := range 1_000_000 {
					key := itoa(int64(worker)) + "-" + itoa(int64(i))
					request := strings.Replace(orderRequest(), "Host: x", "Host: x\r\nIdempotency-Key: "+key, 1)
					if _, err := io.WriteString(c, request); err != nil {
						return
					}
					var response fasthttp.Response
					if err := response.Read(c.reader); err != nil {
						return
					}
					answered.Store(key, response.StatusCode())
					if i == 3 {
						started <- struct{}{}
					}
				}
			})
		}
		for range 8 {
			<-started
		}
		require.NoError(t, b.server.Shutdown(context.Background()))
		wg.Wait()
		placed.Range(func(key, _ any) bool {
			_, ok := answered.Load(key)
			require.True(t, ok, "order %v was placed and not answered", key)
			return true
		})
	}
}

func TestServer_CarriesOutPipelinedRequests(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	c := connect(t, b)
	c.send(t, strings.Repeat(liveRequest, 50))
	for range 50 {
		require.Equal(t, 200, c.receive(t).StatusCode())
	}
}

func TestServer_RefusesConnectionsBeyondTheLimit(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.ConnectionsMax = 2 })
	first, second := connect(t, b), connect(t, b)
	for _, c := range []*client{first, second} {
		c.send(t, liveRequest)
		require.Equal(t, 200, c.receive(t).StatusCode())
	}
	third := connect(t, b)
	response := third.receive(t)
	require.Equal(t, 503, response.StatusCode())
	require.Equal(t, contentTypeProblem, string(response.Header.ContentType()))
	require.Equal(t, "1", string(response.Header.Peek("Retry-After")))
	require.Contains(t, string(response.Body()), `"code":"overloaded"`)
	third.requireClosed(t)

	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { return b.server.connections.count() == 1 }, 10*time.Second, time.Millisecond)
	fourth := connect(t, b)
	fourth.send(t, liveRequest)
	require.Equal(t, 200, fourth.receive(t).StatusCode(), "a place that became free is used again")
}

// stubListener fails a few times before it accepts.
type stubListener struct {
	net.Listener
	failures []error
}

func (l *stubListener) Accept() (net.Conn, error) {
	if len(l.failures) > 0 {
		err := l.failures[0]
		l.failures = l.failures[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestListener_OutlivesFailuresThatPass(t *testing.T) {
	t.Parallel()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	broken := errors.New("broken for good")
	ln := newConnections(&Config{ConnectionsMax: 10}, nil).listen(&stubListener{Listener: raw, failures: []error{
		&net.OpError{Op: "accept", Err: syscall.EMFILE}, &net.OpError{Op: "accept", Err: syscall.ECONNABORTED}, broken,
	}}, doorPublic, nil)
	_, err = ln.Accept()
	require.ErrorIs(t, err, broken)
	require.NoError(t, ln.Close())
	require.NoError(t, ln.Close())
}

func TestServer_LogsNothingAboutConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	c := connect(t, b)
	c.send(t, liveRequest[:10])
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return b.server.connections.count() == 0 }, 10*time.Second, time.Millisecond)
	require.Empty(t, b.log.String())
}
