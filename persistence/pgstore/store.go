package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-dev/penstock/persistence"
)

var _ persistence.Store = (*Store)(nil)

// Store is a persistence.Store in one PostgreSQL database. It owns a pool of connections that read;
// each writer has one of its own.
type Store struct {
	opts   Options
	config *pgx.ConnConfig // of writers
	pool   *pgxpool.Pool
	keep   *keeper
	stats  stats
	closed atomic.Bool

	sales        salesTail
	salesNumbers salesNumbers

	// writers are those that are open: Close waits for their commits.
	writers writerSet
}

// Open connects to the database. It fails with a *SchemaError when the schema is not the one that this
// program works with, and with ErrUnsuitable when the server cannot keep the store's promises. It changes
// nothing: a store that only reads disturbs nobody.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	s, err := open(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	config, err := primaryConfig(opts.URL, "penstock writer")
	if err != nil {
		return nil, err
	}
	if err := checkPooler(ctx, config); err != nil {
		return nil, err
	}
	pool, err := newPool(ctx, opts)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, config: config, pool: pool}
	s.keep = newKeeper(s)
	err = pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := checkServer(ctx, conn.Conn()); err != nil {
			return err
		}
		return checkSchema(ctx, conn.Conn())
	})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

func newPool(ctx context.Context, opts Options) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		return nil, err
	}
	if config.ConnConfig, err = primaryConfig(opts.URL, "penstock reader"); err != nil {
		return nil, err
	}
	config.MaxConns = int32(opts.Connections - 1)
	config.MinConns = min(config.MinConns, config.MaxConns)
	config.AfterConnect = prepareReader(opts.ReadTimeout)
	return pgxpool.NewWithConfig(ctx, config)
}

// Health implements persistence.Store.
func (s *Store) Health(ctx context.Context) error {
	return s.read(ctx, "health", func(conn *pgx.Conn) error {
		if err := checkServer(ctx, conn); err != nil {
			return fmt.Errorf("%w: %w", persistence.ErrUnavailable, err)
		}
		return nil
	})
}

// Close implements persistence.Store.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.keep.close()
	err := s.writers.close()
	s.keep.addLast() // now that nothing is committed any more
	s.pool.Close()
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

const (
	// readTriesMax is how often a read is tried: after a restart of the server each pooled connection
	// fails once.
	readTriesMax = 2
	// fullPatience is how long a read waits for one of the pool's connections when the server gives no
	// more, and fullPause how often it looks.
	fullPatience = time.Second
	fullPause    = 10 * time.Millisecond
)

// read lends a connection to something that only reads, and tries again on a fresh one when the
// connection was lost.
func (s *Store) read(ctx context.Context, what string, use func(*pgx.Conn) error) error {
	var err error
	for range readTriesMax {
		if s.closed.Load() {
			return fmt.Errorf("read %s: %w", what, persistence.ErrClosed)
		}
		err = s.lend(ctx, use)
		if err == nil || !isLost(err) || ctx.Err() != nil {
			break
		}
		s.pool.Reset() // the others of the pool are as old
	}
	switch {
	case err == nil:
		return nil
	case s.closed.Load():
		return fmt.Errorf("read %s: %w", what, persistence.ErrClosed)
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("read %s: %w", what, persistence.ErrNotFound)
	case isLost(err), isCanceled(err):
		return fmt.Errorf("read %s: %w: %w", what, persistence.ErrUnavailable, err)
	default:
		return fmt.Errorf("read %s: %w", what, err)
	}
}

// lend lends a connection. The pool opens another one when all are lent, and fails when the server has none to give;
// then one of those that are open will be free in a moment.
func (s *Store) lend(ctx context.Context, use func(*pgx.Conn) error) error {
	end := time.Now().Add(fullPatience)
	for {
		used := false
		err := s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
			used = true
			return use(conn.Conn())
		})
		failure, ok := errors.AsType[*pgconn.PgError](err)
		if used || !ok || failure.Code != codeConnections || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(fullPause):
		case <-ctx.Done():
			return err
		}
	}
}

// isLost reports whether the error is the connection's or the server's end, not an answer.
func isLost(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code != codeCanceled && (refusal(failure) == nil || isOutside(failure))
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network || connect || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isCanceled reports whether the server gave a statement up: it took longer than it may.
func isCanceled(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == codeCanceled
}
