package pgserver_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgserver"
	"github.com/penstock-dev/penstock/internal/pgtest"
)

func TestAServerIsSetUpAsItsCallerSaysAndLeavesNothing(t *testing.T) {
	t.Parallel()
	binaries, err := pgtest.Find(t.Context()) // which installs what is missing
	require.NoError(t, err)
	var dir string
	server, err := pgserver.Start(t.Context(), pgserver.Options{
		Binaries: binaries, Settings: map[string]string{"work_mem": "7MB"},
		Prepare: func(_ context.Context, d, data string) ([]string, error) {
			dir = d
			_, err := os.Stat(filepath.Join(data, "PG_VERSION"))
			return nil, err
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })

	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	var memory string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW work_mem").Scan(&memory))
	require.Equal(t, "7MB", memory)
	require.NoError(t, conn.Close(t.Context()))

	require.NoError(t, server.Close())
	require.NoDirExists(t, dir)
}

func TestAServerThatCannotBePreparedIsNotStarted(t *testing.T) {
	t.Parallel()
	binaries, err := pgtest.Find(t.Context())
	require.NoError(t, err)
	var dir string
	_, err = pgserver.Start(t.Context(), pgserver.Options{Binaries: binaries, Prepare: func(_ context.Context, d, _ string) ([]string, error) {
		dir = d
		return nil, os.ErrInvalid
	}})
	require.ErrorIs(t, err, os.ErrInvalid)
	require.NoDirExists(t, dir)
}
