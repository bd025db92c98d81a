package audience_test

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

// The sizes of the runs are flags of the test binary: the defaults fit into every run of the tests,
// `make fanout` and `make restarts` ask for the full ones.
func TestMain(m *testing.M) {
	flag.Int("audience.subscribers", 300, "subscribers of a fan-out, a tenth of them hostile")
	flag.Int("audience.orders", 100, "orders whose cost is measured with and without subscribers")
	flag.Duration("audience.ping", time.Second, "how often subscribers of a fan-out are pinged")
	flag.Int("audience.resumers", 60, "subscribers who come back after each kill")
	flag.Int("audience.kills", 3, "how often the server is killed")
	flag.Uint64("audience.seed", 0, "seed of all random choices; 0 takes one by the clock")
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

func number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup("audience." + name).Value.String())
	require.NoError(t, err)
	return n
}

// seed returns the seed of this run, and prints it: the seed alone repeats the random choices.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(flag.Lookup("audience.seed").Value.String(), 10, 64)
	require.NoError(t, err)
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat with -args -audience.seed=%d", n, n)
	return n
}

// build builds the server, with a build tag if one is given.
func build(t *testing.T, tag string) string {
	t.Helper()
	path, err := binaries.Get(tag)
	require.NoError(t, err)
	return path
}

// onBothStores runs a test with a server on each kind of store.
func onBothStores(t *testing.T, binary string, test func(t *testing.T, server *torture.Server)) {
	t.Helper()
	t.Run("pebble", func(t *testing.T) {
		t.Parallel()
		test(t, &torture.Server{Binary: binary, Data: t.TempDir()})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, &torture.Server{Binary: binary, Database: postgres.From(t, "migrated", func(ctx context.Context, url string) error {
			_, err := pgstore.Migrate(ctx, url)
			return err
		})})
	})
}
