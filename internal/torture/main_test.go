package torture_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The sizes of the runs are flags of the test binary: the defaults fit into every run of the
// tests, `make crash` and `make flash` ask for the full ones.
func TestMain(m *testing.M) {
	flag.Int("torture.kills", 3, "how often the crash campaign kills the server")
	flag.Int("torture.orders", 300, "orders acknowledged between two kills")
	flag.Int("torture.stored", 0, "orders stored before the crash campaign begins")
	flag.Int("torture.buyers", 200, "connections of a flash sale; each places 10 orders, for 1 unit to 20 orders")
	flag.Int("torture.history", 20_000, "operations on the hot product of a long history")
	flag.Uint64("torture.seed", 0, "seed of all random choices; 0 takes one by the clock")
	flag.Parse()
	os.Exit(m.Run())
}

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
