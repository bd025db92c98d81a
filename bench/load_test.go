package bench_test

import (
	"context"
	"encoding/json"
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
	answer := fmt.Sprintf("HTTP/1.1 %d Whatever\r\nServer: penstock\r\nContent-Type: application/json\r\n"+
		"Location: /api/v2/orders/1\r\nETag: \"1\"\r\nRetry-After: 1\r\nContent-Length: 8\r\n\r\n{\"id\":1}", status)
	return startEchoOf(t, bench.Echoed{Method: "POST", Path: "/", Answer: []byte(answer)})
}

// startEchoOf starts this test binary as an echo that gives the answers.
func startEchoOf(t *testing.T, answers ...bench.Echoed) *bench.Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "answers")
	encoded, err := json.Marshal(answers)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, encoded, 0o600))
	executable, err := os.Executable()
	require.NoError(t, err)
	process, err := bench.StartProcess(t.Context(), []string{echoAnswers + "=" + file}, executable)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process
}

func load(process *bench.Process) *bench.Load {
	return &bench.Load{
		Address: process.Address, Connections: 4, WarmUp: 10 * time.Millisecond, Duration: 200 * time.Millisecond,
		Kinds: []bench.Kind{{Name: "any", Want: 201}}, Memory: process.Memory,
		CPU: func() (c bench.CPU, err error) {
			c.Server, err = process.CPU()
			return c, err
		},
		Requests: func(connection int) bench.Requests {
			return func(dst []byte) ([]byte, int) {
				return bench.AppendRequest(dst, &bench.Request{
					Method: "POST", Path: "/", Key: strconv.Itoa(connection), Body: []byte("{}"),
				}), 0
			}
		},
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
	require.Positive(t, sample.Memory.Start)
	require.GreaterOrEqual(t, sample.Memory.Peak, sample.Memory.End)
	require.Zero(t, sample.Pace)
}

func TestLoadCountsRefusalsApart(t *testing.T) {
	t.Parallel()
	sample, err := load(startEcho(t, 503)).Run(t.Context())
	require.NoError(t, err)
	require.Zero(t, sample.Operations)
	require.Zero(t, sample.Errors)
	require.Positive(t, sample.Refused)
	require.Equal(t, sample.Refused, sample.RetryAfter)
	require.Equal(t, sample.Refused, sample.Refusal.TotalCount())
}

func TestLoadTellsKindsApart(t *testing.T) {
	t.Parallel()
	l := load(startEcho(t, 201))
	l.Kinds = []bench.Kind{{Name: "good", Want: 201}, {Name: "bad", Want: 200}}
	requests := l.Requests
	l.Requests = func(connection int) bench.Requests {
		next, n := requests(connection), 0
		return func(dst []byte) ([]byte, int) {
			n++
			request, _ := next(dst)
			return request, n % 2
		}
	}
	sample, err := l.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, sample.Kinds, 2)
	require.Equal(t, sample.Operations, sample.Kinds[0].Operations)
	require.Zero(t, sample.Kinds[1].Operations)
	require.InDelta(t, sample.Operations, sample.Errors, 5)
	require.Contains(t, sample.FirstError, "bad: 201")
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
	requests := l.Requests
	l.Requests = func(connection int) bench.Requests {
		next, n := requests(connection), 0
		return func(dst []byte) ([]byte, int) {
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
