package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeResult writes a result whose rounds found so many operations a second.
func writeResult(t *testing.T, rates ...int) (file string) {
	t.Helper()
	rounds := ""
	for i, rate := range rates {
		if i > 0 {
			rounds += ","
		}
		rounds += fmt.Sprintf(`{"operations_per_second":%d,"cpu_us_per_operation":%d}`, rate, 1_000_000/rate)
	}
	file = filepath.Join(t.TempDir(), "result.json")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil,
		`{"environment":{"cores":2},"results":[{"engine":"echo","scenario":"order","operations_per_second":%d,"rounds":[%s]}]}`, rates[0], rounds), 0o600))
	return file
}

func TestBenchCompareTellsByItsExitCodeWhetherResultsDiffer(t *testing.T) {
	t.Parallel()
	base := writeResult(t, 1000, 1010, 990)
	code, stdout, stderr := runCommand(t, nil, "bench", "compare", base, writeResult(t, 1005, 985, 1012))
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "cannot be told apart")

	code, stdout, _ = runCommand(t, nil, "bench", "compare", base, writeResult(t, 2005, 1985, 2012))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "B is better")

	code, stdout, _ = runCommand(t, nil, "bench", "compare", "--json", base, writeResult(t, 505, 485, 512))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, `"verdict": "B is worse"`)
}

func TestBenchCompareSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	base := writeResult(t, 1000, 1010)
	empty := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(empty, []byte(`{}`), 0o600))
	code, _, stderr := runCommand(t, nil, "bench", "compare", base, "nowhere.json")
	require.Equal(t, exitNoInput, code)
	require.Contains(t, stderr, "nowhere.json")
	code, _, stderr = runCommand(t, nil, "bench", "compare", empty, base)
	require.Equal(t, exitData, code)
	require.Contains(t, stderr, "empty.json")
	require.Contains(t, stderr, "--json")
}

func TestBenchTakesScenariosWithoutASubcommand(t *testing.T) {
	t.Parallel()
	code, _, stderr := runCommand(t, nil, "bench", "nonsense", "--stores", "pebble", "--peers", "echo,rowlock")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, `no scenario is called "nonsense"`)
}

func TestSeedFillsAnEmptyStore(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	seed := []string{"seed", "--data", data, "--orders", "400", "--products", "30", "--days", "40"}
	code, stdout, stderr := runCommand(t, nil, seed...)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "30 products and 400 orders of 40 days")
	code, stdout, stderr = runCommand(t, nil, "verify", "--data", data)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "400 orders")

	code, _, stderr = runCommand(t, nil, seed...)
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "holds orders")
	code, stdout, stderr = runCommand(t, nil, append(seed, "--if-empty")...)
	require.Equal(t, exitOK, code, stderr)
	require.Empty(t, stdout)

	code, _, stderr = runCommand(t, nil, "seed", "--data", data, "--orders=-1", "--products=2")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "orders must be")
}
