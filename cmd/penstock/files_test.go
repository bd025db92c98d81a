package main

import (
	"bytes"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClampConnections(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claim string
		asked int
		files uint64
		want  int
	}{
		{"enough files leave it alone", 10_000, 20_000, 10_000},
		{"just enough", 10_000, 11_024, 10_000},
		{"one too few", 10_000, 11_023, 9_999},
		{"a low limit leaves a quarter", 10_000, 1024, 256},
		{"no limit", 10_000, math.MaxUint64, 10_000},
		{"a setting that is wrong is for others to refuse", -1, 1024, -1},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, clampConnections(tt.asked, tt.files))
		})
	}
}

func TestFitConnectionsSaysWhatItTakesAway(t *testing.T) {
	t.Parallel()
	files, err := filesMax()
	require.NoError(t, err)
	var logs bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logs, nil))

	fit, err := fitConnections(1, log)
	require.NoError(t, err)
	require.Equal(t, 1, fit)
	require.Empty(t, logs.String())

	fit, err = fitConnections(math.MaxInt, log)
	require.NoError(t, err)
	require.Equal(t, clampConnections(math.MaxInt, files), fit)
	if files < math.MaxInt {
		require.Contains(t, logs.String(), "raise the limit (ulimit -n, LimitNOFILE)")
	}
}
