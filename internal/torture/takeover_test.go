package torture_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/torture"
)

func TestTakeover(t *testing.T) {
	t.Parallel()
	binary := build(t, "")
	for name, older := range map[string]torture.Older{
		"a busy server is fenced within one batch and ends":   torture.OlderBusy,
		"an idle server is fenced by its next batch and ends": torture.OlderIdle,
		"a server that was frozen wakes up fenced and ends":   torture.OlderFrozen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := onPostgres.server(t, binary)
			takeover := &torture.Takeover{
				Start: server.Start, Seed: seed(t), Rounds: size(t, "takeovers"), Older: older, Orders: size(t, "orders"), Log: t.Logf,
			}
			report, err := takeover.Run(t.Context())
			require.NoError(t, err, report)
			require.NoError(t, server.Verify(t.Context(), &report.Faults))
			t.Log(report)
			require.Zero(t, report.Faults.Total(), &report.Faults)
			require.Equal(t, takeover.Rounds, report.Rounds)
		})
	}
}
