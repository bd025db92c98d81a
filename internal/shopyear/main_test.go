package shopyear_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// The sizes are flags of the test binary: the defaults fit into every run of the tests.
func TestMain(m *testing.M) {
	flag.Int("shopyear.orders", 2000, "orders of the last 365 days")
	flag.Int("shopyear.products", 1000, "products")
	flag.Int("shopyear.requests", 100, "requests of each kind, over one connection and over eight")
	flag.Bool("shopyear.goals", false, "fail at each goal of time that is missed")
	flag.String("shopyear.data", "", "a directory with an embedded store to take, in place of a new one")
	flag.String("shopyear.database", "", "the URL of a PostgreSQL database to take, in place of a new one")
	flag.Parse()
	code := postgres.Main(m)
	if err := binaries.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// What the tests have in common. TestMain owns it.
var (
	postgres pgtest.Shared  //nolint:gochecknoglobals // see above
	binaries torture.Builds //nolint:gochecknoglobals // see above
)

func setting[T any](name string) T {
	return flag.Lookup("shopyear." + name).Value.(flag.Getter).Get().(T) //nolint:forcetypeassert // TestMain has made it
}

// readyMax is how long a server may take until it has read its catalogue and added up its orders.
const readyMax = 10 * time.Minute

// onBothStores runs a test with a seeded store of each kind, one after the other: they measure.
func onBothStores(t *testing.T, test func(t *testing.T, server *torture.Server)) {
	t.Helper()
	binary, err := binaries.Get("")
	require.NoError(t, err)
	t.Run("pebble", func(t *testing.T) {
		server := &torture.Server{Binary: binary, Data: setting[string]("data")}
		if server.Data == "" {
			server.Data = t.TempDir()
			seed(t, binary, "--data", server.Data)
		}
		test(t, server)
	})
	t.Run("postgres", func(t *testing.T) {
		server := &torture.Server{Binary: binary, Database: setting[string]("database")}
		if server.Database == "" {
			server.Database = postgres.From(t, "migrated", func(ctx context.Context, url string) error {
				_, err := pgstore.Migrate(ctx, url)
				return err
			})
			seed(t, binary, "--store", "postgres", "--database-url", server.Database)
		}
		test(t, server)
	})
}

// seed fills an empty store with the past of the last year.
func seed(t *testing.T, binary string, place ...string) {
	t.Helper()
	args := append([]string{
		"seed", "--orders", strconv.Itoa(setting[int]("orders")), "--products", strconv.Itoa(setting[int]("products")), "--days", "365",
	}, place...)
	output, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	require.NoError(t, err, string(output))
}

// start starts a server and waits until it has its catalogue and its sums. It ends with the test.
func start(t *testing.T, server *torture.Server) *bench.Process {
	t.Helper()
	process, err := server.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { process.Stop(20 * time.Second) })
	for _, path := range []string{"/api/v2/products/search?q=a", summaryOf("day")} {
		require.Eventually(t, func() bool {
			answer, err := http.Get("http://" + process.Address + path)
			return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
		}, readyMax, 50*time.Millisecond, path)
	}
	return process
}
