package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()

	t.Run("says the same as flags", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := runCommand(t, []string{"PENSTOCK_LISTEN=nowhere"}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, `listen address "nowhere" must be HOST:PORT`)
	})

	t.Run("gives way to a flag", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := runCommand(t, []string{"PENSTOCK_LISTEN=nowhere"}, "serve", "--listen", "elsewhere")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, `listen address "elsewhere" must be HOST:PORT`)
	})

	t.Run("gives way to a flag that excludes it", func(t *testing.T) {
		t.Parallel()
		environ := []string{"PENSTOCK_TARGET=http://127.0.0.1:1"}
		code, _, stderr := runCommand(t, environ, "verify", "--data", t.TempDir()+"/none")
		require.Equal(t, exitNoInput, code)
		require.Contains(t, stderr, "There is no store in this directory")
	})

	t.Run("is refused where no option answers to it, with the closest that does", func(t *testing.T) {
		t.Parallel()
		code, stdout, stderr := runCommand(t, []string{"HOME=/", "PENSTOCK_LISTN=127.0.0.1:1"}, "version")
		require.Equal(t, exitConfig, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "the environment sets PENSTOCK_LISTN, which is no option\nDid you mean PENSTOCK_LISTEN?")
	})

	t.Run("leaves the variables of planted bugs and of tests alone", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := runCommand(t, []string{"PENSTOCK_PLANT=x", "PENSTOCK_TEST_SEED=1", "PENSTOCKS=3"}, "version")
		require.Equal(t, exitOK, code, stderr)
	})

	t.Run("wrong values are named", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := runCommand(t, []string{"PENSTOCK_ENGINE_BATCH_MAX=many"}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "PENSTOCK_ENGINE_BATCH_MAX: --engine-batch-max")
		code, _, stderr = runCommand(t, []string{"PENSTOCK_DRAIN_TIMEOUT=abc", "PENSTOCK_DATA=x"}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "PENSTOCK_DRAIN_TIMEOUT: --drain-timeout")
	})

	t.Run("names files that hold values", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "listen")
		require.NoError(t, os.WriteFile(file, []byte("nowhere\r\n"), 0o600))
		code, _, stderr := runCommand(t, []string{"PENSTOCK_LISTEN_FILE=" + file}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, `listen address "nowhere" must be HOST:PORT`)
		code, _, stderr = runCommand(t, []string{"PENSTOCK_LISTEN_FILE=" + file, "PENSTOCK_LISTEN=127.0.0.1:0"}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "both PENSTOCK_LISTEN and PENSTOCK_LISTEN_FILE are set\nUnset one of them")
		code, _, stderr = runCommand(t, []string{"PENSTOCK_LISTEN_FILE=" + file + ".none"}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "PENSTOCK_LISTEN_FILE: open "+file+".none")
		require.NoError(t, os.WriteFile(file, make([]byte, valueFileMax+1), 0o600))
		code, _, stderr = runCommand(t, []string{"PENSTOCK_LISTEN_FILE=" + file}, "serve")
		require.Equal(t, exitConfig, code)
		require.Contains(t, stderr, "is longer than 65536 bytes")
	})

	t.Run("is the place for passwords", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{"postgres://shop:hunter2@127.0.0.1:1/shop", "host=127.0.0.1 port=1 user=shop password=hunter2"} {
			code, _, stderr := runCommand(t, nil, "serve", "--store", "postgres", "--database-url", url)
			require.Equal(t, exitUsage, code)
			require.Contains(t, stderr, "the command line holds a password")
			require.NotContains(t, stderr, "hunter2")
		}
	})

	t.Run("is not blamed for a flag", func(t *testing.T) {
		t.Parallel()
		code, _, stderr := runCommand(t, []string{"PENSTOCK_DATA=x"}, "serve", "--drain-timeout", "abc")
		require.Equal(t, exitUsage, code)
		require.NotContains(t, stderr, "PENSTOCK_")
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, distance("LISTEN", "LISTEN"))
	require.Equal(t, 1, distance("LISTN", "LISTEN"))
	require.Equal(t, 3, distance("kitten", "sitting"))
	require.Equal(t, 4, distance("", "data"))
	require.Equal(t, "DATA", closest("DATE", []string{"LISTEN", "DATA", "DEMO"}))
}
