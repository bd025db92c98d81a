package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Server is what speaks HTTP. It is made by New, serves callers at one listener and operators at others, and
// is stopped by Shutdown.
type Server struct {
	cfg      Config
	log      *slog.Logger
	fast     [doors]*fasthttp.Server
	routes   []Route
	unread   unread // what stands for the route of requests that could not be read
	document []byte // the API document
	// asyncDocument describes the messages of subscriptions.
	asyncDocument []byte
	// dashboard prepares its page at the first call: few ever look at it.
	dashboard func() (*site, error)
	keys      headerKeys
	security  securityFields
	origins   origins
	hosts     []string    // see Config.AllowedHosts
	encrypted *tls.Config // nil when nothing is encrypted
	requests  sync.Pool   // of *request
	metrics   *metrics
	caches    *caches
	started   time.Time

	connections  *connections
	subscribers  *live
	verification verification
	exports      *exports
	reminder     reminder
	hidden       hidden

	serving sync.WaitGroup // of Serve and ServeOperations
	mu      struct {
		sync.Mutex
		listeners [doors][]net.Listener
		stopped   bool
	}
}

// New returns a server that is ready to serve. It copies the configuration, fills in its defaults
// and refuses it with every fault in one error.
func New(cfg Config) (*Server, error) {
	cfg.EnsureDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the HTTP server: %w", err)
	}
	if err := checkPolicies(slices.Concat(routes(), profileRoutes())); err != nil {
		return nil, err
	}
	trusted, err := parseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err // Validate has said so
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger.With("logger", "http"), routes: routes(), keys: newHeaderKeys(), started: time.Now(),
		connections: newConnections(&cfg, trusted), security: newSecurityFields(cfg.TLSCert != ""),
		origins: parseOrigins(cfg.AllowedOrigins), hosts: splitList(cfg.AllowedHosts),
	}
	if cfg.TLSCert != "" {
		c, err := openCertificate(cfg.TLSCert, cfg.TLSKey, s.log)
		if err != nil {
			return nil, err
		}
		s.encrypted = c.encryption()
	}
	s.requests.New = s.newRequest
	s.exports = newExports()
	s.subscribers = newLive(&s.cfg, s.log)
	s.dashboard = sync.OnceValues(openDashboard)
	if s.document, err = document(s.routes, cfg.Version); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	if s.asyncDocument, err = asyncDocument(s.routes, cfg.Version); err != nil {
		return nil, fmt.Errorf("describe the messages: %w", err)
	}
	if s.metrics, err = newMetrics(cfg.Registerer, s, cfg.NoAuth); err != nil {
		return nil, fmt.Errorf("register the metrics of the HTTP server: %w", err)
	}
	if s.caches, err = newCaches(&s.cfg); err != nil {
		return nil, fmt.Errorf("make the caches of the HTTP server: %w", err)
	}
	s.unread = s.newUnread()
	s.fast[doorPublic] = s.newFastServer(s.dispatch(), cfg.ConnectionsMax)
	s.fast[doorOperations] = s.newFastServer(s.newRouter(doorOperations).Handler, operatorsMax)
	return s, nil
}

func (s *Server) newFastServer(handler fasthttp.RequestHandler, connectionsMax int) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:       handler,
		ErrorHandler:  s.refuseBroken,
		ExpectHandler: s.expect,
		ConnState:     connectionState,
		Logger:        fastLogger{s.log},

		// Connections keep the time limits themselves: see deadlines.
		MaxRequestBodySize: s.cfg.BodyMax,
		ReadBufferSize:     s.cfg.HeaderMax,
		// The listener refuses connections beyond the limit, with a problem. This one is only
		// reached by those that are still being closed.
		Concurrency: 2 * connectionsMax,

		// ReduceMemoryUsage stays off: it would read the first byte of each request by a system call
		// of its own. A resting connection keeps its buffers, some 20 KiB.
		DisablePreParseMultipartForm: true, // it would write files
		SecureErrorLogMessage:        true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		CloseOnShutdown:              true,
		// Subscribers close their connections themselves: what fasthttp keeps for a request would
		// otherwise be kept for as long as they stay.
		KeepHijackedConns: true,
	}
}

// Serve answers callers until Shutdown, then returns nil. It takes over the listener. Unless callers must
// prove who they are, or NoAuth is set, it refuses a listener that others than this machine can reach.
func (s *Server) Serve(ln net.Listener) error { return s.serveAt(doorPublic, ln, s.encrypted) }

// ServeOperations is Serve for operators: health, metrics, administration, profiles. It may serve several
// listeners. One that only this machine can reach is not encrypted: what scrapes metrics there knows no names.
func (s *Server) ServeOperations(ln net.Listener) error {
	encryption := s.encrypted
	if checkAddr(ln.Addr(), false) == nil {
		encryption = nil
	}
	return s.serveAt(doorOperations, ln, encryption)
}

func (s *Server) serveAt(at door, ln net.Listener, encryption *tls.Config) error {
	if err := checkAddr(ln.Addr(), s.cfg.NoAuth || s.cfg.Proof); err != nil {
		_ = ln.Close()
		return err
	}
	own := s.connections.listen(ln, at, encryption)
	stopped, err := s.begin(at, own)
	if stopped || err != nil {
		_ = ln.Close()
		return err
	}
	defer s.serving.Done()
	if err := s.fast[at].Serve(own); err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// begin notes a listener, which Shutdown closes then.
func (s *Server) begin(at door, ln net.Listener) (stopped bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.stopped:
		return true, nil
	case at == doorPublic && len(s.mu.listeners[at]) > 0:
		return false, errors.New("serve HTTP: the server serves a listener already")
	}
	s.mu.listeners[at] = append(s.mu.listeners[at], ln)
	s.serving.Add(1)
	if s.cfg.NoAuth {
		s.reminder.start(s.log)
	}
	return false, nil
}

// Shutdown stops the server. Readiness goes first; then no connection is accepted, resting ones
// are closed, subscribers are told to go, requests under way are finished and their connections closed.
// What is left when the context ends is cut off, and its error returned. Stopping before Serve, or twice, is harmless.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.mu.stopped = true
	listeners := s.mu.listeners
	s.mu.Unlock()
	s.verification.stop()
	s.exports.close()
	for _, ln := range slices.Concat(listeners[:]...) {
		_ = ln.Close()
	}
	s.connections.draining.Store(true) // whoever is answered from now on is asked to go
	s.subscribers.drain(ctx)
	err := s.connections.drain(ctx)
	s.subscribers.stop()
	s.serving.Wait()
	for at, fast := range s.fast {
		if len(listeners[at]) == 0 {
			continue
		}
		// This ends what fasthttp keeps for a server that runs. Unless the context has ended, nothing
		// is open any more, and it does not wait.
		if fastErr := fast.ShutdownWithContext(ctx); err == nil {
			err = fastErr
		}
	}
	s.reminder.stop()
	if err != nil {
		return fmt.Errorf("shut down HTTP: %w", err)
	}
	return nil
}

// draining reports whether the server is being stopped.
func (s *Server) draining() bool { return s.connections.draining.Load() }

// fastLogger hands fasthttp's few messages, about connections that went wrong, to the log.
type fastLogger struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (l fastLogger) Printf(format string, args ...any) {
	l.log.Debug("connection: " + fmt.Sprintf(format, args...))
}
