package gatekeeper_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/planted"
)

// TestPlantedBugsAreNoticed builds these tests with bugs on purpose and requires that the test which guards each
// promise fails, and passes without the bug.
func TestPlantedBugsAreNoticed(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "planted.test")
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "planted", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for bug, guards := range map[planted.Bug][]string{
		planted.OwnerNotAsked:     {"TestMatrix", "TestHidden"},
		planted.FeedOfAll:         {"TestSockets_AllOrders"},
		planted.RouteOpen:         {"TestMatrix", "TestTampering_FieldsOfProxiesChangeNothing"},
		planted.SocketOutlivesKey: {"TestSockets_EndWithTheirCredential/one_order,_revoked_by_this_server"},
		planted.HiddenAtOnce:      {"TestTiming"},
	} {
		for _, guard := range guards {
			run := func(bug planted.Bug) (string, error) {
				cmd := exec.CommandContext(t.Context(), binary, "-test.run", "^"+strings.ReplaceAll(guard, "/", "$/^")+"$")
				cmd.Env = append(os.Environ(), "PENSTOCK_PLANT="+string(bug))
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			t.Run(string(bug)+", "+guard, func(t *testing.T) {
				t.Parallel()
				out, err := run("")
				require.NoError(t, err, "without the bug: %s", out)
				out, err = run(bug)
				require.Error(t, err, "with the bug: %s", out)
			})
		}
	}
}
