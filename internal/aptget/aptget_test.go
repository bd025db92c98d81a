package aptget

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALockThatOthersHoldIsWaitedForAsLongAsTheContextAllows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o644)
		require.NoError(t, err)
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	installer := open()
	require.NoError(t, lock(t.Context(), installer, syscall.LOCK_EX))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, lock(ended, open(), syscall.LOCK_SH), context.Canceled)

	require.NoError(t, installer.Close())
	require.NoError(t, lock(t.Context(), open(), syscall.LOCK_SH), "an installer that has ended holds nothing")
}

func TestWhatAptGetSaysIsBounded(t *testing.T) {
	t.Parallel()
	long := ""
	for range 10 * outputLinesMax {
		long += "line\n"
	}
	require.Len(t, lastLines(long), outputLinesMax*len("line\n")-1)
	require.Equal(t, "one", lastLines("one\n"))
}
