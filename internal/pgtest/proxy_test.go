package pgtest_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

// shop is a database with an empty table of orders, and a proxy before it.
type shop struct {
	direct *pgx.Conn
	proxy  *pgtest.Proxy
}

func openShop(t *testing.T) shop {
	t.Helper()
	database := shared.Database(t)
	proxy, err := pgtest.NewProxy(database)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	s := shop{direct: connect(t, database), proxy: proxy}
	execute(t, s.direct, "CREATE TABLE orders (id int PRIMARY KEY)")
	return s
}

// client connects through the proxy under the name given.
func (s shop) client(t *testing.T, application string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(s.proxy.URL())
	require.NoError(t, err)
	query := u.Query()
	query.Set("application_name", application)
	u.RawQuery = query.Encode()
	return connect(t, u.String())
}

func (s shop) orders(t *testing.T) int {
	t.Helper()
	return queryInt(t, s.direct, "SELECT count(*) FROM orders")
}

// place writes two orders in one transaction and one batch of messages.
func place(t *testing.T, conn *pgx.Conn) error {
	t.Helper()
	var batch pgx.Batch
	batch.Queue("INSERT INTO orders SELECT $1 + count(*) FROM orders", 1)
	batch.Queue("INSERT INTO orders SELECT $1 + count(*) FROM orders", 1)
	return conn.SendBatch(within(t), &batch).Close()
}

func TestProxyPassesOnWhatItDoesNotCut(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	never := s.proxy.CutCommit(pgtest.Cut{Application: "somebody else"})
	conn := s.client(t, "writer")
	require.NoError(t, place(t, conn))
	require.NoError(t, conn.Ping(within(t)))

	var long string
	require.NoError(t, conn.QueryRow(within(t), "SELECT repeat($1, 3000000)", "x").Scan(&long))
	require.Equal(t, strings.Repeat("x", 3_000_000), long)
	require.NoError(t, conn.QueryRow(within(t), "SELECT $1::text", long).Scan(&long))

	ids := make([][]any, 10_000)
	for i := range ids {
		ids[i] = []any{1000 + i}
	}
	copied, err := conn.CopyFrom(within(t), pgx.Identifier{"orders"}, []string{"id"}, pgx.CopyFromRows(ids))
	require.NoError(t, err)
	require.Equal(t, int64(10_000), copied)
	rows, err := conn.Query(within(t), "SELECT id FROM orders WHERE id >= 1000")
	require.NoError(t, err)
	read, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Len(t, read, 10_000)

	_, err = conn.Exec(within(t), "INSERT INTO orders VALUES ($1)", 1000)
	requireCode(t, err, "23505") // unique_violation
	require.Equal(t, 10_002, s.orders(t))

	select {
	case <-never:
		require.Fail(t, "a connection of another name was cut")
	default:
	}
}

func TestProxyPassesOnCancelRequests(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	conn := s.client(t, "reader")
	asleep := make(chan error, 1)
	go func() {
		_, err := conn.Exec(within(t), "SELECT pg_sleep(3600)")
		asleep <- err
	}()
	s.waitForQuery(t, "SELECT pg_sleep")
	require.NoError(t, conn.PgConn().CancelRequest(within(t)))
	requireCode(t, <-asleep, "57014") // query_canceled
}

