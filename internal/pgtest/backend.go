package pgtest

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/internal/pgserver"
)

// ErrNoBackend says that a server has no client's backend that could be killed.
var ErrNoBackend = errors.New("no client is connected")

// crashPatience is how long a server may take to notice that a backend was killed.
const crashPatience = 10 * time.Second

// Backend is the process that serves one client's connection.
type Backend struct {
	PID         int
	Database    string
	Application string // application_name
	State       string // active, idle, idle in transaction, …
	Query       string // the last one
}

// KillBackend kills one of the backends that serve clients, as kill -9 does: the one that pick
// chooses of those there are, this package's own left out. It returns when the server has noticed; it then ends all sessions and
// recovers by itself, which WaitReady waits for. It fails with ErrNoBackend when nobody is connected.
func (s *Server) KillBackend(ctx context.Context, pick func([]Backend) Backend) (Backend, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return Backend{}, fmt.Errorf("kill a backend: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for {
		backends, err := clients(ctx, conn)
		if err != nil {
			return Backend{}, fmt.Errorf("list backends: %w", err)
		}
		if len(backends) == 0 {
			return Backend{}, fmt.Errorf("kill a backend: %w", ErrNoBackend)
		}
		victim := pick(backends)
		// One that has just ended on its own leaves its number to somebody else.
		if !isChild(victim.PID, s.PID()) || syscall.Kill(victim.PID, syscall.SIGKILL) != nil {
			continue
		}
		noticed, err := waitForCrash(ctx, conn)
		if noticed || err != nil {
			return victim, err
		}
	}
}

// waitForCrash waits until the server ends this session too, as it does with all when it has lost
// one. It reports false when the server does not: the victim had ended in order.
func waitForCrash(ctx context.Context, conn *pgx.Conn) (bool, error) {
	patience, cancel := context.WithTimeout(ctx, crashPatience)
	defer cancel()
	for {
		_, err := conn.WaitForNotification(patience)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return false, fmt.Errorf("wait for PostgreSQL to notice the lost backend: %w", context.Cause(ctx))
		case patience.Err() != nil && !conn.IsClosed():
			return false, nil
		default:
			return true, nil
		}
	}
}

func clients(ctx context.Context, conn *pgx.Conn) ([]Backend, error) {
	rows, err := conn.Query(ctx, `SELECT pid, coalesce(datname, ''), coalesce(application_name, ''), coalesce(state, ''), coalesce(query, '')
		FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> ALL ($1) ORDER BY pid`, []string{ownName, pgserver.ApplicationName})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Backend])
}
