package torture_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence/faulty"
)

// tradeIn lets clients trade in a node's engine, then calls settle, and returns what the checkers
// found.
func tradeIn(t *testing.T, n *node, traders *torture.Traders, clients int, settle func()) *torture.Faults {
	t.Helper()
	for range clients {
		traders.Shops = append(traders.Shops, engineShop{n.engine})
	}
	var faults torture.Faults
	recorder := traders.Run(t.Context(), &faults)
	settle()
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
	onBothStores(t, func(t *testing.T, on kind) {
		n := openNode(t, on.open(t, false), actors.Config{})
		traders := &torture.Traders{Seed: seed(t), Products: n.stockShelf(t, 30, 20, 10), Operations: 2000}
		faults := tradeIn(t, n, traders, 8, func() {})
		require.Zero(t, faults.Total(), faults)
	})
}

func TestHistoryOfAHotProductIsInVersionOrder(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, on kind) {
		n := openNode(t, on.open(t, false), actors.Config{})
		traders := &torture.Traders{Seed: seed(t), Products: n.stockShelf(t, 1000), Operations: size(t, "history")}
		faults := tradeIn(t, n, traders, 64, func() {})
		require.Zero(t, faults.Total(), faults)
	})
}

func TestHistoriesAreLinearizableOverAFailingStore(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, on kind) {
		for _, rate := range []float64{0.02, 0.1} {
			t.Run(fmt.Sprintf("with a rate of %g for each fault", rate), func(t *testing.T) {
				t.Parallel()
				number := seed(t)
				store := faulty.Wrap(on.open(t, false), faulty.Options{
					Seed: number, RefuseRate: rate, VanishRate: rate, LostAnswerRate: rate, ReadErrorRate: rate,
					SlowCommitRate: rate, CommitDelayMax: 30 * time.Millisecond, SlowReadRate: rate, ReadDelayMax: 10 * time.Millisecond,
				})
				store.SetFaults(false)
				n := openNode(t, store, actors.Config{CommandTimeout: 200 * time.Millisecond})
				traders := &torture.Traders{
					Seed: number, Products: n.stockShelf(t, 30, 20, 10), Operations: 600, Forgetful: 20,
				}
				store.SetFaults(true)
				faults := tradeIn(t, n, traders, 6, func() { store.SetFaults(false) })
				t.Logf("%d faults of the store", store.Faults())
				require.Zero(t, faults.Total(), faults)
				require.Positive(t, store.Faults())
			})
		}
	})
}
