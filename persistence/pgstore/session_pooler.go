package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// poolerTimeout bounds the wait for a second connection: a pooler that has none to give lets it wait.
const poolerTimeout = 5 * time.Second

// checkPooler refuses a pooler that gives a server's session to another connection after each
// transaction: what was set and prepared in the session would be lost, or be another's. Two connections
// tell. The first asks twice which session it has, outside of a transaction; then the second holds a
// transaction open and asks the same. A pooler that lends what was given back last lends the second the
// session of the first; one that lends in turn gives the first two different ones.
func checkPooler(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, poolerTimeout)
	defer cancel()
	config = config.Copy()
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // such poolers lose prepared statements
	return withConfig(ctx, config, func(first *pgx.Conn) error {
		before, err := backend(ctx, first)
		if err != nil {
			return err
		}
		again, err := backend(ctx, first)
		if err != nil {
			return err
		}
		return withConfig(ctx, config, func(second *pgx.Conn) error {
			within, err := backendWithin(ctx, second)
			switch {
			case err != nil:
				return fmt.Errorf("on a second connection: %w", err)
			case again != before, within == before:
				return fmt.Errorf("%w: a pooler stands in between and gives every transaction another session; "+
					"let it pool sessions (in PgBouncer pool_mode = session), or connect to the server itself", ErrUnsuitable)
			}
			return nil
		})
	})
}

// backendWithin asks for the session of a transaction.
func backendWithin(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	tx, err := conn.Begin(ctx)
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return 0, fmt.Errorf("%w: it refuses transactions (%s); where a pooler stands in between, let it pool sessions",
			ErrUnsuitable, failure.Message)
	}
	if err != nil {
		return 0, err
	}
	pid, err = backend(ctx, conn)
	return pid, errors.Join(err, tx.Rollback(ctx))
}

// backend asks for the process that serves the connection's session.
func backend(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
	return pid, err
}

// withConfig lends a connection for a while.
func withConfig(ctx context.Context, config *pgx.ConnConfig, use func(*pgx.Conn) error) (err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return use(conn)
}
