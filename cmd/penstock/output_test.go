package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a stream that takes nothing, like /dev/full.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestALostResultIsAFailure(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"config"}, {"--help"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			var errs bytes.Buffer
			require.Equal(t, exitIO, run(t.Context(), args, nil, full{}, &errs))
			require.Contains(t, errs.String(), "no space left on device")
		})
	}
}

func TestALostGreetingIsNone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // drains as soon as it serves
	var errs bytes.Buffer
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}
	code := run(ctx, args, nil, full{}, &errs)
	require.Equal(t, exitOK, code, errs.String())
	require.Contains(t, errs.String(), `"message":"stopped"`)
}
