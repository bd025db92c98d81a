package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrUnsuitable says that the server, or what stands between it and here, cannot keep the store's promises. The
// text says what is wrong and what to change.
var ErrUnsuitable = errors.New("this PostgreSQL cannot keep what Penstock promises")

// serverVersionMin is the oldest major version that is still maintained.
const serverVersionMin = 14

const (
	connectTimeout = 10 * time.Second
	lockTimeout    = 2 * time.Second
	// A peer that is gone is noticed after keepAliveIdle + keepAliveCount × keepAliveInterval.
	keepAliveIdle     = 5 * time.Second
	keepAliveInterval = 2 * time.Second
	keepAliveCount    = 5
)

// errNoCancel refuses the connection by which pgx would ask the server to cancel what a lost connection
// was doing. A COMMIT must not be cancelled: where it waits for a standby, it would be made visible without
// one. The batch's number tells what became of it.
var errNoCancel = errors.New("a batch is not cancelled")

// connConfig reads the URL into the configuration of one connection.
func connConfig(url, application string) (*pgx.ConnConfig, error) {
	config, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = application
	}
	config.RuntimeParams["client_encoding"] = "UTF8" // the default is the database's
	// Whatever the URL says: statements are prepared, and parameters are binary.
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	}}
	config.DialFunc = dialer.DialContext
	return config, nil
}

// primaryConfig is connConfig for connections that must lead to the primary.
func primaryConfig(url, application string) (*pgx.ConnConfig, error) {
	config, err := connConfig(url, application)
	if err == nil && config.ValidateConnect == nil { // else target_session_attrs says which server to take
		config.ValidateConnect = requirePrimary
	}
	return config, err
}

// requirePrimary refuses a standby, so that the next host is tried: a read there could miss what has been
// committed, and a retry would be refused instead of answered.
func requirePrimary(ctx context.Context, conn *pgconn.PgConn) error {
	err := pgconn.ValidateConnectTargetSessionAttrsPrimary(ctx, conn)
	if err != nil && !conn.IsClosed() && ctx.Err() == nil {
		return fmt.Errorf("%w: %w; connect to the primary", ErrUnsuitable, err)
	}
	return err
}

// connectWriter opens the connection that writes. It dials once: see errNoCancel.
func connectWriter(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	config = config.Copy()
	dial, connected := config.DialFunc, new(atomic.Bool)
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if connected.Load() {
			return nil, errNoCancel
		}
		return dial(ctx, network, address)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	connected.Store(true)
	if err := prepareWriter(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

func prepareWriter(ctx context.Context, conn *pgx.Conn) error {
	if err := checkServer(ctx, conn); err != nil {
		return err
	}
	// No statement_timeout: it could end a COMMIT's wait for a standby. Plans are made once, for
	// arrays of any length, and must use the primary keys: a table without statistics, or a small
	// one, would otherwise be read whole by every batch.
	if _, err := conn.Exec(ctx, sessionSettings(0)+`
		SET plan_cache_mode = force_generic_plan;
		SET enable_seqscan = off`); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	return nil
}

// prepareReader sets up a connection of the pool. Plans are made once, for any values: what a planner knows
// of values that it has not seen is a guess, so it is left with the ways that walk an index in the order
// of the page. Verify, which reads whole tables, gives it back its freedom.
func prepareReader(readTimeout time.Duration) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, sessionSettings(readTimeout)+`
			SET plan_cache_mode = force_generic_plan;
			SET enable_seqscan = off;
			SET enable_sort = off;
			SET enable_incremental_sort = off`); err != nil {
			return fmt.Errorf("set up the session: %w", err)
		}
		return nil
	}
}

