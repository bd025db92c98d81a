package torture_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence/faulty"
)

// gate holds the commits of a node's store.
type gate struct {
	store *faulty.Store
	node  *node
}

func (g *gate) Hold()            { g.store.Gate.Shut() }
func (g *gate) Outstanding() int { return g.node.inProgress() }
func (g *gate) Release()         { g.store.Gate.Open() }

// sell holds a flash sale over HTTP against an engine on a real disk, whose first commit waits
// until every connection has an order outstanding.
func sell(t *testing.T, on kind, units func(orders int) []int64) *torture.FlashSaleReport {
	t.Helper()
	buyers := size(t, "buyers")
	g := &gate{store: faulty.Wrap(on.open(t, true), faulty.Options{})}
	g.node = openNode(t, g.store, actors.Config{CommandTimeout: 2 * time.Minute})
	sale := &torture.FlashSale{
		Address: g.node.serve(t), Seed: seed(t), Connections: buyers, Orders: 10 * buyers, Units: units(10 * buyers), Gate: g,
	}
	report, err := sale.Run(t.Context())
	require.NoError(t, err)
	t.Log(report)
	require.Zero(t, report.Faults.Total(), &report.Faults)
	require.Equal(t, buyers, report.AtOnce)
	return report
}

func TestFlashSale(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, on kind) {
		t.Run("one product is sold to the last unit and not beyond", func(t *testing.T) {
			t.Parallel()
			report := sell(t, on, func(orders int) []int64 { return []int64{int64(orders / 20)} })
			orders := 10 * size(t, "buyers")
			require.Equal(t, orders/20, report.Sold)
			require.Equal(t, orders-orders/20, report.Refused)
			require.Equal(t, report.Sold, report.Replayed)
			require.Equal(t, report.Refused, report.Again)
		})
		t.Run("orders of two scarce products in both orders neither deadlock nor are refused falsely", func(t *testing.T) {
			t.Parallel()
			report := sell(t, on, func(orders int) []int64 { return []int64{int64(orders / 20), int64(orders / 15)} })
			orders := 10 * size(t, "buyers")
			require.Equal(t, orders/20, report.Sold)
			require.Equal(t, orders-orders/20, report.Refused)
			require.Equal(t, report.Sold, report.Replayed)
			require.Equal(t, report.Refused, report.Again)
		})
	})
}
