package bench

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sliceOf makes a slice of good answers that all took as long.
func sliceOf(good int64, took time.Duration) Slice {
	s := Slice{Good: good, Latency: newCoarseLatency()}
	for range good {
		record(s.Latency, took)
	}
	return s
}

func TestNormalIsASecondInWhichAlmostAllIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	normal, few, late := sliceOf(100, time.Millisecond), sliceOf(80, time.Millisecond), sliceOf(100, time.Second)
	for _, c := range []struct {
		name   string
		slices []Slice
		want   float64
	}{
		{"at once", []Slice{normal, normal, normal, normal, few}, 0},
		{"after a second", []Slice{few, few, late, late, normal, normal, normal, normal}, 1},
		{"a calm that does not last", []Slice{normal, normal, normal, few, normal, normal, normal, normal}, 1},
		{"never", []Slice{few, few, late, late, normal, normal, normal}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.InDelta(t, c.want, normalAfter(c.slices, 100, 10), 0)
		})
	}
}

func TestGoalsAreJudged(t *testing.T) {
	t.Parallel()
	good := OverloadResult{
		Engine: "penstock-pebble", Scenario: "order",
		Peak:   OverloadPhase{Name: "peak", GoodPerSecond: 1000, ServerMemory: MemoryResult{Peak: 100 << 20}},
		Steady: OverloadPhase{Name: "steady", Latency: Latency{P99: 4}},
		Strains: []OverloadPhase{{
			Name: "3 × the peak rate", OfPeak: 0.95, Refused: 10, RefusedWithRetryAfter: 10, RefusalLatency: &Latency{P99: 2},
			ServerMemory: MemoryResult{Peak: 150 << 20}, NormalAfter: 0.5,
		}},
	}
	cfg := &OverloadConfig{Steady: 0.7}
	good.judge(cfg)
	document := &OverloadDocument{Overload: []OverloadResult{good}}
	require.True(t, document.met())
	require.Len(t, good.Goals, 6)

	bad := good
	bad.Goals, bad.Steady.Latency.P99 = nil, 40
	bad.Strains = []OverloadPhase{{
		Name: "10 × the connections", OfPeak: 0.5, Refused: 10, RefusedWithRetryAfter: 9, RefusalLatency: &Latency{P99: 900},
		ServerMemory: MemoryResult{Peak: 900 << 20}, NormalAfter: -1, Late: 0.5, LateMax: 30, Unsent: 0.2, FirstError: "500",
	}}
	bad.judge(cfg)
	document.Overload = append(document.Overload, bad)
	require.False(t, document.met())
	for _, g := range bad.Goals {
		require.False(t, g.Met, g.Goal)
	}
	var out bytes.Buffer
	require.NoError(t, document.writeTable(&out))
	for _, want := range []string{
		"met      at 70 % of the peak: p99 at most 10 ms: 4.00 ms",
		"NOT MET  10 × the connections: good answers at least 90 % of the peak: 50 %",
		"NOT MET  10 × the connections: every refusal has Retry-After: 9 of 10",
		"normal again after at most 10 s: never",
		"10 × the connections: the generator fell behind: 50.0 %",
		"10 × the connections: 20.0 % of what was offered was never sent",
		"first error: 500",
	} {
		require.Contains(t, out.String(), want)
	}
}
