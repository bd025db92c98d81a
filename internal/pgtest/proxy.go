package pgtest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy stands between clients and one database, and cuts or holds their connections. It reads the
// protocol, so that it knows a commit when it sees one; connections are not encrypted. Its methods
// may be called at any time by anybody.
type Proxy struct {
	network, address string // of the server
	base             *url.URL
	listener         net.Listener
	running          sync.WaitGroup

	mu struct {
		sync.Mutex
		links    map[*link]struct{}
		armed    []*armed
		refusing bool
		closed   bool
		gate     chan struct{} // closed when connections may go on; nil when they are not held
	}
}

// NewProxy listens on a free loopback port for connections to the database of the URL given. Close
// ends it.
func NewProxy(database string) (*Proxy, error) {
	base, err := url.Parse(database)
	if err != nil || !strings.HasPrefix(base.Scheme, "postgres") {
		return nil, errors.New("start proxy: the database must be given as postgres://…")
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{base: base, listener: listener}
	p.network, p.address = pgconn.NetworkAddress(config.Host, config.Port)
	p.mu.links = make(map[*link]struct{})
	p.running.Go(p.accept)
	return p, nil
}

// URL returns the URL of the database by way of the proxy.
func (p *Proxy) URL() string {
	u := *p.base
	u.Host = p.listener.Addr().String()
	query := u.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	return u.String()
}

// CutCommit lets the next batch that fits be cut, once. The channel is closed when the client's
// connection has been cut. Several may be armed; the first one that fits is taken.
func (p *Proxy) CutCommit(cut Cut) (done <-chan struct{}) {
	a := &armed{Cut: cut, done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.armed = append(p.mu.armed, a)
	return a.done
}

// Disarm forgets the cuts that have found no batch; their channels stay open.
func (p *Proxy) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.armed = nil
}

// Pause holds all connections, also those that begin later: nothing goes through, nothing is cut.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.gate == nil {
		p.mu.gate = make(chan struct{})
	}
}

// Resume lets connections go on.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.openGateLocked()
}

// Refuse lets new connections be reset at once, or be served again. Those there are go on.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.refusing = refuse
}

// Disconnect cuts all connections there are, whatever they are doing.
func (p *Proxy) Disconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disconnectLocked()
}

// Close cuts all connections, and waits until nothing of the proxy runs. Closing twice is harmless.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.mu.closed = true
	p.openGateLocked()
	p.disconnectLocked()
	p.mu.Unlock()
	_ = p.listener.Close() // fails only when it is closed
	p.running.Wait()
}

func (p *Proxy) openGateLocked() {
	if p.mu.gate != nil {
		close(p.mu.gate)
		p.mu.gate = nil
	}
}

func (p *Proxy) disconnectLocked() {
	for l := range p.mu.links {
		l.close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client was faster in leaving
		}
		l := newLink(p, client)
		if !p.admit(l) {
			l.reset()
			continue
		}
		p.running.Go(func() {
			defer p.forget(l)
			l.run()
		})
	}
}

func (p *Proxy) admit(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed || p.mu.refusing {
		return false
	}
	p.mu.links[l] = struct{}{}
	return true
}

func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.links, l)
}

// take hands out the cut that is meant for a batch, if there is one.
func (p *Proxy) take(application string, b *batch) *armed {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, a := range p.mu.armed {
		if a.matches(application, b) {
			p.mu.armed = slices.Delete(p.mu.armed, i, i+1)
			return a
		}
	}
	return nil
}

// isCut reports whether a connection with that key has been cut and the server still works on it. A
// client that cannot be reached cannot cancel either; drivers try as soon as a connection breaks.
func (p *Proxy) isCut(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.mu.links {
		if l.isCutWith(key) {
			return true
		}
	}
	return false
}

// gate returns what a connection has to wait for; nil when it may go on.
func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.gate
}
