package bench_test

import (
	"bufio"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
)

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	t.Parallel()
	l := load(startEcho(t, 201))
	l.Rate, l.Duration = 400, 500*time.Millisecond
	sample, err := l.Run(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 200, sample.Pace.Due, 20)
	require.InDelta(t, sample.Pace.Due, sample.Operations+sample.Pace.Unsent, 20)
	require.InDelta(t, sample.Operations, sample.Latency.TotalCount(), 20, "also those answered after the end")
	require.Zero(t, sample.Errors, sample.FirstError)
}

// serveSlowly listens on loopback and answers each request on a connection after a pause.
func serveSlowly(t *testing.T, pause time.Duration) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerSlowly(conn, pause)
		}
	}()
	return listener.Addr().String()
}

// answerSlowly answers requests that are a line and an empty one.
func answerSlowly(conn net.Conn, pause time.Duration) {
	defer func() { _ = conn.Close() }()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			continue
		}
		<-time.After(pause)
		if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")); err != nil {
			return
		}
	}
}

func TestLatencyCountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Millisecond
	l := &bench.Load{
		Address: serveSlowly(t, pause), Connections: 2, Rate: 400, Duration: 600 * time.Millisecond,
		Kinds: []bench.Kind{{Name: "slow", Want: 200}}, CPU: func() (bench.CPU, error) { return bench.CPU{}, nil },
		Requests: func(int) bench.Requests {
			return func(dst []byte) ([]byte, int) { return append(dst, "GET / HTTP/1.1\r\n\r\n"...), 0 }
		},
		Slice: 100 * time.Millisecond,
	}
	over := false
	l.Over = func() { over = true }
	sample, err := l.Run(t.Context())
	require.NoError(t, err)
	require.True(t, over)
	// Two connections manage a hundred a second of the four hundred that are due.
	require.InDelta(t, 240, sample.Pace.Due, 10)
	require.Greater(t, sample.Pace.Unsent, sample.Pace.Due/2)
	require.Less(t, sample.Operations, int64(100))
	require.Greater(t, sample.Latency.Max(), int64(5*pause), "who waited for a connection waited")

	require.Len(t, sample.Slices, 6)
	require.Positive(t, sample.Slices[0].Good)
	require.Zero(t, sample.Slices[5].Good, "what was due then was never sent")
}
