package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

func TestAServer(t *testing.T) { //nolint:tparallel // each claim goes on where the last one ended
	t.Parallel()
	server := start(t, pgtest.Options{Settings: map[string]string{"work_mem": "5MB", "max_connections": "30"}})
	ctx := within(t)

	t.Run("has our settings and the caller's", func(t *testing.T) {
		conn := connect(t, server.URL("postgres"))
		for setting, expected := range map[string]string{
			"fsync": "on", "max_connections": "30", "work_mem": "5MB", "server_encoding": "UTF8", "jit": "off",
		} {
			var value string
			require.NoError(t, conn.QueryRow(ctx, "SHOW "+setting).Scan(&value))
			require.Equal(t, expected, value, setting)
		}
	})

	t.Run("keeps after kill -9 what it acknowledged", func(t *testing.T) {
		require.NoError(t, server.CreateDatabase(ctx, "shop"))
		conn := connect(t, server.URL("shop"))
		execute(t, conn, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1), (2)")
		busy := connect(t, server.URL("shop"))
		asleep := make(chan error, 1)
		go func() {
			_, err := busy.Exec(ctx, "SELECT pg_sleep(3600)")
			asleep <- err
		}()

		require.NoError(t, server.Kill(ctx))
		wait(t, "the end of the postmaster", server.Done())
		require.Error(t, <-asleep)
		_, err := server.Restart(ctx)
		require.NoError(t, err)
		require.Equal(t, 2, queryInt(t, connect(t, server.URL("shop")), "SELECT count(*) FROM orders"))
	})

	t.Run("recovers when a backend is killed", func(t *testing.T) {
		victim, bystander := connect(t, server.URL("shop")), connect(t, server.URL("shop"))
		execute(t, victim, "SET application_name = 'victim'")
		postmaster := server.PID()
		killed, err := server.KillBackend(ctx, func(backends []pgtest.Backend) pgtest.Backend {
			for _, b := range backends {
				if b.Application == "victim" {
					return b
				}
			}
			return backends[0]
		})
		require.NoError(t, err)
		require.Equal(t, "victim", killed.Application)
		require.Equal(t, int(victim.PgConn().PID()), killed.PID)
		require.Error(t, bystander.Ping(ctx), "all sessions end")
		_, err = server.WaitReady(ctx)
		require.NoError(t, err)
		require.Equal(t, postmaster, server.PID())
		require.Equal(t, 2, queryInt(t, connect(t, server.URL("shop")), "SELECT count(*) FROM orders"))
	})

	t.Run("starts again however it was stopped", func(t *testing.T) {
		for _, stop := range []func(context.Context) error{server.StopFast, server.StopImmediate, server.StopImmediate} {
			require.NoError(t, stop(ctx))
			_, err := server.WaitReady(ctx)
			require.ErrorIs(t, err, pgtest.ErrEnded)
			_, err = server.Restart(ctx)
			require.NoError(t, err)
		}
		before := server.PID()
		_, err := server.Restart(ctx)
		require.NoError(t, err)
		require.NotEqual(t, before, server.PID(), "one that runs is ended first")
	})

	t.Run("has nobody to kill when nobody is connected", func(t *testing.T) {
		_, err := server.KillBackend(ctx, func(b []pgtest.Backend) pgtest.Backend { return b[0] })
		require.ErrorIs(t, err, pgtest.ErrNoBackend)
	})

	t.Run("drops a database that is in use", func(t *testing.T) {
		connect(t, server.URL("shop"))
		require.NoError(t, server.DropDatabase(ctx, "shop"))
		require.NoError(t, server.DropDatabase(ctx, "shop"), "and one that is not there")
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	require.NoError(t, err)
	ctx := within(t)
	segment := sharedMemory(t, server)
	require.NoError(t, server.Kill(ctx))
	require.Contains(t, segments(t), segment, "a postmaster that is killed leaves it")

	require.NoError(t, server.Close())
	require.NoError(t, server.Close())
	require.NoDirExists(t, filepath.Dir(server.Data()))
	require.NotContains(t, segments(t), segment)
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{"shared_buffers": "lots"}})
	require.ErrorIs(t, err, pgtest.ErrEnded)
	require.ErrorContains(t, err, `invalid value for parameter "shared_buffers"`)
}

func TestTheCallersDirectoryStays(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pgtest-") //nolint:usetesting // the user postgres cannot reach a test's
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	for run := range 2 {
		server, err := pgtest.Start(t.Context(), pgtest.Options{Dir: dir})
		require.NoError(t, err)
		conn := connect(t, server.URL("postgres"))
		execute(t, conn, "CREATE TABLE IF NOT EXISTS runs (id int)", "INSERT INTO runs VALUES (1)")
		require.Equal(t, run+1, queryInt(t, conn, "SELECT count(*) FROM runs"))
		require.NoError(t, server.Close())
	}
}

func TestAServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	t.Parallel()
	helper := exec.CommandContext(t.Context(), os.Args[0])
	helper.Env = append(os.Environ(), helperVariable+"=yes")
	helper.Stderr = os.Stderr
	output, err := helper.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, helper.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	var pid int
	var data string
	_, err = fmt.Sscan(line, &pid, &data)
	require.NoError(t, err)
	require.DirExists(t, data)

	require.NoError(t, helper.Process.Kill())
	require.Error(t, helper.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Dir(data))
		return os.IsNotExist(err) && syscall.Kill(pid, 0) != nil
	}, patience, 10*time.Millisecond)
}

// sharedMemory returns the id of a server's shared memory segment.
func sharedMemory(t *testing.T, server *pgtest.Server) string {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(server.Data(), "postmaster.pid"))
	require.NoError(t, err)
	return strings.Fields(strings.Split(string(lock), "\n")[6])[1]
}

// segments returns the words of the list of all shared memory segments there are.
func segments(t *testing.T) []string {
	t.Helper()
	output, err := exec.CommandContext(within(t), "ipcs", "-m").Output()
	require.NoError(t, err)
	return strings.Fields(string(output))
}
