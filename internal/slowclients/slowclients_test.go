package slowclients_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/slowclients"
)

func TestMain(m *testing.M) {
	flag.Int("slow.connections", 50, "how many slow clients there are")
	flag.Duration("slow.time", 500*time.Millisecond, "how long each measurement takes")
	flag.Int("slow.rounds", 1, "how often each mode is measured, with and without slow clients in turn")
	m.Run()
}

func setting[T any](name string) T {
	return flag.Lookup(name).Value.(flag.Getter).Get().(T) //nolint:forcetypeassert // TestMain has made it
}

// serve starts the program with a made-up catalogue, and returns where it answers and its process.
func serve(t *testing.T) (target string, pid int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "penstock")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/penstock").CombinedOutput()
	require.NoError(t, err, string(output))
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"),
		"--demo", "--http-access-log", "off")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "listening"); ok {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return strings.Fields(rest)[0], cmd.Process.Pid
		}
	}
	t.Fatal("the server did not start")
	return "", 0
}

// memory returns the resident memory of a process in MiB.
func memory(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	return regexp.MustCompile(`VmRSS:\s+(\d+ kB)`).FindStringSubmatch(string(status))[1]
}

// Whatever slow clients do, others are answered. How much later is reported: the tool and the one who measures
// have their share in it.
func TestSlowClientsDoNotKeepOthersFromBeingAnswered(t *testing.T) { //nolint:paralleltest // measures time
	tool, err := slowclients.Program().Find(t.Context())
	require.NoError(t, err)
	target, pid := serve(t)
	connections, during, rounds := setting[int]("slow.connections"), setting[time.Duration]("slow.time"), setting[int]("slow.rounds")
	url := target + "/api/v2/products?per_page=5"
	for _, mode := range slowclients.Modes("/openapi.json") {
		var before, meanwhile slowclients.Sample
		peak := ""
		for range rounds {
			before.Ask(t.Context(), url, 2*time.Millisecond, during)
			crowd := slowclients.Crowd{Connections: connections, During: 2*during + 10*time.Second}
			attack, err := slowclients.Start(t.Context(), tool, mode, target, crowd)
			require.NoError(t, err)
			meanwhile.Ask(t.Context(), url, 2*time.Millisecond, during)
			peak = memory(t, pid)
			attack.Stop()
			awaitFewConnections(t, target)
		}
		require.Empty(t, before.Failures, mode.Name)
		require.Empty(t, meanwhile.Failures, mode.Name)
		t.Logf("%-12s %d connections: p50 %v, with them %v; p99 %v, with them %v (%+.0f %%); memory then %s", mode.Name, connections,
			before.Quantile(.5), meanwhile.Quantile(.5), before.Quantile(.99), meanwhile.Quantile(.99),
			100*(float64(meanwhile.Quantile(.99))/float64(before.Quantile(.99))-1), peak)
	}
}

// open returns how many connections the server says it has.
func open(t *testing.T, target string) int {
	t.Helper()
	response, err := http.Get(target + "/metrics")
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var n int
	_, err = fmt.Sscan(regexp.MustCompile(`(?m)^penstock_http_connections (\d+)`).FindStringSubmatch(string(text))[1], &n)
	require.NoError(t, err)
	return n
}

func awaitFewConnections(t *testing.T, target string) {
	t.Helper()
	require.Eventually(t, func() bool { return open(t, target) < 10 }, 60*time.Second, 100*time.Millisecond)
}