func TestProxyCutsACommit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		claim  string
		cut    pgtest.Cut
		orders int
	}{
		{"before a byte of the request", pgtest.Cut{Mode: pgtest.CutBeforeRequest}, 0},
		{"in the middle of the request", pgtest.Cut{Mode: pgtest.CutBeforeRequest, Part: 0.5}, 0},
		{"just before the request could be committed", pgtest.Cut{Mode: pgtest.CutBeforeRequest, Part: 0.999}, 0},
		{"when it is committed", pgtest.Cut{Mode: pgtest.CutAfterAnswer}, 2},
		{"before a byte of the answer", pgtest.Cut{Mode: pgtest.CutDuringAnswer}, 2},
		{"in the middle of the answer", pgtest.Cut{Mode: pgtest.CutDuringAnswer, Part: 0.5}, 2},
		{"just before the end of the answer", pgtest.Cut{Mode: pgtest.CutDuringAnswer, Part: 0.999}, 2},
	} {
		t.Run(test.claim, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			test.cut.Application = "writer"
			done := s.proxy.CutCommit(test.cut)
			reader, writer := s.client(t, "reader"), s.client(t, "writer-1")
			require.NoError(t, place(t, reader))
			require.NoError(t, writer.Ping(within(t)))
			require.Error(t, place(t, writer))
			wait(t, "the cut", done)
			require.Equal(t, 2+test.orders, s.orders(t))

			require.NoError(t, place(t, s.client(t, "writer-1")), "a cut is made once")
			require.NoError(t, reader.Ping(within(t)), "nobody else was cut")
		})
	}
}

func TestACutAfterTheRequestIsCommittedBehindTheClientsBack(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	writer := s.client(t, "writer")
	require.NoError(t, place(t, writer), "and the statements are prepared")
	execute(t, s.direct, "BEGIN", "LOCK TABLE orders IN EXCLUSIVE MODE")
	done := s.proxy.CutCommit(pgtest.Cut{Mode: pgtest.CutAfterRequest})
	require.Error(t, place(t, writer))
	wait(t, "the cut", done)
	require.Equal(t, 2, s.orders(t), "the client knows of the cut, the server works on")

	execute(t, s.direct, "COMMIT")
	require.Eventually(t, func() bool { return s.orders(t) == 4 }, patience, time.Millisecond)
}

func TestWhatCountsAsACommit(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	writer := s.client(t, "writer")
	done := s.proxy.CutCommit(pgtest.Cut{Mode: pgtest.CutAfterAnswer, ExecutesMin: 3})
	require.NoError(t, place(t, writer), "two are not three")

	tx, err := writer.Begin(within(t))
	require.NoError(t, err)
	_, err = tx.Exec(within(t), "INSERT INTO orders VALUES (100)")
	require.NoError(t, err)
	require.Error(t, tx.Commit(within(t)), "but a COMMIT is one")
	wait(t, "the cut", done)
	require.Equal(t, 3, s.orders(t))
}

func TestADisarmedCutIsNotMade(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.proxy.CutCommit(pgtest.Cut{})
	s.proxy.Disarm()
	require.NoError(t, place(t, s.client(t, "writer")))
}

func TestProxyPauses(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	impatient, patient := s.client(t, "impatient"), s.client(t, "patient")
	s.proxy.Pause()
	ctx, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, impatient.Ping(ctx), context.DeadlineExceeded)
	_, err := pgx.Connect(ctx, s.proxy.URL())
	require.Error(t, err, "a connection that begins meanwhile hangs too")

	placed := make(chan error, 1)
	go func() { placed <- place(t, patient) }()
	s.proxy.Resume()
	require.NoError(t, <-placed)
}

func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	conn := s.client(t, "writer")
	s.proxy.Refuse(true)
	_, err := pgx.Connect(within(t), s.proxy.URL())
	require.Error(t, err)
	require.NoError(t, conn.Ping(within(t)), "who is connected stays so")
	s.proxy.Disconnect()
	require.Error(t, conn.Ping(within(t)))

	s.proxy.Refuse(false)
	require.NoError(t, place(t, s.client(t, "writer")))
}

func TestProxyOfAServerThatIsDown(t *testing.T) {
	t.Parallel()
	proxy, err := pgtest.NewProxy("postgres://postgres@127.0.0.1:1/postgres")
	require.NoError(t, err)
	defer proxy.Close()
	_, err = pgx.Connect(within(t), proxy.URL())
	require.Error(t, err)
	proxy.Pause()
	proxy.Close() // and once more, deferred
}

// waitForQuery waits until somebody executes a query that begins so.
func (s shop) waitForQuery(t *testing.T, beginning string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var running bool
		require.NoError(t, s.direct.QueryRow(within(t), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND starts_with(query, $1))`,
			beginning).Scan(&running))
		return running
	}, patience, time.Millisecond)
}
