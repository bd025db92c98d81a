package torture_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence"
)

// gatedStore is a store whose commits can be held.
type gatedStore struct {
	persistence.Store
	gate *gate
}

func (s *gatedStore) OpenWriter(ctx context.Context) (persistence.Writer, error) {
	writer, err := s.Store.OpenWriter(ctx)
	return &gatedWriter{writer, s.gate}, err
}

type gatedWriter struct {
	persistence.Writer
	gate *gate
}

func (w *gatedWriter) Commit(ctx context.Context, batch *persistence.Batch, res *persistence.Result) error {
	w.gate.pass()
	return w.Writer.Commit(ctx, batch, res)
}

type gate struct {
	mu   sync.Mutex
	held chan struct{} // closed while open; nil before the first Hold
	node *node
}

func (g *gate) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

func (g *gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.held)
	g.held = nil
}

func (g *gate) pass() {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (g *gate) Outstanding() int { return g.node.inProgress() }

// sell holds a flash sale over HTTP against an engine on a real disk, whose first commit waits
// until every connection has an order outstanding.
func sell(t *testing.T, units func(orders int) []int64) *torture.FlashSaleReport {
	t.Helper()
	buyers := size(t, "buyers")
	g := new(gate)
	g.node = openNode(t, &gatedStore{openStore(t, t.TempDir()), g}, actors.Config{CommandTimeout: 2 * time.Minute})
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
	t.Run("one product is sold to the last unit and not beyond", func(t *testing.T) {
		t.Parallel()
		report := sell(t, func(orders int) []int64 { return []int64{int64(orders / 20)} })
		orders := 10 * size(t, "buyers")
		require.Equal(t, orders/20, report.Sold)
		require.Equal(t, orders-orders/20, report.Refused)
		require.Equal(t, report.Sold, report.Replayed)
		require.Equal(t, report.Refused, report.Again)
	})
	t.Run("orders of two scarce products in both orders neither deadlock nor are refused falsely", func(t *testing.T) {
		t.Parallel()
		report := sell(t, func(orders int) []int64 { return []int64{int64(orders / 20), int64(orders / 15)} })
		orders := 10 * size(t, "buyers")
		require.Equal(t, orders/20, report.Sold)
		require.Equal(t, orders-orders/20, report.Refused)
		require.Equal(t, report.Sold, report.Replayed)
		require.Equal(t, report.Refused, report.Again)
	})
}
