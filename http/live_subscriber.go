package http

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
)

// protocol is how a subscriber is spoken to. Its methods append to what is sent next.
type protocol interface {
	feed() bool // of all orders
	appendUpdate(dst []byte, u *actors.Update) []byte
	appendPing(dst []byte) []byte
	appendPong(dst, payload []byte) []byte
	appendClose(dst []byte, code uint16, reason string) []byte
	// answersPings reports whether a client that is there is heard of after a ping.
	answersPings() bool
	// read reads what the client sends, until there is no more to be read.
	read(s *subscriber, early []byte)
}

// The states of a subscriber. Whoever brings it from queued to running, or from starting to it, has it
// alone until it rests again: a deliverer, a reader of the store, the goroutine that waits for its socket.
//
//	            hijacked           deliverer            nothing more
//	starting ─────────────► queued ─────────► running ─────────────► resting
//	   │                      ▲                  │  ▲                   │
//	   │ never hijacked       │       woken ┌────┘  │ (again: woken     │ woken
//	   └────► released        └─────────────┴───────┘  meanwhile)       │
//	                          └─────────────────────────────────────────┘
const (
	subscriberStarting uint32 = iota
	subscriberQueued
	subscriberRunning
	subscriberAgain
	subscriberResting
)

// subscriber is one client that follows an order, or all of them.
type subscriber struct {
	live         *live
	protocol     protocol
	subscription actors.Subscription
	identity     *access.Identity // nil when it did not have to prove anything
	conn         *connection
	socket       syscall.RawConn // nil when the connection is none of the system's
	address      netip.Prefix
	slot         *pingSlot
	place        int // in the slot; guarded by it
	state        atomic.Uint32
	heard        atomic.Bool  // since the last ping
	controls     atomic.Int32 // control frames of the client since the last ping

	// Of who has it:
	begun     bool // the client has been answered
	closeSent bool
	stale     time.Time // since when it could not be read from the store; zero: it could

	mu struct {
		sync.Mutex
		hello   []byte // what is sent first
		pong    []byte // payload of the newest ping that is not answered
		ponging bool
		pinging bool
		pinged  bool   // a ping was sent, and nothing was heard yet
		closing uint16 // the code it is being closed with; 0: it is not
		reason  string
		gone    bool // its connection is closed
	}
}

// Wake implements actors.Watcher.
func (s *subscriber) Wake() {
	for {
		switch s.state.Load() {
		case subscriberResting:
			if s.state.CompareAndSwap(subscriberResting, subscriberQueued) {
				s.live.ready.push(s)
				return
			}
		case subscriberRunning:
			if s.state.CompareAndSwap(subscriberRunning, subscriberAgain) {
				return
			}
		default: // it will be looked at
			return
		}
	}
}

// rest lets go of a subscriber, who queues up again when something has come meanwhile.
// REQUIRES: the caller has it.
func (s *subscriber) rest() {
	if !s.state.CompareAndSwap(subscriberRunning, subscriberResting) {
		s.requeue()
	}
}

// requeue lets go of a subscriber that has more to do. REQUIRES: the caller has it.
func (s *subscriber) requeue() {
	s.state.Store(subscriberQueued)
	s.live.ready.push(s)
}

// start takes over the connection. fasthttp calls it when the handler has returned; what of the client it
// has read beyond the request is fetched from it, so that nothing of its memory is kept.
func (s *subscriber) start(hijacked net.Conn) {
	early := takeBuffered(s.conn.Conn, hijacked)
	if s.conn.sealed != nil {
		s.conn.sealed.hold()
	}
	if raw, ok := s.conn.raw.(syscall.Conn); ok {
		if socket, err := raw.SyscallConn(); err == nil {
			s.socket = socket
		}
	}
	if tcp, ok := s.conn.raw.(interface{ SetWriteBuffer(int) error }); ok {
		_ = tcp.SetWriteBuffer(socketBuffer) // it would grow to megabytes for a client that never reads
	}
	if !s.state.CompareAndSwap(subscriberStarting, subscriberQueued) {
		return // it has been lost already
	}
	s.begun = true
	s.live.metrics.begun.Add(1)
	s.slot.add(s)
	s.live.ready.push(s)
	if s.live.draining.Load() { // it may have come too late to be told
		s.end(websocket.CloseGoingAway, "the server is being stopped")
	}
	reading := s.live.spawn(func() {
		s.protocol.read(s, early)
		_ = s.conn.Close()
	})
	if !reading {
		_ = s.conn.Close()
	}
}

// socketBuffer is how much the system keeps for a client that does not read. Longer messages wait.
const socketBuffer = 32 << 10

// takeBuffered returns what has been read from a connection and is still in a buffer before it. A deadline in
// the past lets a read return what there is, and nothing else.
func takeBuffered(conn, buffered net.Conn) (early []byte) {
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	var piece [512]byte
	for {
		n, err := buffered.Read(piece[:])
		early = append(early, piece[:n]...)
		if err != nil || n == 0 {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Time{})
	return early
}

// lost is told when the connection has been closed, by whomever.
func (s *subscriber) lost() {
	s.mu.Lock()
	s.mu.gone = true
	s.mu.Unlock()
	if s.state.CompareAndSwap(subscriberStarting, subscriberRunning) {
		s.live.release(s) // it was never taken over
		return
	}
	s.Wake()
}

// end closes the subscription with a code, unless it is being closed already.
func (s *subscriber) end(code uint16, reason string) {
	s.mu.Lock()
	if s.mu.closing == 0 {
		s.mu.closing, s.mu.reason = code, reason
	}
	s.mu.Unlock()
	s.Wake()
}

// cut closes the connection without a word, for a reason that is counted.
func (s *subscriber) cut(code uint16) {
	s.mu.Lock()
	if s.mu.closing == 0 {
		s.mu.closing = code
	}
	s.mu.Unlock()
	_ = s.conn.Close()
}

// endedBy returns the code that the subscription has ended with.
func (s *subscriber) endedBy() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closing == 0 {
		return websocket.CloseAbnormalClosure
	}
	return s.mu.closing
}

// pong answers a ping; of several that wait, the newest (RFC 6455, section 5.5.3).
func (s *subscriber) pong(payload []byte) {
	s.mu.Lock()
	s.mu.pong, s.mu.ponging = append(s.mu.pong[:0], payload...), true
	s.mu.Unlock()
	s.Wake()
}

// closeWait is how long a client may take to close its side after it has been told to.
const closeWait = time.Second

// seal returns what of a message goes to the socket. REQUIRES: the caller has the subscriber.
func (s *subscriber) seal(message []byte) ([]byte, error) {
	if s.conn.sealed == nil {
		return message, nil
	}
	return s.conn.sealed.seal(message)
}

// discard reads and drops what a client still sends, so that it gets to read why it was closed.
func (s *subscriber) discard(buf []byte) {
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWait))
	for read := 0; read < lingerBytesMax; {
		n, err := s.conn.Conn.Read(buf)
		if err != nil {
			return
		}
		read += n
	}
}
