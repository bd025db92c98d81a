package bench_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/internal/redistest"
)

// penstock returns the program that is measured.
func penstock(t *testing.T) string {
	t.Helper()
	binary, err := built()
	require.NoError(t, err)
	return binary
}

// runJSON runs a benchmark and reads its document strictly.
func runJSON(t *testing.T, cfg bench.Config) *bench.Document {
	t.Helper()
	cfg.JSON = true
	var out bytes.Buffer
	require.NoError(t, bench.Run(t.Context(), cfg, &out))
	document := new(bench.Document)
	decoder := json.NewDecoder(bytes.NewReader(out.Bytes()))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(document))
	again, err := bench.ReadDocument(&out)
	require.NoError(t, err)
	require.Equal(t, document, again)
	return document
}

func requireSound(t *testing.T, r *bench.Result, rounds int) {
	t.Helper()
	require.Zero(t, r.Errors, r.FirstError)
	require.Len(t, r.Rounds, rounds)
	require.Positive(t, r.OperationsPerSecond)
	require.Positive(t, r.Latency.P50)
	require.LessOrEqual(t, r.Latency.P50, r.Latency.P99)
	require.LessOrEqual(t, r.Latency.P99, r.Latency.Max)
	require.Positive(t, r.ServerMemory.Peak)
}

func TestRunMeasuresEnginesInTheSameRounds(t *testing.T) {
	t.Parallel()
	cfg := bench.Config{
		Scenarios: []string{"order", "mixed"}, Peers: []string{"echo"}, Connections: 4, Rounds: 2, Products: 20,
		Duration: 200 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: penstock(t), Data: t.TempDir(),
	}
	document := runJSON(t, cfg)
	require.Positive(t, document.Environment.FsyncsPerSecond)
	require.Equal(t, 20, document.Environment.Products)
	require.NotEmpty(t, document.Environment.Version)
	require.Len(t, document.Results, 4)
	for i, want := range []struct{ engine, scenario string }{
		{"echo", "order"},
		{"penstock-pebble", "order"},
		{"echo", "mixed"},
		{"penstock-pebble", "mixed"},
	} {
		r := &document.Results[i]
		require.Equal(t, want.engine, r.Engine)
		require.Equal(t, want.scenario, r.Scenario)
		requireSound(t, r, 2)
		require.NotNil(t, r.OperationsInterval)
	}
	kinds := document.Results[3].Kinds
	require.Len(t, kinds, 5)
	require.Greater(t, kinds[0].Operations, kinds[4].Operations, "more reads than orders")

	cfg.Scenarios, cfg.Rounds, cfg.Rate = []string{"order"}, 1, 100
	var out bytes.Buffer
	require.NoError(t, bench.Run(t.Context(), cfg, &out))
	require.Contains(t, out.String(), "penstock-pebble")
	require.Contains(t, out.String(), "fsyncs/s")
	require.Contains(t, out.String(), "open loop at 100/s")
}

func TestRunMeasuresBothStoresAndThePeersOfADatabase(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	binary, url := penstock(t), server.URL("postgres")
	output, err := exec.CommandContext(t.Context(), binary, "migrate", "up", "--database-url", url).CombinedOutput()
	require.NoError(t, err, string(output))
	cfg := bench.Config{
		Scenarios: []string{"order"}, Stores: []string{"postgres", "pebble"}, DatabaseURL: url, Connections: 4, Rounds: 1, Products: 20,
		Duration: 500 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: binary, Data: t.TempDir(),
	}
	for range 2 { // the second run must not meet the first one's idempotency keys
		document := runJSON(t, cfg)
		require.Len(t, document.Results, 2)
		onPostgres, onPebble := document.Results[0], document.Results[1]
		require.Equal(t, "penstock-postgres", onPostgres.Engine)
		require.Equal(t, "penstock-pebble", onPebble.Engine)
		requireSound(t, &onPostgres, 1)
		require.Positive(t, onPostgres.DatabaseMicros)
		require.Greater(t, onPostgres.CPUMicrosPerOperation, onPostgres.DatabaseMicros)
		require.Zero(t, onPebble.DatabaseMicros)
		require.NotEmpty(t, document.Environment.Postgres["shared_buffers"])
		cfg.Products = 30 // of which some have to be made
	}
}

