package shopyear_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/torture"
)

const (
	// exportMemoryMax is by how much an export of a year may make a server's memory grow, in bytes.
	exportMemoryMax = 64 << 20
	// exportRounds is how often a server exports in one format: the first time it is fresh.
	exportRounds = 2
)

// An export may not take more memory, whatever is in the store, on a fresh server as on one that has exported before.
func TestExportsTakeLittleMemory(t *testing.T) { //nolint:paralleltest // measures memory
	onBothStores(t, func(t *testing.T, server *torture.Server) {
		for _, format := range []string{"csv", "ndjson", "xlsx"} {
			t.Run(format, func(t *testing.T) {
				process := start(t, server)
				for round := range exportRounds {
					begun := time.Now()
					bytes, grown := export(t, process, format)
					t.Logf("export %d: %d MB in %v, memory grew by %d MiB", round+1, bytes/1e6,
						time.Since(begun).Round(10*time.Millisecond), grown>>20)
					require.LessOrEqual(t, grown, int64(exportMemoryMax), "export %d", round+1)
				}
			})
		}
	})
}

// export takes all orders, and returns how many bytes they were and how much the server's memory grew at most.
func export(t *testing.T, process *bench.Process, format string) (bytes, grown int64) {
	t.Helper()
	memory := func() int64 {
		n, err := process.Memory()
		require.NoError(t, err)
		return n
	}
	before := memory()
	answer, err := http.Get("http://" + process.Address + "/api/v2/orders/export?format=" + format)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	ended := make(chan error, 1)
	go func() {
		var err error
		bytes, err = io.Copy(io.Discard, answer.Body)
		ended <- err
	}()
	peak := before
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			peak = max(peak, memory())
		case err := <-ended:
			require.NoError(t, err)
			require.Positive(t, bytes)
			return bytes, max(peak, memory()) - before
		}
	}
}
