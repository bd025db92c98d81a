package pgtest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

func TestShared(t *testing.T) {
	t.Parallel()
	t.Run("gives each test a database of its own", func(t *testing.T) {
		t.Parallel()
		first, second := shared.Database(t), shared.Database(t)
		require.NotEqual(t, first, second)
		execute(t, connect(t, first), "CREATE TABLE here (id int)")
		execute(t, connect(t, second), "CREATE TABLE here (id int)")
	})

	t.Run("drops a database when its test ends", func(t *testing.T) {
		t.Parallel()
		var dropped string
		t.Run("its test", func(t *testing.T) {
			dropped = shared.Database(t)
			connect(t, dropped) // and does not mind who is connected
		})
		_, err := pgx.Connect(within(t), dropped)
		require.ErrorContains(t, err, "does not exist")
	})

	t.Run("prepares a template once, for tests that run at once", func(t *testing.T) {
		t.Parallel()
		var prepared atomic.Int32
		name := "goods " + rand.Text() // the tests may run more than once in this process
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				conn := connect(t, shared.From(t, name, func(ctx context.Context, url string) error {
					prepared.Add(1)
					conn, err := pgx.Connect(ctx, url) // which stays open
					if err != nil {
						return err
					}
					t.Cleanup(func() { _ = conn.Close(context.Background()) })
					_, err = conn.Exec(ctx, "CREATE TABLE goods AS SELECT generate_series(1, 3)")
					return err
				}))
				require.Equal(t, 3, queryInt(t, conn, "SELECT count(*) FROM goods"))
				require.Equal(t, int32(1), prepared.Load())
				execute(t, conn, "DELETE FROM goods")
			})
		}
	})

	t.Run("fails each test whose template cannot be prepared", func(t *testing.T) {
		t.Parallel()
		for range 2 {
			failing := recorder{T: t}
			shared.From(&failing, "broken", func(context.Context, string) error { return fmt.Errorf("no goods") })
			require.Contains(t, failing.failure, "prepare template broken: no goods")
		}
	})
}

// Not parallel: it sets the variable.
func TestSharedUsesAServerThatIsThere(t *testing.T) {
	server := start(t, pgtest.Options{})
	ctx := within(t)
	admin := connect(t, server.URL("postgres"))
	execute(t, admin, "CREATE ROLE able LOGIN CREATEDB", "CREATE ROLE unable LOGIN")
	as := func(role string) {
		u, err := url.Parse(server.URL("postgres"))
		require.NoError(t, err)
		u.User = url.User(role)
		t.Setenv(pgtest.DatabaseVariable, u.String())
	}

	as("able")
	var theirs pgtest.Shared
	t.Run("a database", func(t *testing.T) {
		conn := connect(t, theirs.Database(t))
		require.Equal(t, "able", conn.Config().User)
		require.Equal(t, server.Port(), int(conn.Config().Port))
	})
	t.Run("a template", func(t *testing.T) {
		connect(t, theirs.From(t, "empty", func(context.Context, string) error { return nil }))
	})
	require.NoError(t, theirs.Close())
	require.Equal(t, 3, queryInt(t, admin, "SELECT count(*) FROM pg_database"), "postgres and its templates are left")
	require.NoError(t, connect(t, server.URL("postgres")).Ping(ctx))

	as("unable")
	failing := recorder{T: t}
	(&pgtest.Shared{}).Database(&failing)
	require.Contains(t, failing.failure, "needs the right to create databases")

	t.Setenv(pgtest.DatabaseVariable, "host=127.0.0.1 dbname=postgres")
	failing = recorder{T: t}
	(&pgtest.Shared{}).Database(&failing)
	require.Contains(t, failing.failure, pgtest.DatabaseVariable+" must be a URL")
}

// recorder is a test that notes that it failed, instead of failing.
type recorder struct {
	*testing.T
	failure string
}

func (r *recorder) Fatalf(format string, args ...any) { r.failure = fmt.Sprintf(format, args...) }
