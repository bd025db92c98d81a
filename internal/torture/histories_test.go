package torture_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/internal/torture"
)

// tradeIn lets clients trade in a node's engine and returns what they found.
func tradeIn(t *testing.T, n *node, traders *torture.Traders, clients int) *torture.Faults {
	t.Helper()
	for range clients {
		traders.Shops = append(traders.Shops, engineShop{n.engine})
	}
	var faults torture.Faults
	recorder := traders.Run(t.Context(), &faults)
	if traders.Operations <= 2000 {
		torture.CheckLinearizable(traders.Products, recorder, patience, &faults)
	}
	require.NoError(t, torture.CheckVersions(traders.Products, recorder, n.ledger, &faults))
	report, err := n.engine.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, report.OK(), report.Faults)
	for _, row := range traders.Products {
		require.NotEmpty(t, recorder.Operations(row.Product))
	}
	return &faults
}

func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	n := openNode(t, openStore(t, ""), actors.Config{})
	traders := &torture.Traders{Seed: seed(t), Products: n.stockShelf(t, 30, 20, 10), Operations: 2000}
	faults := tradeIn(t, n, traders, 8)
	require.Zero(t, faults.Total(), faults)
}

func TestHistoryOfAHotProductIsInVersionOrder(t *testing.T) {
	t.Parallel()
	n := openNode(t, openStore(t, ""), actors.Config{})
	traders := &torture.Traders{Seed: seed(t), Products: n.stockShelf(t, 1000), Operations: size(t, "history")}
	faults := tradeIn(t, n, traders, 64)
	require.Zero(t, faults.Total(), faults)
}
