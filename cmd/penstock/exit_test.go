package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		code int
		says string
	}{
		{nil, exitOK, ""},
		{errHelp, exitOK, ""},
		{errNotWell, exitFailed, ""},
		{errors.New("what"), exitInternal, "penstock: what\n"},
		{&client.TargetError{Target: "x", Detail: "is not a URL"}, exitUsage, `penstock: target "x" is not a URL`},
		{&csvfile.Error{File: "f", Line: 3, Detail: "bad"}, exitData, "penstock: f:3: bad\n"},
		{fmt.Errorf("w: %w", context.Canceled), exitInterrupted, "penstock: w: context canceled\n"},
		{&client.UnavailableError{Target: "t", Attempts: 2, Err: errors.New("refused")}, exitUnavailable, "Is the server running"},
		{&client.ProblemError{Status: 503}, exitUnavailable, "Is the server running"},
		{&client.ProblemError{Status: 404}, exitUnavailable, ""},
		{&client.ProblemError{Status: 401}, exitNotAllowed, "PENSTOCK_KEY"},
		{&client.ProblemError{Status: 403}, exitNotAllowed, "PENSTOCK_KEY"},
		{&fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, exitIO, "penstock: open p: permission denied\n"},
		{&exitError{code: exitConfig, err: errors.New("what"), hint: "Do this."}, exitConfig, "penstock: what\nDo this.\n"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v", tt.err), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			require.Equal(t, tt.code, report(&out, tt.err))
			require.Contains(t, out.String(), tt.says)
		})
	}
}
