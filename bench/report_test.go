package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sampleOf(operations int64, cpu, latency time.Duration) *Sample {
	s := &Sample{Operations: operations, Elapsed: time.Second, CPU: CPU{Server: cpu}, Latency: newLatency()}
	for range operations {
		_ = s.Latency.RecordValue(int64(latency))
	}
	return s
}

func TestSummarizeTakesMediansOfRoundsAndRatiosWithinThem(t *testing.T) {
	t.Parallel()
	echo := []*Sample{
		sampleOf(100, 100*10*time.Microsecond, time.Millisecond),
		sampleOf(100, 100*20*time.Microsecond, time.Millisecond), // a slow minute
		sampleOf(100, 100*10*time.Microsecond, time.Millisecond),
	}
	samples := []*Sample{
		sampleOf(10, 10*50*time.Microsecond, 2*time.Millisecond),
		sampleOf(20, 20*100*time.Microsecond, 2*time.Millisecond),
		sampleOf(40, 40*60*time.Microsecond, 9*time.Millisecond),
	}
	samples[1].Errors, samples[1].FirstError = 3, "503"
	r := Summarize("penstock-pebble", &Scenario{Name: "order"}, samples, echo)
	require.InDelta(t, 20, r.OperationsPerSecond, 0.001)
	require.InDelta(t, 60, r.CPUMicrosPerOperation, 0.001)
	require.InDelta(t, 5, r.CPUPerEcho, 0.001, "5, 5 and 6 times the echo of the same round")
	require.Equal(t, int64(3), r.Errors)
	require.Equal(t, "503", r.FirstError)
	require.InDelta(t, 9, r.Latency.P99, 0.05)
	require.InDelta(t, 9, r.Latency.Max, 0.05)
	require.Len(t, r.Rounds, 3)
	require.Zero(t, Summarize("penstock-pebble", &Scenario{Name: "order"}, samples, nil).CPUPerEcho)
}
