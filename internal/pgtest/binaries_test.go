package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgserver"
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
	require.Equal(t, pgserver.Binaries{Dir: dir}, found)
}
