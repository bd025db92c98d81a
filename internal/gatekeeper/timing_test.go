package gatekeeper_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	nethttp "net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

// TestTiming compares how long it takes to hear that somebody else's order, and one that does not exist, is not
// there. The two are asked for by turns in random order, over one connection.
func TestTiming(t *testing.T) { //nolint:paralleltest // it measures
	s := newScene(t, newShop(t, nil))
	samples := number(t, "samples")
	for _, c := range []struct{ name, method, rest, body string }{
		{"getOrder", "GET", "", ""},
		{"trackOrder", "GET", "/tracking", ""},
		{"orderEvents", "GET", "/events", ""},
		{"cancelOrder", "POST", "/cancel", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := s.connect(t)
			ask := func(id string) time.Duration {
				return line.time(t, fmt.Sprintf("%s /api/v2/orders/%s%s HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n%s: %s\r\n\r\n",
					c.method, id, c.rest, s.other.fields[0], s.other.fields[1]))
			}
			for range 50 { // whatever is slow the first time
				ask(s.shipped)
				ask(missingOrder())
			}
			var foreign, missing []time.Duration
			for range samples {
				if rand.IntN(2) == 0 {
					foreign, missing = append(foreign, ask(s.shipped)), append(missing, ask(missingOrder()))
				} else {
					missing, foreign = append(missing, ask(missingOrder())), append(foreign, ask(s.shipped))
				}
			}
			z := rankSum(foreign, missing)
			t.Logf("%d samples each; foreign: %s; missing: %s; z = %.2f", samples, summary(foreign), summary(missing), z)
			require.GreaterOrEqual(t, min(slices.Min(foreign), slices.Min(missing)), 2*time.Millisecond, "no answer leaves earlier")
			// By chance alone it is larger once in 15,000 runs.
			require.Less(t, math.Abs(z), 5.0, "the times tell which order exists")
		})
	}
}

// missingOrder is the id of an order that could be there.
func missingOrder() string {
	id := commerce.IDFloor(time.Now())
	id[6], id[8] = 0x70|byte(rand.IntN(16)), 0x80|byte(rand.IntN(64))
	for i := 9; i < len(id); i++ {
		id[i] = byte(rand.IntN(256))
	}
	return id.String()
}

// line is a connection without anything around it that takes time of its own.
type line struct {
	conn net.Conn
	in   *bufio.Reader
}

func (s *shop) connect(t testing.TB) *line {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &line{conn: conn, in: bufio.NewReader(conn)}
}

// time returns how long the answer to a request takes, which must be 404.
func (l *line) time(t testing.TB, request string) time.Duration {
	t.Helper()
	require.NoError(t, l.conn.SetDeadline(time.Now().Add(wait)))
	start := time.Now()
	_, err := io.WriteString(l.conn, request)
	require.NoError(t, err)
	_, err = l.in.Peek(1)
	elapsed := time.Since(start)
	require.NoError(t, err)
	answer, err := nethttp.ReadResponse(l.in, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 404, answer.StatusCode)
	return elapsed
}

// summary says how times lie.
func summary(times []time.Duration) string {
	sorted := slices.Sorted(slices.Values(times))
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	at := func(part float64) time.Duration { return sorted[int(part*float64(len(sorted)-1))] }
	return fmt.Sprintf("mean %s, p10 %s, p50 %s, p90 %s", sum/time.Duration(len(sorted)), at(.1), at(.5), at(.9))
}

// rankSum is the z of Wilcoxon's test (Mann and Whitney's U): by how many standard deviations the ranks of one
// sample among both are off from where chance would put them. Few times that are very long do not bend it.
func rankSum(a, b []time.Duration) float64 {
	type ranked struct {
		time   time.Duration
		ofA    bool
		random uint64 // breaks ties
	}
	var all []ranked
	for _, d := range a {
		all = append(all, ranked{d, true, rand.Uint64()})
	}
	for _, d := range b {
		all = append(all, ranked{d, false, rand.Uint64()})
	}
	slices.SortFunc(all, func(x, y ranked) int {
		return cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.random, y.random))
	})
	sum := 0.0
	for i := range all {
		if all[i].ofA {
			sum += float64(i + 1)
		}
	}
	n, m := float64(len(a)), float64(len(b))
	return (sum - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
}
