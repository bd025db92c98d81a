package gatekeeper_test

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The size of the measurement of times is a flag of the test binary: the default fits into every run of the
// tests, `make timing` asks for the full one.
func TestMain(m *testing.M) {
	flag.Int("gatekeeper.samples", 200, "answers of each kind whose times are compared")
	flag.Parse()
	os.Exit(m.Run())
}

func number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup("gatekeeper." + name).Value.String())
	require.NoError(t, err)
	return n
}
