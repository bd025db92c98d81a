package pgtest_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

func TestFaultsOfTheDisk(t *testing.T) { //nolint:tparallel // each claim goes on where the last one ended
	t.Parallel()
	server := start(t, pgtest.Options{Faults: true})
	ctx := within(t)
	conn := connect(t, server.URL("postgres"))
	execute(t, conn, "CREATE TABLE orders (id int, filler text)", "INSERT INTO orders VALUES (1, '')")

	t.Run("a full disk refuses what needs room, and nothing else", func(t *testing.T) {
		for _, fault := range []pgtest.Fault{pgtest.FaultFull, pgtest.FaultFullTables} {
			require.NoError(t, server.SetFault(fault))
			_, err := conn.Exec(ctx, "INSERT INTO orders SELECT 2, repeat('x', 1000) FROM generate_series(1, 1000)")
			requireCode(t, err, "53100") // disk_full
			execute(t, conn, "UPDATE orders SET id = id")
			require.Equal(t, 1, queryInt(t, conn, "SELECT count(*) FROM orders"))
			require.NoError(t, server.SetFault(pgtest.FaultNone))
			execute(t, conn, "INSERT INTO orders SELECT 3, repeat('x', 1000) FROM generate_series(1, 1000)",
				"DELETE FROM orders WHERE id = 3")
		}
	})

	t.Run("a log that cannot grow is the end of the server", func(t *testing.T) {
		fillLog := "SELECT pg_switch_wal(); INSERT INTO orders VALUES (2, ''); SELECT pg_switch_wal(); INSERT INTO orders VALUES (2, '')"
		require.NoError(t, server.SetFault(pgtest.FaultFullTables))
		execute(t, conn, fillLog) // it stands on a disk of its own
		require.NoError(t, server.SetFault(pgtest.FaultFull))
		_, err := conn.Exec(ctx, fillLog)
		require.Error(t, err)
		require.NoError(t, server.SetFault(pgtest.FaultNone))
		_, err = server.Restart(ctx)
		require.NoError(t, err)
	})

	conn = connect(t, server.URL("postgres"))
	t.Run("a disk that does not sync is the end of the server until it does", func(t *testing.T) {
		before := queryInt(t, conn, "SELECT count(*) FROM orders")
		require.NoError(t, server.SetFault(pgtest.FaultSync))
		_, err := conn.Exec(ctx, "INSERT INTO orders VALUES (6, '')")
		require.Error(t, err)
		require.Contains(t, server.LogTail(), "PANIC:  could not fdatasync file")
		require.Eventually(t, func() bool {
			conn, err := pgx.Connect(ctx, server.URL("postgres"))
			return err != nil || conn.Close(ctx) != nil
		}, patience, time.Millisecond, "it cannot recover")

		require.NoError(t, server.SetFault(pgtest.FaultNone))
		_, err = server.Restart(ctx)
		require.NoError(t, err)
		after := queryInt(t, connect(t, server.URL("postgres")), "SELECT count(*) FROM orders")
		require.Contains(t, []int{before, before + 1}, after, "what was not acknowledged may be there")
	})
}

func TestFaultsHaveToBePreparedFor(t *testing.T) {
	t.Parallel()
	var server pgtest.Server
	require.ErrorContains(t, server.SetFault(pgtest.FaultSync), "Options.Faults")
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.Code)
}
