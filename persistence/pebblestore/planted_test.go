package pebblestore

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/planted"
)

// TestPlantedBugsAreCaught builds this package's tests with bugs on purpose and requires that the
// test which guards each promise fails, and passes without the bug.
func TestPlantedBugsAreCaught(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "planted.test")
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "planted", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	const store = "TestConformance/folding_only_when_it_must/"
	for bug, guard := range map[planted.Bug]string{
		planted.CommitWithoutSync: store + "crashes/what_was_acknowledged_survives,_whenever_the_power_goes",
		planted.DeltaTwice:        store + "verify/stock_is_the_sum_of_what_applied",
		planted.DeltaOfRefused:    store + "verify/stock_is_the_sum_of_what_applied",
	} {
		run := func(bug planted.Bug) error {
			cmd := exec.CommandContext(t.Context(), binary, "-test.run", "^"+strings.ReplaceAll(guard, "/", "$/^")+"$")
			cmd.Env = append(os.Environ(), "PENSTOCK_PLANT="+string(bug))
			return cmd.Run()
		}
		t.Run(string(bug), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, run(""), "without the bug")
			require.Error(t, run(bug), "with the bug")
		})
	}
}
