package audience_test

import (
	"flag"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/audience"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/internal/torture"
)

// What is promised of a subscriber's cost, and from how many subscribers on it can be measured.
const (
	bytesMax     = 20 << 10
	bytesAtLeast = 5_000
	patience     = 2 * time.Minute
)

// room makes a server take so many subscribers. Requests need connections too.
func room(server *torture.Server, subscribers int, ping time.Duration) {
	more := func(flag string, n int) { server.Flags = append(server.Flags, flag, strconv.Itoa(n)) }
	more("--http-connections-max", subscribers+1000)
	more("--http-subscribers-max", subscribers)
	more("--http-subscribers-per-address-max", subscribers)
	server.Flags = append(server.Flags, "--http-ping-interval", ping.String())
}

func TestFanOut(t *testing.T) {
	t.Parallel()
	onBothStores(t, build(t, ""), func(t *testing.T, server *torture.Server) {
		ping, err := time.ParseDuration(flag.Lookup("audience.ping").Value.String())
		require.NoError(t, err)
		subscribers := number(t, "subscribers")
		room(server, subscribers, ping)
		process, err := server.Start(t.Context())
		require.NoError(t, err)
		t.Cleanup(process.Kill)
		run := &audience.FanOut{
			Server: process, Subscribers: subscribers, Orders: number(t, "orders"), Patience: patience, Log: t.Logf,
		}
		report, err := run.Run(t.Context())
		require.NoError(t, err, report)
		t.Log(report)
		require.Zero(t, report.Faults.Total(), &report.Faults)
		require.EqualValues(t, 5*report.Good, report.Events)
		if subscribers >= bytesAtLeast { // of fewer it says nothing
			require.LessOrEqual(t, report.Bytes, int64(bytesMax))
		}
	})
}

func restarts(t *testing.T, server *torture.Server, subscribers, kills int) *audience.RestartsReport {
	t.Helper()
	room(server, subscribers+10, 10*time.Second)
	run := &audience.Restarts{
		Start: server.Start, Seed: seed(t), Kills: kills, Subscribers: subscribers, Feeds: 3, Updates: 4 * subscribers,
		Patience: patience, Log: t.Logf,
	}
	report, err := run.Run(t.Context())
	require.NoError(t, err, report)
	t.Log(report)
	return report
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	onBothStores(t, build(t, ""), func(t *testing.T, server *torture.Server) {
		report := restarts(t, server, number(t, "resumers"), number(t, "kills"))
		require.Zero(t, report.Faults.Total(), &report.Faults)
		require.Equal(t, number(t, "kills"), report.Kills)
		require.GreaterOrEqual(t, report.Resumed, int64(report.Kills))
		require.NoError(t, server.Verify(t.Context(), &report.Faults))
		require.Zero(t, report.Faults.Total(), &report.Faults)
	})
}

// A check that never fails proves nothing.
func TestPlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	binary := build(t, "planted")
	for bug, kind := range map[planted.Bug]torture.FaultKind{
		planted.EventNotTold:  audience.FaultGap,
		planted.ResumeRepeats: audience.FaultRepeat,
	} {
		t.Run(string(bug), func(t *testing.T) {
			t.Parallel()
			server := &torture.Server{Binary: binary, Data: t.TempDir(), Env: []string{"PENSTOCK_PLANT=" + string(bug)}}
			report := restarts(t, server, 20, 2)
			require.True(t, report.Faults.Has(kind), "want a fault of kind %s, got %s", kind, &report.Faults)
		})
	}
}
