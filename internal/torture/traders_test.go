package torture_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/torture"
)

const patience = time.Minute

// memoryShop is the simplest thing that keeps the promises: one lock around everything. On wish it
// breaks one.
type memoryShop struct {
	mu     sync.Mutex
	rng    *rand.Rand
	stock  map[commerce.ID]commerce.Stock
	past   map[commerce.ID]commerce.Stock // some row from before
	orders map[commerce.ID]*commerce.PlaceOrder
	keys   map[string]any // answers by key
	ledger map[commerce.ID][]commerce.Movement
	made   int

	vague int // of a hundred commands whose outcome is not told
	bug   string
}

func newMemoryShop(seed uint64, products ...commerce.Stock) *memoryShop {
	s := &memoryShop{
		rng: rand.New(rand.NewPCG(seed, 99)), stock: make(map[commerce.ID]commerce.Stock),
		past: make(map[commerce.ID]commerce.Stock), orders: make(map[commerce.ID]*commerce.PlaceOrder),
		keys: make(map[string]any), ledger: make(map[commerce.ID][]commerce.Movement),
	}
	for _, row := range products {
		s.stock[row.Product], s.past[row.Product] = row, row
	}
	return s
}

// move changes a row, whether it fits or not.
func (s *memoryShop) move(actor string, product commerce.ID, onHand, allocated int64) commerce.Stock {
	row := s.stock[product]
	if s.rng.IntN(3) == 0 {
		s.past[product] = row
	}
	row.OnHand += onHand
	row.Allocated += allocated
	row.Version++
	if s.bug == "lost update" && s.rng.IntN(20) == 0 {
		return row
	}
	s.stock[product] = row
	s.ledger[product] = append(s.ledger[product], commerce.Movement{Product: product, Actor: actor, Level: row})
	return row
}

// command runs a command once for its key, and sometimes does not tell, or has not run it.
func (s *memoryShop) command(key string, run func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	vague := s.rng.IntN(100) < s.vague
	unknown := &commerce.Error{Code: commerce.CodeOutcomeUnknown, Detail: "not told"}
	if vague && s.rng.IntN(2) == 0 {
		return nil, unknown
	}
	answer, done := s.keys[key]
	if !done || s.bug == "key not bound" {
		var err error
		if answer, err = run(); err != nil {
			return nil, err
		}
		s.keys[key] = answer
	}
	if vague {
		return nil, unknown
	}
	return answer, nil
}

func (s *memoryShop) PlaceOrder(cmd *commerce.PlaceOrder) (torture.OrderAnswer, error) {
	answer, err := s.command(cmd.Key, func() (any, error) {
		for _, line := range cmd.Lines {
			row := s.stock[line.Product]
			falsely := s.bug == "false refusal" && s.rng.IntN(20) == 0
			if row.Available() < line.Quantity && s.bug != "oversell" || falsely {
				return nil, &commerce.Error{
					Code: commerce.CodeInsufficientStock, Product: line.Product, Available: min(row.Available(), line.Quantity-1),
				}
			}
		}
		for _, line := range cmd.Lines {
			s.move(cmd.Caller.Subject, line.Product, 0, line.Quantity)
		}
		s.made++
		id := commerce.ID{0: 1, 14: byte(s.made >> 8), 15: byte(s.made)}
		s.orders[id] = cmd
		return torture.OrderAnswer{ID: id, Status: commerce.StatusPending, Version: 1}, nil
	})
	if err != nil {
		return torture.OrderAnswer{}, err
	}
	return answer.(torture.OrderAnswer), nil
}

func (s *memoryShop) TransitionOrder(cmd *commerce.TransitionOrder) (torture.OrderAnswer, error) {
	answer, err := s.command(cmd.Key, func() (any, error) {
		for _, line := range s.orders[cmd.Order].Lines {
			s.move(cmd.Caller.Subject, line.Product, 0, -line.Quantity)
		}
		return torture.OrderAnswer{ID: cmd.Order, Status: cmd.To, Version: 2}, nil
	})
	if err != nil {
		return torture.OrderAnswer{}, err
	}
	return answer.(torture.OrderAnswer), nil
}

func (s *memoryShop) AdjustStock(cmd *commerce.AdjustStock) (torture.StockAnswer, error) {
	answer, err := s.command(cmd.Key, func() (any, error) {
		if row := s.stock[cmd.Product]; row.Available()+cmd.Delta < 0 {
			return nil, &commerce.Error{
				Code: commerce.CodeInsufficientStock, Product: cmd.Product, Available: row.Available(),
			}
		}
		return torture.StockAnswer{Level: s.move(cmd.Caller.Subject, cmd.Product, cmd.Delta, 0)}, nil
	})
	if err != nil {
		return torture.StockAnswer{}, err
	}
	return answer.(torture.StockAnswer), nil
}

func (s *memoryShop) Product(id commerce.ID) (torture.ProductAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bug == "stale read" && s.rng.IntN(5) == 0 {
		return torture.ProductAnswer{ID: id, Stock: s.past[id]}, nil
	}
	return torture.ProductAnswer{ID: id, Stock: s.stock[id]}, nil
}

func scarce() []commerce.Stock {
	return []commerce.Stock{
		{Product: commerce.ID{15: 1}, OnHand: 30, Version: 1},
		{Product: commerce.ID{15: 2}, OnHand: 20, Version: 1},
		{Product: commerce.ID{15: 3}, OnHand: 10, Version: 1},
	}
}

// tradeInMemory lets eight clients trade in one shop, and asks both checkers.
func tradeInMemory(t *testing.T, shop *memoryShop, seed uint64) *torture.Faults {
	t.Helper()
	traders := &torture.Traders{Seed: seed, Products: scarce(), Operations: 600, Forgetful: 5}
	for range 8 {
		traders.Shops = append(traders.Shops, shop)
	}
	var faults torture.Faults
	recorder := traders.Run(t.Context(), &faults)
	for _, row := range scarce() {
		require.NotEmpty(t, recorder.Operations(row.Product))
		require.LessOrEqual(t, len(recorder.Operations(row.Product)), 600)
	}
	torture.CheckLinearizable(scarce(), recorder, patience, &faults)
	require.NoError(t, torture.CheckVersions(scarce(), recorder, func(product commerce.ID) ([]commerce.Movement, error) {
		return shop.ledger[product], nil
	}, &faults))
	return &faults
}

func TestTradersFindNothingInAGoodShop(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		for _, vague := range []int{0, 5} {
			t.Run(fmt.Sprintf("seed %d, %d %% untold", seed, vague), func(t *testing.T) {
				t.Parallel()
				shop := newMemoryShop(seed, scarce()...)
				shop.vague = vague
				faults := tradeInMemory(t, shop, seed)
				require.Zero(t, faults.Total(), faults)
			})
		}
	}
}

func TestTradersFindTheBugsOfABadShop(t *testing.T) {
	t.Parallel()
	for _, bug := range []string{"lost update", "key not bound", "false refusal", "oversell", "stale read"} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			shop := newMemoryShop(1, scarce()...)
			shop.vague, shop.bug = 5, bug
			faults := tradeInMemory(t, shop, 1)
			require.True(t, faults.Has(torture.FaultHistory), faults)
		})
	}
}
