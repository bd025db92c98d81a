package http

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	// drainReadMax is how long a request that is half read may take to arrive when the server is
	// being stopped.
	drainReadMax = time.Second
	// lingerMax and lingerBytesMax bound the reading of what a refused request still sends, so
	// that the client gets to read the refusal before the connection is reset.
	lingerMax      = time.Second
	lingerBytesMax = 16 << 20
	// acceptWaitMin and acceptWaitMax bound the wait after an accept that failed, for instance
	// for want of file descriptors.
	acceptWaitMin = 5 * time.Millisecond
	acceptWaitMax = time.Second
)

// connections keeps count of the open connections, so that there is a limit to them and an end.
// fasthttp alone would wait for a connection that has not sent anything yet, and looks for its end
// only ten times a second.
type connections struct {
	max      int
	draining atomic.Bool // set once, when the server is being stopped
	mu       struct {
		sync.Mutex
		open  map[*connection]struct{}
		empty chan struct{} // closed when draining and nothing is open
	}
}

func newConnections(max int) *connections {
	c := &connections{max: max}
	c.mu.open = make(map[*connection]struct{})
	c.mu.empty = make(chan struct{})
	return c
}

// count returns how many connections are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.open)
}

func (c *connections) add(conn *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() || len(c.mu.open) >= c.max {
		return false
	}
	c.mu.open[conn] = struct{}{}
	return true
}

func (c *connections) remove(conn *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.open, conn)
	c.signalLocked()
}

func (c *connections) signalLocked() {
	if !c.draining.Load() || len(c.mu.open) > 0 {
		return
	}
	select {
	case <-c.mu.empty:
	default:
		close(c.mu.empty)
	}
}

// drain closes resting connections, waits for the others, and cuts them off when the context ends.
func (c *connections) drain(ctx context.Context) error {
	c.mu.Lock()
	c.draining.Store(true)
	for conn := range c.mu.open {
		conn.hurry()
	}
	c.signalLocked()
	c.mu.Unlock()
	select {
	case <-c.mu.empty:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	for conn := range c.mu.open {
		_ = conn.Conn.Close()
	}
	c.mu.Unlock()
	return ctx.Err()
}

// The states of a connection.
//
//	          first byte             answered
//	resting ─────────────► working ─────────────► resting
//	   │
//	   └── drain ──► closing
//
// A request that arrives while its connection is being closed is not carried out: its answer
// could not be sent.
const (
	connectionResting uint32 = iota
	connectionWorking
	connectionClosing
)

// connection is one connection. fasthttp serves it from one goroutine; drain looks at it from
// another.
type connection struct {
	net.Conn
	all    *connections
	state  atomic.Uint32
	linger atomic.Bool // the client may still be sending
	once   sync.Once

	// subscriber is who has taken the connection over, or is about to; set before fasthttp lets go of it.
	subscriber *subscriber
}

// work says that a request has begun to arrive. It returns false when the connection is closing.
func (c *connection) work() bool {
	return c.state.CompareAndSwap(connectionResting, connectionWorking) || c.state.Load() == connectionWorking
}

// rest says that the request has been answered.
func (c *connection) rest() {
	c.state.CompareAndSwap(connectionWorking, connectionResting)
	if c.all.draining.Load() {
		c.hurry()
	}
}

// hurry closes a resting connection; a working one gets little time to send the rest of its
// request.
func (c *connection) hurry() {
	if c.state.CompareAndSwap(connectionResting, connectionClosing) {
		_ = c.Conn.Close()
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(drainReadMax))
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.work() || err != nil && c.state.Load() == connectionClosing {
		return 0, io.EOF
	}
	return n, err
}

// SetReadDeadline implements net.Conn. While the server is being stopped the deadline is near.
func (c *connection) SetReadDeadline(t time.Time) error {
	if c.all.draining.Load() {
		if near := time.Now().Add(drainReadMax); t.IsZero() || t.After(near) {
			t = near
		}
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn. Closing while the client still sends would make its system throw
// away the answer, so what it sends is read for a while and dropped.
func (c *connection) Close() error {
	var err error
	c.once.Do(func() {
		if c.linger.Load() && !c.all.draining.Load() {
			c.drop()
		}
		err = c.Conn.Close()
		c.all.remove(c)
		if c.subscriber != nil {
			c.subscriber.lost()
		}
	})
	return err
}

func (c *connection) drop() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerMax))
	_, _ = io.CopyN(io.Discard, onlyReader{c.Conn}, lingerBytesMax)
}

// onlyReader hides every method but Read, so that io.Copy does not look for a faster way.
type onlyReader struct{ io.Reader }

// connectionState is fasthttp's hook.
func connectionState(c net.Conn, state fasthttp.ConnState) {
	if own, ok := c.(*connection); ok && state == fasthttp.StateIdle {
		own.rest()
	}
}

// listener accepts connections up to the limit.
type listener struct {
	net.Listener
	all      *connections
	overload []byte // the answer to a connection too many
	done     chan struct{}
	once     sync.Once
}

func (c *connections) listen(ln net.Listener) *listener {
	status, title := statusOf(commerce.CodeOverloaded)
	body := wire.AppendProblem(nil, &wire.Problem{
		Refusal: &commerce.Error{Code: commerce.CodeOverloaded, Detail: "too many connections; try again"},
		Title:   title, Status: status, CorrelationID: freshCorrelation(),
	})
	head := "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: " +
		contentTypeProblem + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	return &listener{Listener: ln, all: c, overload: append([]byte(head), body...), done: make(chan struct{})}
}

// Accept implements net.Listener. A failure that can pass is waited out: running out of file
// descriptors must not end the server.
func (l *listener) Accept() (net.Conn, error) {
	wait := acceptWaitMin
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if !passes(err) {
				return nil, err
			}
			select {
			case <-time.After(wait):
			case <-l.done:
			}
			wait = min(2*wait, acceptWaitMax)
			continue
		}
		wait = acceptWaitMin
		conn := &connection{Conn: raw, all: l.all}
		if l.all.add(conn) {
			return conn, nil
		}
		_ = raw.SetWriteDeadline(time.Now().Add(drainReadMax))
		_, _ = raw.Write(l.overload)
		_ = raw.Close()
	}
}

// Close implements net.Listener. Closing twice is harmless.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

func passes(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}