// sessionSettings is sent as statements, not as parameters of the connection, which poolers refuse. A batch
// needs read committed: its last statement must see epochs that were raised while it ran.
func sessionSettings(statementTimeout time.Duration) string {
	return fmt.Sprintf(`
		SELECT set_config('synchronous_commit', 'on', false)
			WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');
		SET lock_timeout = %d;
		SET statement_timeout = %d;
		SET idle_in_transaction_session_timeout = %d;
		SET default_transaction_isolation = 'read committed';
		SET tcp_keepalives_idle = %d;
		SET tcp_keepalives_interval = %d;
		SET tcp_keepalives_count = %d;
		SET client_min_messages = warning;
		SET jit = off;`,
		lockTimeout.Milliseconds(), statementTimeout.Milliseconds(), 5*lockTimeout.Milliseconds(),
		int(keepAliveIdle.Seconds()), int(keepAliveInterval.Seconds()), keepAliveCount)
}

// checkServer refuses a server that would lose what it has acknowledged, or cannot be written to.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var fsync, pages, readOnly, encoding string
	var standby bool
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('fsync'),
		current_setting('full_page_writes'), pg_is_in_recovery(), current_setting('transaction_read_only'),
		current_setting('server_encoding')`).
		Scan(&version, &fsync, &pages, &standby, &readOnly, &encoding)
	switch {
	case err != nil:
		return fmt.Errorf("read the server's settings: %w", err)
	case version/10000 < serverVersionMin:
		return fmt.Errorf("%w: its version is %d, the oldest that works is %d", ErrUnsuitable, version/10000, serverVersionMin)
	case fsync != "on":
		return fmt.Errorf("%w: fsync is %s, so that a power cut loses acknowledged orders; set fsync = on", ErrUnsuitable, fsync)
	case pages != "on":
		return fmt.Errorf("%w: full_page_writes is %s, so that a power cut can destroy pages; set full_page_writes = on", ErrUnsuitable, pages)
	case standby:
		return fmt.Errorf("%w: it is a standby; connect to the primary (target_session_attrs=read-write finds it among several hosts)", ErrUnsuitable)
	case readOnly != "off":
		return fmt.Errorf("%w: transactions are read-only here; look at default_transaction_read_only", ErrUnsuitable)
	case encoding != "UTF8":
		return errEncoding(encoding)
	}
	return nil
}

func errEncoding(encoding string) error {
	return fmt.Errorf("%w: the database's encoding is %s, which has no place for most names; make one with createdb -E UTF8 -T template0",
		ErrUnsuitable, encoding)
}

// SQLSTATE codes that are told apart, beside whole classes.
const (
	codeMismatch       = "PS001" // raised by penstock_expect
	codeLockTimeout    = "55P03"
	codeCanceled       = "57014" // by statement_timeout, or by somebody
	codeConnections    = "53300" // there are too many already
	codeUndefinedTable = "42P01"
	classOperator      = "57" // shutting down, starting up, told to end, cancelled
	classConnection    = "08"
)

// refusal returns the server's error if it is one after which the transaction is certainly taken back.
// FATAL and PANIC are not: the connection may have ended between the commit and its answer. Nor is an
// operator's cancellation, which the server may report after a COMMIT has been done, nor what a proxy says of
// a connection that it has lost.
func refusal(err error) *pgconn.PgError {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || (failure.SeverityUnlocalized != "ERROR" && failure.Severity != "ERROR") {
		return nil
	}
	switch classOf(failure) {
	case "", classOperator, classConnection:
		return nil
	default:
		return failure
	}
}

// classOf returns the class of an error, the first two characters of its code; "" of one without a code, which no
// server sends, but a proxy may.
func classOf(failure *pgconn.PgError) string { return failure.Code[:min(2, len(failure.Code))] }

// isOutside reports whether the server refuses for a reason that lies neither in the statement nor in the
// rows: no memory, disk or connection left, an error of the operating system.
func isOutside(failure *pgconn.PgError) bool {
	switch classOf(failure) {
	case "53", "58":
		return true
	default:
		return false
	}
}

// needsCare reports whether a batch that failed so should go the careful way: something in it does not
// apply (PS001, integrity, data), or it met somebody else (deadlock, serialization).
func needsCare(failure *pgconn.PgError) bool {
	switch classOf(failure) {
	case "21", "22", "23", "40":
		return true
	default:
		return failure.Code == codeMismatch
	}
}
