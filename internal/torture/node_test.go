package torture_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http"
	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/faulty"
)

// node is an engine in the process of the test.
type node struct {
	engine   *actors.Engine
	registry *prometheus.Registry
	store    persistence.Store
}

func openNode(t *testing.T, store persistence.Store, cfg actors.Config) *node {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Fatal = func(err error) { t.Errorf("the engine must not go on: %v", err) }
	engine, err := actors.Open(t.Context(), store, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, engine.Close(ctx))
	})
	n := &node{engine: engine, registry: prometheus.NewRegistry(), store: store}
	require.NoError(t, n.registry.Register(engine))
	return n
}

// serve serves the node on loopback until the test ends, and returns its address.
func (n *node) serve(t *testing.T) string {
	t.Helper()
	server, err := http.New(http.Config{
		Engine: n.engine, Logger: slog.New(slog.DiscardHandler), Gatherer: n.registry, Registerer: n.registry,
		AccessLog: http.AccessLogOff, PoisonBuffers: true,
	})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

// inProgress reads how many commands the engine has accepted and not answered.
func (n *node) inProgress() int {
	families, err := n.registry.Gather()
	if err != nil {
		return -1
	}
	for _, family := range families {
		if family.GetName() == "penstock_commands_in_progress" {
			return int(family.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return -1
}

// stockShelf makes products like scarce's and returns their rows.
func (n *node) stockShelf(t *testing.T, units ...int64) []commerce.Stock {
	t.Helper()
	var shelf []commerce.Stock
	for _, onHand := range units {
		receipt, err := n.engine.CreateProduct(&commerce.CreateProduct{
			Name: "Scarce", OnHand: onHand, Price: commerce.Money{Amount: 1, Currency: commerce.DefaultCurrency()},
		})
		require.NoError(t, err)
		shelf = append(shelf, receipt.Stock)
	}
	return shelf
}

// ledger reads all lines of a product's ledger.
func (n *node) ledger(product commerce.ID) ([]commerce.Movement, error) {
	var lines []commerce.Movement
	before := uint64(0)
	for {
		page, err := n.engine.Movements(context.Background(), product, before, persistence.PageMax)
		if err != nil {
			return nil, err
		}
		lines = append(lines, page...)
		if len(page) < persistence.PageMax {
			return lines, nil
		}
		before = page[len(page)-1].Level.Version
	}
}

// engineShop is the engine itself as a Shop.
type engineShop struct{ engine *actors.Engine }

var _ torture.Shop = engineShop{}

func (s engineShop) PlaceOrder(cmd *commerce.PlaceOrder) (torture.OrderAnswer, error) {
	receipt, err := s.engine.PlaceOrder(cmd)
	return orderAnswer(receipt), atTheDoor(err)
}

func (s engineShop) TransitionOrder(cmd *commerce.TransitionOrder) (torture.OrderAnswer, error) {
	receipt, err := s.engine.TransitionOrder(cmd)
	return orderAnswer(receipt), atTheDoor(err)
}

func orderAnswer(receipt actors.OrderReceipt) torture.OrderAnswer {
	if receipt.Order == nil {
		return torture.OrderAnswer{}
	}
	answer := torture.OrderAnswer{
		ID: receipt.Order.ID, Status: receipt.Order.Status, Version: receipt.Order.Version, Replayed: receipt.Replayed,
	}
	for _, item := range receipt.Order.Items {
		answer.Lines = append(answer.Lines, commerce.OrderLine{Product: item.Product, Quantity: item.Quantity})
	}
	return answer
}

func (s engineShop) AdjustStock(cmd *commerce.AdjustStock) (torture.StockAnswer, error) {
	receipt, err := s.engine.AdjustStock(cmd)
	return torture.StockAnswer{Level: receipt.Movement.Level, Replayed: receipt.Replayed}, atTheDoor(err)
}

// atTheDoor says what the HTTP door would say of a store that cannot be read.
func atTheDoor(err error) error {
	if errors.Is(err, faulty.ErrRead) {
		return &commerce.Error{Code: commerce.CodeStoreUnavailable, Detail: err.Error()}
	}
	return err
}

func (s engineShop) Product(id commerce.ID) (torture.ProductAnswer, error) {
	row, err := s.engine.Product(context.Background(), id)
	if err != nil {
		return torture.ProductAnswer{}, atTheDoor(err)
	}
	return torture.ProductAnswer{ID: row.Product.ID, Name: row.Product.Name, Version: row.Product.Version, Stock: row.Stock}, nil
}
