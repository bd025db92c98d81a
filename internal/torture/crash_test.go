package torture_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/internal/torture"
)

// readyMax is how long a server with 1,000,000 orders may take from its start after a kill to its
// first good answer of /readyz.
const readyMax = 2 * time.Second

// fill stores orders before a campaign begins.
func fill(t *testing.T, server *torture.Server, orders int) {
	t.Helper()
	store := openStore(t, server)
	begin := time.Now()
	require.NoError(t, bench.Fill(t.Context(), store, orders, 1))
	require.NoError(t, store.Close())
	t.Logf("%d orders stored in %s", orders, time.Since(begin).Round(time.Millisecond))
}

func TestCrash(t *testing.T) {
	t.Parallel()
	binary := build(t, "")
	onBothStores(t, func(t *testing.T, on kind) {
		server := on.server(t, binary)
		stored := size(t, "stored")
		if stored > 0 {
			fill(t, server, stored)
		}
		campaign := &torture.Campaign{
			Start: server.Start, Seed: seed(t), Kills: size(t, "kills"), Orders: size(t, "orders"), Log: t.Logf,
		}
		report, err := campaign.Run(t.Context())
		require.NoError(t, err, report)
		t.Log(report)
		require.NoError(t, server.Verify(t.Context(), &report.Faults))
		require.Zero(t, report.Faults.Total(), &report.Faults)
		require.Equal(t, campaign.Kills, report.Kills)
		require.GreaterOrEqual(t, report.AcknowledgedMin, campaign.Orders)
		if stored > 0 {
			require.LessOrEqual(t, report.ReadyMax(), readyMax, "with %d orders stored", stored)
		}
		if report.Kills >= 10 { // fewer say nothing about a half
			require.GreaterOrEqual(t, 2*report.KillsMidCommit, report.Kills, "too few kills with a batch in flight")
		}
	})
}