func TestRunStartsADatabaseAndARedisWhenItNeedsThem(t *testing.T) {
	t.Parallel()
	_, err := pgtest.Find(t.Context()) // which sees to it that there is one
	require.NoError(t, err)
	_, err = redistest.Program().Find(t.Context())
	require.NoError(t, err)
	data := t.TempDir()
	letOthersIn(t, data)
	document := runJSON(t, bench.Config{
		Scenarios: []string{"order-hot", "product-read", "product-list", "mixed"}, Stores: []string{"postgres"},
		Peers: []string{"redis", "rowlock", "statement"}, Connections: 4, Rounds: 1, Products: 20, Orders: 200,
		Duration: 200 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: penstock(t), Data: data,
	})
	require.Len(t, document.Results, 4*4-1)
	for i := range document.Results {
		requireSound(t, &document.Results[i], 1)
	}
	require.Equal(t, 200, document.Environment.Orders)
	require.Equal(t, "15min", document.Environment.Postgres["checkpoint_timeout"])
	require.Equal(t, "always", document.Environment.Redis["appendfsync"])
	require.Len(t, document.Skipped, 1)
	require.Equal(t, "redis", document.Skipped[0].Engine)
	require.Equal(t, "mixed", document.Skipped[0].Scenario)
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestRunMeasuresFanOutOnBothStores(t *testing.T) {
	t.Parallel()
	_, err := pgtest.Find(t.Context())
	require.NoError(t, err)
	data := t.TempDir()
	letOthersIn(t, data)
	cfg := bench.Config{
		Scenarios: []string{"fan-out"}, Stores: []string{"pebble", "postgres"}, Peers: []string{"echo", "rowlock"},
		Connections: 4, Rounds: 1, Products: 20, Subscribers: 30,
		Duration: 300 * time.Millisecond, WarmUp: 20 * time.Millisecond, Executable: penstock(t), Data: data,
	}
	document := runJSON(t, cfg)
	require.Equal(t, 30, document.Environment.Subscribers)
	require.Len(t, document.Results, 3)
	for i, engine := range []string{"echo", "penstock-pebble", "penstock-postgres"} {
		r := &document.Results[i]
		require.Equal(t, engine, r.Engine)
		require.Equal(t, "fan-out", r.Scenario)
		requireSound(t, r, 1)
	}
	require.Positive(t, document.Results[2].DatabaseMicros)
	require.Len(t, document.Skipped, 1)
	require.Equal(t, "rowlock", document.Skipped[0].Engine)

	cfg.Stores, cfg.Peers, cfg.Rate = nil, nil, 100
	document = runJSON(t, cfg)
	require.Len(t, document.Results, 1)
	requireSound(t, &document.Results[0], 1)
	require.InDelta(t, 100, document.Results[0].OfferedPerSecond, 30)
}

// letOthersIn lets the user that PostgreSQL runs as reach a test's folder, which is one within another.
func letOthersIn(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(d, 0o755))
	}
}

func TestOverloadShowsEveryPhase(t *testing.T) {
	t.Parallel()
	cfg := bench.OverloadConfig{
		Config: bench.Config{
			Connections: 4, Rounds: 1, Products: 20, Duration: 300 * time.Millisecond, WarmUp: 20 * time.Millisecond,
			Executable: penstock(t), Data: t.TempDir(), JSON: true,
		},
		ConnectionTimes: 2, Recovery: time.Second,
	}
	var out bytes.Buffer
	_, err := bench.Overload(t.Context(), cfg, &out) // whether a busy machine meets the goals is not the question
	require.NoError(t, err)
	var document bench.OverloadDocument
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&document))
	require.Len(t, document.Overload, 1)
	r := document.Overload[0]
	require.Positive(t, r.Peak.GoodPerSecond)
	require.InDelta(t, 0.7*r.Peak.GoodPerSecond, r.Steady.OfferedPerSecond, 0.2*r.Peak.GoodPerSecond)
	require.Len(t, r.Strains, 2)
	require.Equal(t, "3 × the peak rate", r.Strains[0].Name)
	require.Equal(t, "2 × the connections", r.Strains[1].Name)
	require.Equal(t, 8, r.Strains[1].Connections)
	require.GreaterOrEqual(t, len(r.Goals), 7)
}

func TestRunRefusesABadConfigurationWithAllItsFaults(t *testing.T) {
	t.Parallel()
	err := bench.Run(t.Context(), bench.Config{
		Scenarios: []string{"nonsense", "order", "order"}, Stores: []string{"paper"}, Peers: []string{"nobody"}, Products: 1, Rate: -1,
	}, nil)
	for _, fault := range []string{"nonsense", "nobody", "paper", "products at least 2", `"order" is named twice`, "the rate must be"} {
		require.ErrorContains(t, err, fault)
	}
	_, err = bench.Overload(t.Context(), bench.OverloadConfig{Rates: 0.5}, nil)
	require.ErrorContains(t, err, "times at least 1")
	_, err = bench.Overload(t.Context(), bench.OverloadConfig{Config: bench.Config{Scenarios: []string{"fan-out"}}}, nil)
	require.ErrorContains(t, err, "not under overload")
	for _, subscribers := range []int{-1, 25_001} {
		err = bench.Run(t.Context(), bench.Config{Scenarios: []string{"fan-out"}, Subscribers: subscribers}, nil)
		require.ErrorContains(t, err, "from 1 to 25000 subscribers")
	}
}
