package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

// startEcho starts this test binary as an echo that answers with the status given.
func startEcho(t *testing.T, status int) *bench.Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "answer")
	answer := fmt.Sprintf("HTTP/1.1 %d Whatever\r\nServer: penstock\r\nContent-Type: application/json\r\n"+
		"Location: /api/v2/orders/1\r\nETag: \"1\"\r\nContent-Length: 8\r\n\r\n{\"id\":1}", status)
	require.NoError(t, os.WriteFile(file, []byte(answer), 0o600))
	executable, err := os.Executable()
	require.NoError(t, err)
	process, err := bench.StartProcess(t.Context(), []string{echoAnswer + "=" + file}, executable)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process
}

func load(process *bench.Process) *bench.Load {
	return &bench.Load{
		Address: process.Address, Connections: 4, WarmUp: 10 * time.Millisecond, Duration: 200 * time.Millisecond,
		Want: 201,
		CPU: func() (c bench.CPU, err error) {
			c.Server, err = process.CPU()
			return c, err
		},
		Source: func(connection int) bench.Source {
			return func(dst []byte) []byte {
				return bench.AppendRequest(dst, &bench.Request{
					Method: "POST", Path: "/", Key: strconv.Itoa(connection), Body: []byte("{}"),
				})
			}
		},
	}
}

func TestEchoAnswersTheCapturedBytes(t *testing.T) {
	t.Parallel()
	process := startEcho(t, 201)
	conn := dial(t, process.Address)
	var answer bench.Answer
	for range 3 {
		require.NoError(t, conn.Do(bench.AppendRequest(nil, &bench.Request{Method: "POST", Path: "/x", Body: []byte("{}")}), &answer))
		require.Equal(t, 201, answer.Status)
		require.Equal(t, "/api/v2/orders/1", string(answer.Location))
		require.Equal(t, `"1"`, string(answer.ETag))
		require.JSONEq(t, `{"id":1}`, string(answer.Body))
	}
}

func TestLoadMeasuresGoodAnswers(t *testing.T) {
	t.Parallel()
	sample, err := load(startEcho(t, 201)).Run(t.Context())
	require.NoError(t, err)
	require.Positive(t, sample.Operations)
	require.Zero(t, sample.Errors, sample.FirstError)
	require.Equal(t, sample.Operations, sample.Latency.TotalCount())
	require.Positive(t, sample.Latency.Max())
	require.GreaterOrEqual(t, sample.Elapsed, 200*time.Millisecond)
}

func TestLoadCountsBadAnswersApart(t *testing.T) {
	t.Parallel()
	sample, err := load(startEcho(t, 500)).Run(t.Context())
	require.NoError(t, err)
	require.Zero(t, sample.Operations)
	require.Positive(t, sample.Errors)
	require.Contains(t, sample.FirstError, "500")
}

func TestLoadEndsWhenTheServerIsGone(t *testing.T) {
	t.Parallel()
	process := startEcho(t, 201)
	l := load(process)
	l.Duration = time.Hour
	answered := make(chan struct{}, 1)
	source := l.Source
	l.Source = func(connection int) bench.Source {
		next, n := source(connection), 0
		return func(dst []byte) []byte {
			if n++; n == 2 {
				select {
				case answered <- struct{}{}:
				default:
				}
			}
			return next(dst)
		}
	}
	go func() {
		<-answered
		process.Kill()
	}()
	_, err := l.Run(t.Context())
	require.Error(t, err)
}

func TestLoadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l := load(startEcho(t, 201))
	l.Duration = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := l.Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAProcessWithoutAnAddressIsAnError(t *testing.T) {
	t.Parallel()
	_, err := bench.StartProcess(t.Context(), nil, "/bin/sh", "-c", "echo broken; exit 3")
	require.ErrorIs(t, err, bench.ErrNoAddress)
	require.ErrorContains(t, err, "broken")
}

func TestFsyncRateIsMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rate, err := bench.FsyncRate(dir, 20*time.Millisecond)
	require.NoError(t, err)
	require.Positive(t, rate)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
