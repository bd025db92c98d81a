package board

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// epoch is when measurements of these tests begin.
func epoch() time.Time { return time.Date(2026, 7, 14, 9, 0, 0, 0, time.UTC) }

func TestRecorder_SumsUpByWindows(t *testing.T) {
	t.Parallel()
	r := newRecorder(epoch())
	for i := range 10 {
		at := epoch().Add(time.Duration(i) * 20 * time.Millisecond)
		r.answered(at, 2*time.Millisecond, nil)
	}
	r.answered(epoch().Add(120*time.Millisecond), time.Second, errors.New("503"))
	got := r.tally(epoch().Add(200 * time.Millisecond))
	require.Equal(t, int64(10), got.good)
	require.Equal(t, int64(1), got.bad)
	require.Equal(t, "503", got.firstError)
	require.InDelta(t, 2, got.latency.P99, 0.01, "an error has no latency")
	require.Len(t, got.points, 4)
	rates := func(points []Point) (good, bad []float64) {
		for _, p := range points {
			good, bad = append(good, p.OperationsPerSecond), append(bad, p.ErrorsPerSecond)
		}
		return good, bad
	}
	good, bad := rates(got.points)
	require.Equal(t, []float64{60, 40, 60, 40}, good)
	require.Equal(t, []float64{0, 0, 20, 0}, bad)
	require.InDelta(t, 0.2, got.points[3].Seconds, 1e-9)
}

func TestRecorder_ShowsAServerThatStandsStill(t *testing.T) {
	t.Parallel()
	r := newRecorder(epoch())
	r.answered(epoch().Add(5*time.Millisecond), time.Millisecond, nil)
	got := r.tally(epoch().Add(400 * time.Millisecond))
	require.Len(t, got.points, 8, "time in which nothing came has its points too")
	for _, p := range got.points[1:] {
		require.Zero(t, p.OperationsPerSecond)
		require.Zero(t, p.Latency)
	}
}

func TestRecorder_HasBoundedPointsForAnyTime(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{30 * time.Millisecond, time.Second, 10 * time.Second, DurationMax} {
		r := newRecorder(epoch())
		n := int64(0)
		for at := time.Duration(0); at < length; at += 5 * time.Millisecond {
			r.answered(epoch().Add(at), time.Millisecond, nil)
			n++
		}
		got := r.tally(epoch().Add(length))
		require.LessOrEqual(t, len(got.points), windowsMax, length)
		require.LessOrEqual(t, len(got.rounds), roundsMax, length)
		require.Equal(t, n, got.good)
		for _, p := range got.points {
			require.InDelta(t, 200, p.OperationsPerSecond, 45, "%s at %g", length, p.Seconds)
		}
		for _, round := range got.rounds {
			require.InDelta(t, 200, round.OperationsPerSecond, 45)
		}
		if length >= time.Second {
			require.GreaterOrEqual(t, len(got.points), 20, length)
			require.GreaterOrEqual(t, len(got.rounds), 6, length)
		}
	}
}

func TestRecorder_OfAShortRunHasOnePoint(t *testing.T) {
	t.Parallel()
	r := newRecorder(epoch())
	require.Empty(t, r.tally(epoch()).points)
	r.answered(epoch().Add(time.Millisecond), time.Millisecond, nil)
	got := r.tally(epoch().Add(2 * time.Millisecond))
	require.Len(t, got.points, 1)
	require.InDelta(t, 500, got.points[0].OperationsPerSecond, 1e-9)
	require.Len(t, got.rounds, 1)
}

func TestRoundsOf_LeaveNoneEmpty(t *testing.T) {
	t.Parallel()
	points := make([]Point, 40)
	for i := range points {
		points[i].OperationsPerSecond = 100
	}
	require.Len(t, roundsOf(points), roundsMax)
	for i := 8; i < 16; i++ {
		points[i].OperationsPerSecond = 0 // it stood still for a fifth of the time
	}
	rounds := roundsOf(points)
	require.Less(t, len(rounds), roundsMax)
	require.GreaterOrEqual(t, len(rounds), 2)
	for _, r := range rounds {
		require.Positive(t, r.OperationsPerSecond)
	}
	require.Empty(t, roundsOf(nil))
	require.Len(t, roundsOf(points[8:9]), 1)
}
