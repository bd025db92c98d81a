package bench_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/pgtest"
)

// penstock builds the program that is measured.
func penstock(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "penstock")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/penstock").CombinedOutput()
	require.NoError(t, err, string(output))
	return binary
}

func TestRunMeasuresEnginesInTheSameRounds(t *testing.T) {
	t.Parallel()
	cfg := bench.Config{
		Scenarios: []string{"order", "order-hot"}, Peers: []string{"echo"}, Connections: 4, Rounds: 2, Products: 20,
		Duration: 200 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: penstock(t), Data: t.TempDir(), JSON: true,
	}
	var out bytes.Buffer
	require.NoError(t, bench.Run(t.Context(), cfg, &out))
	var document bench.Document
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&document))

	require.Positive(t, document.Environment.FsyncsPerSecond)
	require.Equal(t, 20, document.Environment.Products)
	require.Len(t, document.Results, 4)
	for i, want := range []struct{ engine, scenario string }{
		{"echo", "order"},
		{"penstock-pebble", "order"},
		{"echo", "order-hot"},
		{"penstock-pebble", "order-hot"},
	} {
		r := document.Results[i]
		require.Equal(t, want.engine, r.Engine)
		require.Equal(t, want.scenario, r.Scenario)
		require.Zero(t, r.Errors, r.FirstError)
		require.Len(t, r.Rounds, 2)
		require.Positive(t, r.OperationsPerSecond)
		require.Positive(t, r.Latency.P50)
		require.LessOrEqual(t, r.Latency.P50, r.Latency.P99)
		require.LessOrEqual(t, r.Latency.P99, r.Latency.Max)
	}

	cfg.JSON, cfg.Scenarios, cfg.Rounds = false, []string{"order"}, 1
	out.Reset()
	require.NoError(t, bench.Run(t.Context(), cfg, &out))
	require.Contains(t, out.String(), "penstock-pebble")
	require.Contains(t, out.String(), "fsyncs/s")
}

func TestRunMeasuresBothStoresAndTheDatabase(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	binary, url := penstock(t), server.URL("postgres")
	output, err := exec.CommandContext(t.Context(), binary, "migrate", "up", "--database-url", url).CombinedOutput()
	require.NoError(t, err, string(output))
	cfg := bench.Config{
		Scenarios: []string{"order"}, Stores: []string{"postgres", "pebble"}, DatabaseURL: url, Connections: 4, Rounds: 1, Products: 20,
		Duration: 500 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: binary, Data: t.TempDir(), JSON: true,
	}
	for range 2 { // the second run must not meet the first one's idempotency keys
		var out bytes.Buffer
		require.NoError(t, bench.Run(t.Context(), cfg, &out))
		var document bench.Document
		require.NoError(t, json.Unmarshal(out.Bytes(), &document))
		require.Len(t, document.Results, 2)
		onPostgres, onPebble := document.Results[0], document.Results[1]
		require.Equal(t, "penstock-postgres", onPostgres.Engine)
		require.Equal(t, "penstock-pebble", onPebble.Engine)
		require.Zero(t, onPostgres.Errors, onPostgres.FirstError)
		require.Positive(t, onPostgres.DatabaseMicros)
		require.Greater(t, onPostgres.CPUMicrosPerOperation, onPostgres.DatabaseMicros)
		require.Zero(t, onPebble.DatabaseMicros)
	}
}

func TestRunRefusesABadConfigurationWithAllItsFaults(t *testing.T) {
	t.Parallel()
	err := bench.Run(t.Context(), bench.Config{Scenarios: []string{"nonsense"}, Stores: []string{"paper", "postgres"}, Peers: []string{"nobody"}, Products: 1}, nil)
	require.ErrorContains(t, err, "nonsense")
	require.ErrorContains(t, err, "nobody")
	require.ErrorContains(t, err, "paper")
	require.ErrorContains(t, err, "needs a database")
	require.ErrorContains(t, err, "products at least 2")
}
