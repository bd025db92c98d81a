package torture_test

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

// The sizes of the runs are flags of the test binary: the defaults fit into every run of the
// tests, `make crash`, `make crashpg` and `make flash` ask for the full ones.
func TestMain(m *testing.M) {
	flag.Int("torture.kills", 3, "how often the crash campaign kills the server")
	flag.Int("torture.orders", 300, "orders acknowledged between two kills")
	flag.Int("torture.stored", 0, "orders stored before the crash campaign begins")
	flag.Int("torture.backends", 1, "how often a backend of PostgreSQL is killed")
	flag.Int("torture.postmasters", 1, "how often the postmaster of PostgreSQL is killed")
	flag.Int("torture.cuts", 10, "how often the connection is cut during a commit")
	flag.Int("torture.silences", 1, "how often nothing goes through between server and PostgreSQL")
	flag.Int("torture.disks", 1, "how often each fault of PostgreSQL's disk stands for a while")
	flag.Int("torture.takeovers", 1, "how often a server is taken over")
	flag.Int("torture.buyers", 200, "connections of a flash sale; each places 10 orders, for 1 unit to 20 orders")
	flag.Int("torture.history", 20_000, "operations on the hot product of a long history")
	flag.String("torture.real", "", "directory with files of real products and orders to replay; empty replays made-up ones")
	flag.Uint64("torture.seed", 0, "seed of all random choices; 0 takes one by the clock")
	flag.Parse()
	code := postgres.Main(m)
	if err := binaries.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// What the tests have in common. TestMain owns it, and hands it to tests in no other way.
var (
	postgres pgtest.Shared  //nolint:gochecknoglobals // see above
	binaries torture.Builds //nolint:gochecknoglobals // see above
)

func size(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup("torture." + name).Value.String())
	require.NoError(t, err)
	return n
}

// seed returns the seed of this run, and prints it: the seed alone repeats the random choices.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(flag.Lookup("torture.seed").Value.String(), 10, 64)
	require.NoError(t, err)
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat with -args -torture.seed=%d", n, n)
	return n
}

// build builds the server, with a build tag if one is given.
func build(t *testing.T, tag string) string {
	t.Helper()
	path, err := binaries.Get(tag)
	require.NoError(t, err)
	return path
}

// migrate brings the schema of a database up to date.
func migrate(ctx context.Context, url string) error {
	_, err := pgstore.Migrate(ctx, url)
	return err
}
