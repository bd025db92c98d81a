package pgserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAClientsPackageIsNoServer(t *testing.T) {
	t.Parallel()
	b := Binaries{Dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(b.Dir, "initdb"), nil, 0o755))
	require.False(t, b.Complete(), "postgres is missing")
	require.NoError(t, os.WriteFile(filepath.Join(b.Dir, "postgres"), nil, 0o644))
	require.False(t, b.Complete(), "postgres cannot be run")
	require.NoError(t, os.Chmod(filepath.Join(b.Dir, "postgres"), 0o755))
	require.True(t, b.Complete())
}

func TestTheNewestVersionComesFirst(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		[]string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/13/bin", "/usr/lib/postgresql/9.6/bin", "/usr/local/pgsql/bin"},
		newestFirst([]string{"/usr/lib/postgresql/9.6/bin", "/usr/local/pgsql/bin", "/usr/lib/postgresql/13/bin", "/usr/lib/postgresql/17/bin"}))
}
