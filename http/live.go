package http

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/penstock-dev/penstock/commerce"
)

// live brings committed events to subscribers: over WebSockets, and as Server-Sent Events.
//
// A subscriber costs a socket and a goroutine that reads it; it has no goroutine that writes and no queue
// of messages. The engine's subscription keeps what it has not got yet, and when there
// is something it wakes the subscriber, who queues up for one of a few deliverers. A deliverer never
// waits: not for a socket, whose client may not read, and not for the store.
//
//	engine ──wake──► ready ──► deliverer ──write──► socket
//	                   ▲           ├─ the store has more ──► reader pool ──► ready
//	                   └───────────┴─ the socket is full ──► one goroutine, bounded in time and number
type live struct {
	cfg     *Config
	log     *slog.Logger
	metrics *liveMetrics

	ready  subscriberQueue // have something to send
	behind subscriberQueue // have something to read from the store
	slots  [pingSlots]pingSlot
	stuck  atomic.Int64 // subscribers whose sockets are full

	revoked  chan struct{} // some credentials may have ended
	draining atomic.Bool
	quit     chan struct{}
	running  sync.WaitGroup
	mu       struct {
		sync.Mutex
		started   bool
		stopped   bool
		count     int
		feeds     int
		next      int // slot of the next subscriber
		addresses map[netip.Prefix]int
		callers   map[string]int // feeds, by who follows them
		empty     chan struct{}  // closed when draining and nobody is left
	}
}

const (
	// catchUpReaders is how many subscribers are served from the store at the same time.
	catchUpReaders = 8
	// stuckMax is how many sockets may be full at the same time. One more is cut off.
	stuckMax = 256
)

func newLive(cfg *Config, log *slog.Logger) *live {
	l := &live{cfg: cfg, log: log, quit: make(chan struct{}), revoked: make(chan struct{}, 1)}
	if cfg.Access != nil {
		cfg.Access.OnChange(l.identitiesChanged)
	}
	l.metrics = newLiveMetrics(l)
	l.ready.init()
	l.behind.init()
	l.mu.addresses = make(map[netip.Prefix]int)
	l.mu.callers = make(map[string]int)
	l.mu.empty = make(chan struct{})
	return l
}

// admit takes a place for a subscriber, or says that there is none. What is admitted is started, or
// released.
func (l *live) admit(r *request, p protocol) (*subscriber, error) {
	s := &subscriber{live: l, protocol: p, identity: r.identity, address: networkOf(r.client())}
	s.conn, _ = r.ctx.Conn().(*connection)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.draining.Load() || l.mu.stopped:
		return nil, &commerce.Error{Code: commerce.CodeOverloaded, Detail: "the server is shutting down; try again"}
	case l.mu.count >= l.cfg.SubscribersMax, p.feed() && l.mu.feeds >= l.cfg.FeedsMax:
		return nil, &commerce.Error{
			Code: commerce.CodeOverloaded, Detail: "there are too many subscribers; try again later", RetryAfter: retrySubscribers,
		}
	case p.feed() && s.identity != nil && l.mu.callers[s.identity.Principal.Subject] >= l.cfg.FeedsPerCallerMax:
		return nil, &commerce.Error{
			Code: codeTooManyRequests, Detail: "you follow all orders too many times already; end some of that first", RetryAfter: retrySubscribers,
		}
	case l.mu.addresses[s.address] >= l.cfg.SubscribersPerAddressMax:
		return nil, &commerce.Error{
			Code: codeTooManyRequests, Detail: "there are too many subscribers from your address; end some of them first",
			RetryAfter: retrySubscribers,
		}
	}
	l.mu.count++
	l.mu.addresses[s.address]++
	if p.feed() {
		l.mu.feeds++
		if s.identity != nil {
			l.mu.callers[s.identity.Principal.Subject]++
		}
	}
	if l.mu.next++; l.mu.next == pingSlots {
		l.mu.next = 0
	}
	s.slot = &l.slots[l.mu.next]
	if !l.mu.started {
		l.mu.started = true
		l.startLocked()
	}
	return s, nil
}

