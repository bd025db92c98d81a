package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench/board"
	api "github.com/penstock-dev/penstock/http"
)

func TestBenchmarksAreBoundedAlikeOnBothSides(t *testing.T) {
	t.Parallel()
	require.Equal(t, board.IterationsMax, api.BenchmarkIterationsMax)
	require.Equal(t, board.ConnectionsMax, api.BenchmarkConnectionsMax)
	require.Equal(t, board.DurationMax, api.BenchmarkSecondsMax*time.Second)
	require.Equal(t, board.LabelMax, api.BenchmarkLabelMax)
}

// runProgress is what a test reads of a run.
type runProgress struct {
	Run struct {
		ID    string
		Phase string
		Fault string
	}
}

// runBenchmark runs one to its end and returns how it ended.
func runBenchmark(t *testing.T, s *testServer, query string) runProgress {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.target+"/api/v2/benchmarks/run?"+query, nil)
	require.NoError(t, err)
	status, body := send(t, request)
	require.Equal(t, http.StatusAccepted, status, body)
	var p runProgress
	require.Eventually(t, func() bool {
		_, body := get(t, s.target+"/api/v2/benchmarks/progress")
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		return p.Run.Phase == "done" || p.Run.Phase == "failed"
	}, startTimeout, 20*time.Millisecond)
	return p
}

func TestBenchmarksOfEveryTypeLeaveTheShopAsItWas(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data, "--demo", "--http-access-log", "errors")
	<-s.demoShown
	_, before := get(t, s.target+"/api/v2/products?per_page=1&sort=name")
	var last runProgress
	for _, kind := range api.BenchmarkTypes() {
		last = runBenchmark(t, s, "iterations=40&connections=4&benchmark_type="+kind)
		require.Equal(t, "done", last.Run.Phase, "%s: %s", kind, last.Run.Fault)
		status, body := get(t, s.target+"/api/v2/benchmarks/results/"+last.Run.ID)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"errors":0`, kind)
	}
	_, after := get(t, s.target+"/api/v2/products?per_page=1&sort=name")
	require.Equal(t, before, after, "the products of the runs are archived, and nobody else's stock was touched")
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	code, stdout, stderr := runCommand(t, nil, "verify", "--data", data)
	require.Equal(t, exitOK, code, stdout+stderr)

	s = startServer(t, data)
	status, _ := get(t, s.target+"/api/v2/benchmarks/results/"+last.Run.ID)
	require.Equal(t, http.StatusOK, status, "results outlive the server")
	require.FileExists(t, filepath.Join(data, historyFile))
}

func TestBenchmarksEndWithTheServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data, "--http-access-log", "errors")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.target+"/api/v2/benchmarks/run?benchmark_type=order&iterations=100000&seconds=60", nil)
	require.NoError(t, err)
	status, body := send(t, request)
	require.Equal(t, http.StatusAccepted, status, body)
	require.Eventually(t, func() bool {
		_, body := get(t, s.target+"/api/v2/benchmarks/progress")
		return strings.Contains(body, `"phase":"measuring"`)
	}, startTimeout, 20*time.Millisecond)
	require.Equal(t, exitOK, s.stop(t), s.logs.String())

	s = startServer(t, data)
	_, body = get(t, s.target+"/api/v2/products?category=benchmark")
	require.Contains(t, body, `"total":0`, "its products were archived before the server ended")
}

func TestServeBenchmarks(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "--benchmarks", "off")
	status, body := get(t, s.target+"/api/v2/benchmarks/progress")
	require.Equal(t, http.StatusForbidden, status, body)
	require.Equal(t, exitOK, s.stop(t))
	require.NotContains(t, s.output.String(), "/benchmarks/dashboard")

	code, _, stderr := runCommand(t, nil, "serve", "--benchmarks", "sometimes", "--data", t.TempDir())
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "--benchmarks must be auto, on or off")

	for _, tt := range []struct {
		choice, address string
		want            bool
	}{
		{"auto", "127.0.0.1:8000", true},
		{"auto", "[::1]:8000", true},
		{"auto", "0.0.0.0:8000", false},
		{"auto", "192.0.2.1:8000", false},
		{"on", "0.0.0.0:8000", true},
		{"off", "127.0.0.1:8000", false},
	} {
		c := &serveCommand{Benchmarks: tt.choice}
		require.Equal(t, tt.want, c.mayMeasure(tt.address), "%s on %s", tt.choice, tt.address)
	}
}

func TestOwnAddress(t *testing.T) {
	t.Parallel()
	for listening, want := range map[string]string{
		"127.0.0.1:8000": "127.0.0.1:8000", "0.0.0.0:8000": "127.0.0.1:8000", "[::]:8000": "127.0.0.1:8000",
		"[::1]:8000": "[::1]:8000", "192.0.2.1:8000": "192.0.2.1:8000",
	} {
		address, err := net.ResolveTCPAddr("tcp", listening)
		require.NoError(t, err)
		require.Equal(t, want, ownAddress(address))
	}
}
