package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClustersAreRefusedOnlyWhilePackagesAreInstalled(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "#create_main_cluster = true\nssl = on\n"} {
		file := filepath.Join(t.TempDir(), "createcluster.conf")
		if before != "" {
			require.NoError(t, os.WriteFile(file, []byte(before), 0o644))
		}
		restore, err := refuseClusters(file)
		require.NoError(t, err)
		during, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, before+"\ncreate_main_cluster = false\n", string(during))

		require.NoError(t, restore())
		after, err := os.ReadFile(file)
		if before == "" {
			require.ErrorIs(t, err, os.ErrNotExist)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, before, string(after))
	}
}