// retrySubscribers is when to ask again for a place.
const retrySubscribers = 5 * time.Second

// startLocked starts the goroutines, when the first subscriber comes.
func (l *live) startLocked() {
	for range max(2, runtime.GOMAXPROCS(0)) {
		l.running.Go(l.deliver)
	}
	for range catchUpReaders {
		l.running.Go(l.catchUp)
	}
	l.running.Go(l.tick)
	if l.cfg.Access != nil {
		l.running.Go(l.watchIdentities)
	}
}

// release ends a subscriber: nobody uses it any more.
func (l *live) release(s *subscriber) {
	if s.subscription != nil {
		s.subscription.Close()
	}
	s.slot.remove(s)
	if s.begun {
		l.metrics.closed(s.endedBy())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.count--
	if l.mu.addresses[s.address]--; l.mu.addresses[s.address] == 0 {
		delete(l.mu.addresses, s.address)
	}
	if s.protocol.feed() {
		l.mu.feeds--
		l.releaseCallerLocked(s)
	}
	l.signalLocked()
}

func (l *live) releaseCallerLocked(s *subscriber) {
	if s.identity == nil {
		return
	}
	caller := s.identity.Principal.Subject
	if l.mu.callers[caller]--; l.mu.callers[caller] == 0 {
		delete(l.mu.callers, caller)
	}
}

func (l *live) signalLocked() {
	if !l.draining.Load() || l.mu.count > 0 {
		return
	}
	select {
	case <-l.mu.empty:
	default:
		close(l.mu.empty)
	}
}

// count returns how many subscribers there are, and how many of them follow all orders.
func (l *live) count() (all, feeds int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.count, l.mu.feeds
}

// drain takes no subscriber any more, tells those there are to go, and waits until they have gone or
// the context ends.
func (l *live) drain(ctx context.Context) {
	l.mu.Lock()
	l.draining.Store(true)
	l.signalLocked()
	l.mu.Unlock()
	for i := range l.slots {
		l.slots[i].each(func(s *subscriber) { s.end(websocket.CloseGoingAway, "the server is being stopped") })
	}
	wait, cancel := context.WithTimeout(ctx, drainSubscribersMax)
	defer cancel()
	select {
	case <-l.mu.empty:
	case <-wait.Done():
	}
}

// drainSubscribersMax is how long subscribers may take to go. Whoever has not is cut off.
const drainSubscribersMax = 5 * time.Second

// stop ends the goroutines. REQUIRES: all connections are closed, or being closed.
func (l *live) stop() {
	l.mu.Lock()
	stopped := l.mu.stopped
	l.mu.stopped = true
	l.mu.Unlock()
	if !stopped {
		close(l.quit)
		l.ready.close()
		l.behind.close()
	}
	l.running.Wait()
}

// spawn runs a goroutine that stop waits for; false says that it is too late.
func (l *live) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.stopped {
		return false
	}
	l.running.Go(f)
	return true
}

// subscriberQueue is a line of subscribers. Each stands in it once at most, which bounds it.
type subscriberQueue struct {
	mu     sync.Mutex
	some   sync.Cond
	line   []*subscriber
	first  int
	closed bool
}

func (q *subscriberQueue) init() { q.some.L = &q.mu }

func (q *subscriberQueue) push(s *subscriber) {
	q.mu.Lock()
	q.line = append(q.line, s)
	q.mu.Unlock()
	q.some.Signal()
}

// pop waits for the next subscriber; nil says that the queue is closed.
func (q *subscriberQueue) pop() *subscriber {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.first == len(q.line) && !q.closed {
		q.some.Wait()
	}
	if q.closed {
		return nil
	}
	s := q.line[q.first]
	q.line[q.first] = nil
	if q.first++; q.first == len(q.line) {
		q.line, q.first = q.line[:0], 0
	}
	return s
}

func (q *subscriberQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.some.Broadcast()
}
