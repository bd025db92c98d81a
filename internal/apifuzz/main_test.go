package apifuzz_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// The size of the runs is a flag of the test binary: the default fits into every run of the tests, `make
// fuzzapi` asks for more.
func TestMain(m *testing.M) {
	flag.Int("apifuzz.requests", 22_000, "requests to the embedded store's server; a fifth as many to PostgreSQL's")
	flag.Uint64("apifuzz.seed", 0, "seed of all random choices; 0 takes one by the clock")
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

func build(t *testing.T) string {
	t.Helper()
	path, err := binaries.Get("")
	require.NoError(t, err)
	return path
}

func requests(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup("apifuzz.requests").Value.String())
	require.NoError(t, err)
	return n
}

// seed returns the seed of this run, and prints it: the seed alone repeats the random choices.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(flag.Lookup("apifuzz.seed").Value.String(), 10, 64)
	require.NoError(t, err)
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat with -args -apifuzz.seed=%d", n, n)
	return n
}

// onBothStores runs a test with a server on each kind of store, and the requests that it is to be asked.
func onBothStores(t *testing.T, test func(t *testing.T, server *torture.Server, requests int)) {
	t.Helper()
	path := build(t)
	t.Run("pebble", func(t *testing.T) {
		t.Parallel()
		test(t, &torture.Server{Binary: path, Data: t.TempDir()}, requests(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, &torture.Server{Binary: path, Data: t.TempDir(), Database: postgres.From(t, "migrated", func(ctx context.Context, url string) error {
			_, err := pgstore.Migrate(ctx, url)
			return err
		})}, requests(t)/5)
	})
}
