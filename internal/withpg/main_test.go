package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunsACommandWithADatabase(t *testing.T) {
	t.Parallel()
	var out, complaints bytes.Buffer
	code := run([]string{"--", "sh", "-c", "echo $PENSTOCK_DATABASE_URL; exit 3"}, &out, &complaints)
	require.Equal(t, 3, code, complaints.String())
	require.True(t, strings.HasPrefix(out.String(), "postgres"), out.String())
	require.Empty(t, complaints.String())
}

func TestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	var out, complaints bytes.Buffer
	require.Equal(t, 2, run([]string{"--"}, &out, &complaints))
	require.Contains(t, complaints.String(), "usage")
	complaints.Reset()
	require.Equal(t, 1, run([]string{"no such command"}, &out, &complaints))
	require.Contains(t, complaints.String(), "no such command")
}
