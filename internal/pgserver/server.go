package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// address is where servers listen: nobody from outside may reach them, since they trust everybody.
	address = "127.0.0.1"

	// readyInterval is how often a server that is not ready is asked whether it is.
	readyInterval = 3 * time.Millisecond

	// dialPatience bounds one try to connect.
	dialPatience = 5 * time.Second

	// closePatience is how long a server has to end when it is closed.
	closePatience = 20 * time.Second

	// startTries is how often a server is started on another port when somebody took the one chosen.
	startTries = 5
)

// ApplicationName is the application_name of connections of this package.
const ApplicationName = "pgserver"

// Server is a PostgreSQL of our own. Its superuser is postgres, whom it trusts without a password. Its
// methods may be called at any time, but those that end or start it by one goroutine only.
type Server struct {
	options Options
	owner   owner
	dir     string
	port    int
	janitor *janitor // nil when the directory is the caller's
	env     []string // what Options.Prepare has added

	mu struct {
		sync.Mutex
		process *process // of the last start; nil before the first
		closed  bool
	}
}

// Start makes a cluster and a server for it, and waits until that accepts connections. The context
// bounds the start, not the server's life: that ends with Close, or with this process.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{options: options}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	var err error
	if s.owner, err = findOwner(); err != nil {
		return err
	}
	if err := s.makeDir(); err != nil {
		return err
	}
	if err := s.makeCluster(ctx); err != nil {
		return err
	}
	if s.options.Prepare != nil {
		if s.env, err = s.options.Prepare(ctx, s.dir, s.Data()); err != nil {
			return err
		}
	}
	for range startTries {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err := s.configure(); err != nil {
			return err
		}
		if _, err = s.Restart(ctx); !errors.Is(err, ErrEnded) {
			return err
		}
	}
	return err
}

// ErrEnded says that a server ended instead of becoming ready.
var ErrEnded = errors.New("PostgreSQL ended")

// URL returns the address of a database of this server, whether it exists or not.
func (s *Server) URL(database string) string { return databaseURL(s.port, database) }

// Data returns the directory of the cluster.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// Port returns the port on which the server listens; it keeps it from start to start.
func (s *Server) Port() int { return s.port }

// PID returns the process id of the postmaster, which may have ended.
func (s *Server) PID() int { return s.last().pid() }

// Done is closed when the postmaster of the last start has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.last().ended }

// Kill ends the postmaster with SIGKILL, as kill -9 does, and waits until its orphaned backends have
// noticed and ended. That takes a moment, and as long as the longest query that looks at no latch.
func (s *Server) Kill(ctx context.Context) error { return s.last().end(ctx, syscall.SIGKILL) }

// StopImmediate ends the server without a checkpoint, as pg_ctl stop -m immediate does: it recovers
// at its next start.
func (s *Server) StopImmediate(ctx context.Context) error { return s.last().end(ctx, syscall.SIGQUIT) }

// StopFast ends all sessions, writes a checkpoint and ends the server, as pg_ctl stop does.
func (s *Server) StopFast(ctx context.Context) error { return s.last().end(ctx, syscall.SIGINT) }

// Restart starts the server again on the same port and waits until it accepts connections; it
// returns that moment. A server that still runs is ended first, as StopImmediate does.
func (s *Server) Restart(ctx context.Context) (time.Time, error) {
	if last := s.last(); last != nil {
		if err := last.end(ctx, syscall.SIGQUIT); err != nil {
			return time.Time{}, err
		}
	}
	if err := s.launch(); err != nil {
		return time.Time{}, fmt.Errorf("start postmaster: %w", err)
	}
	return s.WaitReady(ctx)
}

// connect connects to the server, once.
func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(s.URL("postgres"))
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = dialPatience
	config.RuntimeParams["application_name"] = ApplicationName
	return pgx.ConnectConfig(ctx, config)
}

func (s *Server) launch() error {
	output, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	cmd := s.owner.command(s.options.Binaries.path("postgres"), "-D", s.Data())
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Env, s.options.Env...)
	cmd.Env = append(cmd.Env, s.env...)
	cmd.Stdout, cmd.Stderr = output, output
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.process = p
	return nil
}

// WaitReady waits until the server accepts a connection, and returns the moment it did, to about
// readyInterval. It fails with ErrEnded when the postmaster has ended.
func (s *Server) WaitReady(ctx context.Context) (time.Time, error) {
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		if s.saysReady() {
			if conn, err := s.connect(ctx); err == nil {
				return time.Now(), conn.Close(ctx)
			}
		}
		select {
		case <-s.Done():
			return time.Time{}, fmt.Errorf("wait for PostgreSQL: %w%s", ErrEnded, s.tailForError())
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for PostgreSQL: %w%s", context.Cause(ctx), s.tailForError())
		case <-ticker.C:
		}
	}
}

// Close ends the server and removes what it left, its directory too unless the caller chose it.
// Closing twice is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	last, closed := s.mu.process, s.mu.closed
	s.mu.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	var faults []error
	if last != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		if err := last.end(ctx, syscall.SIGQUIT); err != nil {
			faults = append(faults, err)
			_ = last.cmd.Process.Kill() // fails only when it has ended
			last.abandon()
		}
		faults = append(faults, s.removeSharedMemory())
	}
	if s.janitor != nil {
		if err := s.janitor.finish(); err != nil {
			faults = append(faults, fmt.Errorf("remove %s: %w", s.dir, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("close PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) last() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.process
}

func databaseURL(port int, database string) string {
	return fmt.Sprintf("postgres://postgres@%s:%d/%s?sslmode=disable", address, port, database)
}
