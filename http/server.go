package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Server is the HTTP door. It is made by New, serves one listener, and is stopped by Shutdown.
type Server struct {
	cfg      Config
	log      *slog.Logger
	fast     *fasthttp.Server
	routes   []Route
	unread   unread // what stands for the route of requests that could not be read
	document []byte // the API document
	// asyncDocument describes the messages of subscriptions.
	asyncDocument []byte
	// dashboard prepares its page at the first call: few ever look at it.
	dashboard func() (*site, error)
	keys      headerKeys
	requests  sync.Pool // of *request
	metrics   *metrics
	caches    *caches
	started   time.Time

	connections  *connections
	subscribers  *live
	verification verification
	exports      *exports
	reminder     reminder

	served chan struct{} // closed when Serve has returned
	mu     struct {
		sync.Mutex
		listener net.Listener // nil before Serve
		stopped  bool
	}
}

// New returns a server that is ready to serve. It copies the configuration, fills in its defaults
// and refuses it with every fault in one error.
func New(cfg Config) (*Server, error) {
	cfg.EnsureDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the HTTP server: %w", err)
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger.With("logger", "http"), routes: routes(), keys: newHeaderKeys(), started: time.Now(),
		connections: newConnections(cfg.ConnectionsMax),
	}
	s.requests.New = s.newRequest
	s.exports = newExports()
	s.subscribers = newLive(&s.cfg, s.log)
	s.dashboard = sync.OnceValues(openDashboard)
	s.served = make(chan struct{})
	var err error
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
	s.fast = s.newFastServer()
	return s, nil
}

func (s *Server) newFastServer() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:       s.dispatch(),
		ErrorHandler:  s.refuseBroken,
		ExpectHandler: s.expect,
		ConnState:     connectionState,
		Logger:        fastLogger{s.log},

		ReadTimeout:        s.cfg.ReadTimeout,
		WriteTimeout:       s.cfg.WriteTimeout,
		IdleTimeout:        s.cfg.IdleTimeout,
		MaxRequestBodySize: s.cfg.BodyMax,
		ReadBufferSize:     s.cfg.HeaderMax,
		// The listener refuses connections beyond the limit, with a problem. This one is only
		// reached by those that are still being closed.
		Concurrency: 2 * s.cfg.ConnectionsMax,

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

// Serve answers requests until Shutdown, then returns nil. It takes over the listener. Unless
// NoAuth is set it refuses a listener that others than this machine can reach.
func (s *Server) Serve(ln net.Listener) error {
	if err := checkAddr(ln.Addr(), s.cfg.NoAuth); err != nil {
		_ = ln.Close()
		return err
	}
	own := s.connections.listen(ln)
	s.mu.Lock()
	if s.mu.listener != nil || s.mu.stopped {
		stopped := s.mu.stopped
		s.mu.Unlock()
		_ = ln.Close()
		if stopped {
			return nil
		}
		return errors.New("serve HTTP: the server serves a listener already")
	}
	s.mu.listener = own
	if s.cfg.NoAuth {
		s.reminder.start(s.log)
	}
	s.mu.Unlock()
	defer close(s.served)
	if err := s.fast.Serve(own); err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// Shutdown stops the server. Readiness goes first; then no connection is accepted, resting ones
// are closed, subscribers are told to go, requests under way are finished and their connections closed.
// What is left when the context ends is cut off, and its error returned. Stopping before Serve, or twice, is harmless.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.mu.stopped = true
	listener := s.mu.listener
	s.mu.Unlock()
	s.verification.stop()
	s.exports.close()
	if listener != nil {
		_ = listener.Close()
	}
	s.connections.draining.Store(true) // whoever is answered from now on is asked to go
	s.subscribers.drain(ctx)
	err := s.connections.drain(ctx)
	s.subscribers.stop()
	if listener != nil {
		<-s.served
		// This ends what fasthttp keeps for a server that runs. Unless the context has ended, nothing
		// is open any more, and it does not wait.
		if fastErr := s.fast.ShutdownWithContext(ctx); err == nil {
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
