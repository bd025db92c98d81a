package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindKeepsToTheFolderItIsGiven(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(BinariesVariable, dir)
	_, err := Find(t.Context())
	require.ErrorIs(t, err, ErrNoPostgres)
	require.ErrorContains(t, err, dir)

	for _, name := range []string{"initdb", "postgres"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o755))
	}
	found, err := Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, Binaries{Dir: dir}, found)
}

func TestAClientsPackageIsNoServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "initdb"), nil, 0o755))
	require.False(t, holdsServer(dir), "postgres is missing")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres"), nil, 0o644))
	require.False(t, holdsServer(dir), "postgres cannot be run")
}

func TestTheNewestVersionComesFirst(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		[]string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/13/bin", "/usr/lib/postgresql/9.6/bin", "/usr/local/pgsql/bin"},
		newestFirst([]string{"/usr/lib/postgresql/9.6/bin", "/usr/local/pgsql/bin", "/usr/lib/postgresql/13/bin", "/usr/lib/postgresql/17/bin"}))
}
