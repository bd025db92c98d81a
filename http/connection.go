package http

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// drainReadMax is how long a request that is half read may take to arrive when the server is
	// being stopped.
	drainReadMax = time.Second
	// lingerMax and lingerBytesMax bound the reading of what a refused request still sends, so
	// that the client gets to read the refusal before the connection is reset.
	lingerMax      = time.Second
	lingerBytesMax = 16 << 20
	// sendBuffer is how much the system keeps of an answer that is not read, half of what it takes for it.
	// Left to itself it keeps megabytes, and 1,000 clients that read slowly cost it seconds. It bounds an
	// answer over a long way to about this much for each round trip.
	sendBuffer = 64 << 10
	// operatorsMax is how many connections the listener of operators has. They have places of their own, so
	// that a server that is full can still be asked how it is.
	operatorsMax = 256
)

// connections keeps count of the open connections, so that there is a limit to them and an end.
// fasthttp alone would wait for a connection that has not sent anything yet, and looks for its end
// only ten times a second.
type connections struct {
	max           [doors]int
	perAddressMax int
	countLoopback bool
	limits        timeLimits
	proxies       proxies
	draining      atomic.Bool // set once, when the server is being stopped
	mu            struct {
		sync.Mutex
		open      map[*connection]struct{}
		count     [doors]int
		addresses map[netip.Prefix]int
		empty     chan struct{} // closed when draining and nothing is open
	}
}

func newConnections(cfg *Config, proxies proxies) *connections {
	c := &connections{
		max:           [doors]int{doorPublic: cfg.ConnectionsMax, doorOperations: operatorsMax},
		perAddressMax: cfg.ConnectionsPerAddressMax, countLoopback: cfg.CountLoopback, proxies: proxies,
		limits: timeLimits{read: cfg.ReadTimeout, write: cfg.WriteTimeout, idle: cfg.IdleTimeout},
	}
	c.mu.open = make(map[*connection]struct{})
	c.mu.addresses = make(map[netip.Prefix]int)
	c.mu.empty = make(chan struct{})
	return c
}

// wrap makes a connection out of one that has been accepted. encryption is nil when there is none.
func (c *connections) wrap(raw net.Conn, at door, encryption *tls.Config) *connection {
	conn := &connection{Conn: raw, raw: raw, all: c, door: at, peer: peerOf(raw)}
	conn.deadlines.opened = time.Now()
	conn.trusted = c.proxies.trust(conn.peer)
	if socket, ok := raw.(interface{ SetWriteBuffer(int) error }); ok && at == doorPublic {
		_ = socket.SetWriteBuffer(sendBuffer)
	}
	if at == doorPublic && !conn.trusted && (c.countLoopback || !conn.peer.IsLoopback()) {
		conn.network = networkOf(conn.peer)
	}
	if encryption != nil {
		conn.sealed = newSealed(raw, encryption)
		conn.Conn = conn.sealed.tls
	}
	return conn
}

// count returns how many connections are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.open)
}

// The reasons for which a connection is not taken.
type full uint8

const (
	fullNot     full = iota
	fullServer       // or it is being stopped
	fullAddress      // for its address
)

// add takes a place, or says why there is none.
func (c *connections) add(conn *connection) full {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := conn.network.IsValid()
	switch {
	case c.draining.Load() || c.mu.count[conn.door] >= c.max[conn.door]:
		return fullServer
	case counted && c.mu.addresses[conn.network] >= c.perAddressMax:
		return fullAddress
	}
	c.mu.open[conn] = struct{}{}
	c.mu.count[conn.door]++
	if counted {
		c.mu.addresses[conn.network]++
	}
	return fullNot
}

func (c *connections) remove(conn *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.open, conn)
	c.mu.count[conn.door]--
	if conn.network.IsValid() {
		if c.mu.addresses[conn.network]--; c.mu.addresses[conn.network] == 0 {
			delete(c.mu.addresses, conn.network)
		}
	}
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
		_ = conn.raw.Close() // no word of goodbye: it could be waited for
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
	net.Conn          // what is read and written: raw, or the encryption over it
	raw      net.Conn // the socket
	sealed   *sealed  // nil when nothing is encrypted
	door     door
	peer     netip.Addr   // zero within the process
	trusted  bool         // the peer is a proxy whose word is believed
	network  netip.Prefix // counted under; zero: not counted
	all      *connections
	state    atomic.Uint32
	linger   atomic.Bool // the client may still be sending
	once     sync.Once

	deadlines deadlines

	// named is the last Host that named this machine; of the goroutine that serves the connection.
	named string
	// subscriber is who has taken the connection over, or is about to; set before fasthttp lets go of it.
	subscriber *subscriber
}

// work says that a request has begun to arrive. It returns false when the connection is closing.
func (c *connection) work() bool {
	return c.state.CompareAndSwap(connectionResting, connectionWorking) || c.state.Load() == connectionWorking
}

// rest says that the request has been answered.
func (c *connection) rest() {
	c.deadlines.request = false
	c.state.CompareAndSwap(connectionWorking, connectionResting)
	if c.all.draining.Load() {
		c.hurry()
	}
}

// hurry closes a resting connection; a working one gets little time to send the rest of its
// request.
func (c *connection) hurry() {
	if c.state.CompareAndSwap(connectionResting, connectionClosing) {
		_ = c.raw.Close()
		return
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(drainReadMax))
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (n int, err error) {
	if err = c.limitRead(); err == nil {
		if c.sealed != nil && !c.sealed.open(c.all.draining.Load) {
			return 0, io.EOF
		}
		n, err = c.Conn.Read(b)
	}
	if n > 0 && !c.work() || err != nil && c.state.Load() == connectionClosing {
		return 0, io.EOF
	}
	return n, err
}

// Close implements net.Conn. Closing while the client still sends would make its system throw
// away the answer, so what it sends is read for a while and dropped.
func (c *connection) Close() error {
	var err error
	c.once.Do(func() {
		if c.linger.Load() && !c.all.draining.Load() {
			c.drop()
		}
		if c.subscriber != nil {
			err = c.raw.Close() // a goodbye of the encryption has been said by shut, or is too late
		} else {
			err = c.Conn.Close()
		}
		c.all.remove(c)
		if c.subscriber != nil {
			c.subscriber.lost()
		}
	})
	return err
}

func (c *connection) drop() {
	if err := c.closeWrite(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(lingerMax))
	_, _ = io.CopyN(io.Discard, onlyReader{c.raw}, lingerBytesMax)
}

// closeWrite ends the sending side: the client gets to read what was sent.
func (c *connection) closeWrite() error {
	if c.sealed != nil {
		if err := c.sealed.goodbye(); err != nil {
			return err
		}
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// onlyReader hides every method but Read, so that io.Copy does not look for a faster way.
type onlyReader struct{ io.Reader }

// connectionState is fasthttp's hook.
func connectionState(c net.Conn, state fasthttp.ConnState) {
	own, ok := c.(*connection)
	switch {
	case !ok:
	case state == fasthttp.StateActive && own.deadlines.read != 0: // of the first request it is said before it has come
		own.work() // it may have come along with the one before
	case state == fasthttp.StateIdle:
		own.rest()
	}
}
