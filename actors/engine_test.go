package actors

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type testBundle struct {
	t      *testing.T
	store  *memStore
	engine *Engine
	fatal  chan error
}

func setup(t *testing.T, settings ...func(*Config)) *testBundle {
	t.Helper()
	return setupOn(t, newMemStore(), settings...)
}

func setupOn(t *testing.T, store *memStore, settings ...func(*Config)) *testBundle {
	t.Helper()
	b := &testBundle{t: t, store: store, fatal: make(chan error, 16)}
	config := Config{Fatal: func(err error) { b.fatal <- err }}
	for _, set := range settings {
		set(&config)
	}
	engine, err := Open(t.Context(), store, config)
	require.NoError(t, err)
	b.engine = engine
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, engine.Close(ctx))
		require.NoError(t, ctx.Err(), "the engine did not drain")
		require.Zero(t, engine.admission.inFlight.Load())
	})
	return b
}

func (b *testBundle) product(onHand int64) commerce.ID {
	b.t.Helper()
	receipt, err := b.engine.CreateProduct(&commerce.CreateProduct{
		Name: "Cup", Price: commerce.Money{Amount: 900, Currency: commerce.DefaultCurrency()}, OnHand: onHand,
	})
	require.NoError(b.t, err)
	return receipt.Product.ID
}

func (b *testBundle) stock(id commerce.ID) commerce.Stock {
	b.t.Helper()
	row, err := b.engine.Product(context.Background(), id)
	require.NoError(b.t, err)
	return row.Stock
}

func order(key string, quantity int64, products ...commerce.ID) *commerce.PlaceOrder {
	cmd := &commerce.PlaceOrder{
		Caller: commerce.Trusted("ann"), Key: key, Address: commerce.Address{Street: "1 Mill Lane", City: "Busan", PostalCode: "48058"},
	}
	for _, id := range products {
		cmd.Lines = append(cmd.Lines, commerce.OrderLine{Product: id, Quantity: quantity})
	}
	return cmd
}

func requireCode(t *testing.T, code commerce.Code, err error) *commerce.Error {
	t.Helper()
	var refusal *commerce.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code, refusal.Detail)
	return refusal
}

func TestPlaceOrder(t *testing.T) {
	t.Parallel()

	t.Run("allocates, then says so", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		one, two := b.product(5), b.product(3)
		receipt, err := b.engine.PlaceOrder(order("", 2, two, one))
		require.NoError(t, err)
		require.Equal(t, commerce.StatusPending, receipt.Order.Status)
		require.Equal(t, int64(3600), receipt.Order.Total.Amount)
		require.Equal(t, int64(2), b.stock(one).Allocated)
		require.Equal(t, int64(1), b.stock(two).Available())
		stored, err := b.engine.Order(t.Context(), everybody(), receipt.Order.ID)
		require.NoError(t, err)
		require.Equal(t, receipt.Order, stored)
	})

	t.Run("takes nothing when one item is short, and says which", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		plenty, scarce := b.product(100), b.product(1)
		_, err := b.engine.PlaceOrder(order("", 2, plenty, scarce))
		refusal := requireCode(t, commerce.CodeInsufficientStock, err)
		require.Equal(t, scarce, refusal.Product)
		require.Equal(t, int64(1), refusal.Available)
		_, err = b.engine.PlaceOrder(order("", 100, plenty))
		require.NoError(t, err, "the grant of the other item has been given back")
	})

	t.Run("refuses what is not there, archived, or costs something else", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, price := b.product(10), int64(899)
		_, err := b.engine.PlaceOrder(order("", 1, id, newID()))
		requireCode(t, commerce.CodeNotFound, err)
		cmd := order("", 1, id)
		cmd.Lines[0].Price = &price
		_, err = b.engine.PlaceOrder(cmd)
		require.Equal(t, int64(900), requireCode(t, commerce.CodePriceChanged, err).Price.Amount)
		_, err = b.engine.UpdateProduct(&commerce.UpdateProduct{Product: id, Version: 1, Archive: true})
		require.NoError(t, err)
		_, err = b.engine.PlaceOrder(order("", 1, id))
		requireCode(t, commerce.CodeProductArchived, err)
		require.Zero(t, b.stock(id).Allocated)
	})

	t.Run("sells exactly what there is under contention", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const units, orders = 100, 600
		one, two := b.product(units), b.product(units+7)
		var placed, refused atomic.Int64
		var clients sync.WaitGroup
		for i := range orders {
			clients.Go(func() {
				products := []commerce.ID{one, two}
				if i%2 == 0 {
					products[0], products[1] = two, one
				}
				_, err := b.engine.PlaceOrder(order("k"+strconv.Itoa(i), 1, products...))
				if err == nil {
					placed.Add(1)
					return
				}
				var refusal *commerce.Error
				if errors.As(err, &refusal) && refusal.Code == commerce.CodeInsufficientStock && refusal.Available == 0 {
					refused.Add(1)
				}
			})
		}
		clients.Wait()
		require.Equal(t, int64(units), placed.Load())
		require.Equal(t, int64(orders-units), refused.Load())
		require.Zero(t, b.stock(one).Available())
		require.Equal(t, int64(7), b.stock(two).Available())
	})
}

func TestIdempotency(t *testing.T) {
	t.Parallel()

	t.Run("a key makes one order, and gives its first answer for ever", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.product(1)
		first, err := b.engine.PlaceOrder(order("k", 1, id))
		require.NoError(t, err)
		require.False(t, first.Replayed)
		_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: first.Order.ID, To: commerce.StatusPaid})
		require.NoError(t, err)
		again, err := b.engine.PlaceOrder(order("k", 1, id))
		require.NoError(t, err, "a retry after the sell-out is no refusal")
		require.True(t, again.Replayed)
		require.Equal(t, first.Order, again.Order)
		_, err = b.engine.PlaceOrder(order("k", 2, id))
		requireCode(t, commerce.CodeIdempotencyMismatch, err)
		_, err = b.engine.PlaceOrder(order("other", 1, id))
		requireCode(t, commerce.CodeInsufficientStock, err)
	})

	t.Run("a replay found in the commit gives its grants back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.product(3)
		first, err := b.engine.PlaceOrder(order("k", 1, id))
		require.NoError(t, err)
		again, err := b.engine.PlaceOrder(order("k", 1, id))
		require.NoError(t, err)
		require.Equal(t, first.Order.ID, again.Order.ID)
		_, err = b.engine.PlaceOrder(order("l", 2, id))
		require.NoError(t, err)
	})

	t.Run("replays products, stock changes and transitions", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		create := &commerce.CreateProduct{Key: "p", Name: "Cup", SKU: "S", Price: commerce.Money{Amount: 1, Currency: commerce.DefaultCurrency()}, OnHand: 9}
		made, err := b.engine.CreateProduct(create)
		require.NoError(t, err)
		id := made.Product.ID
		remove := &commerce.AdjustStock{Key: "a", Product: id, Delta: -9, Reason: "lost"}
		removed, err := b.engine.AdjustStock(remove)
		require.NoError(t, err)
		add := &commerce.AdjustStock{Key: "b", Product: id, Delta: 4}
		added, err := b.engine.AdjustStock(add)
		require.NoError(t, err)
		_, err = b.engine.AdjustStock(&commerce.AdjustStock{Key: "c", Product: id, Delta: -4})
		require.NoError(t, err)

		remadeProduct, err := b.engine.CreateProduct(create)
		require.NoError(t, err)
		require.True(t, remadeProduct.Replayed)
		require.Equal(t, made.Product, remadeProduct.Product)
		require.Equal(t, int64(9), remadeProduct.Stock.OnHand)
		for cmd, first := range map[*commerce.AdjustStock]StockReceipt{remove: removed, add: added} {
			again, err := b.engine.AdjustStock(cmd)
			require.NoError(t, err, "the stock it took is gone, but it took it")
			require.True(t, again.Replayed)
			require.Equal(t, first.Movement, again.Movement)
		}
		require.Zero(t, b.stock(id).OnHand)
		create.Key = "q"
		_, err = b.engine.CreateProduct(create)
		require.Equal(t, id, requireCode(t, commerce.CodeSKUTaken, err).Product)
	})

	t.Run("a key in flight is not raced", func(t *testing.T) {
		t.Parallel()
		store := newMemStore()
		begun, release := make(chan struct{}, 1), make(chan struct{})
		var held atomic.Bool
		store.commit = func(_ *persistence.Batch, do func() error) error {
			if held.Load() {
				begun <- struct{}{}
				<-release
			}
			return do()
		}
		b := setupOn(t, store)
		id := b.product(2)
		held.Store(true)
		var first sync.WaitGroup
		first.Go(func() {
			_, err := b.engine.PlaceOrder(order("k", 1, id))
			require.NoError(t, err)
		})
		<-begun
		_, err := b.engine.PlaceOrder(order("k", 1, id))
		requireCode(t, commerce.CodeIdempotencyInFlight, err)
		held.Store(false)
		close(release)
		first.Wait()
	})
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.product(5)
	placed, err := b.engine.PlaceOrder(order("", 2, id))
	require.NoError(t, err)
	move := func(to commerce.Status, key string) (OrderReceipt, error) {
		return b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: placed.Order.ID, To: to, Key: key})
	}
	_, err = move(commerce.StatusShipped, "")
	requireCode(t, commerce.CodeInvalidTransition, err)
	for i, to := range []commerce.Status{commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped} {
		receipt, err := move(to, fmt.Sprint(to))
		require.NoError(t, err)
		require.Equal(t, uint64(i+2), receipt.Order.Version)
	}
	require.Equal(t, commerce.Stock{Product: id, OnHand: 3, Version: 3}, b.stock(id))
	paid, err := move(commerce.StatusPaid, "paid")
	require.NoError(t, err, "the retry of a move that was made is no refusal")
	require.True(t, paid.Replayed)
	require.Equal(t, commerce.StatusPaid, paid.Order.Status)
	_, err = move(commerce.StatusCancelled, "")
	requireCode(t, commerce.CodeInvalidTransition, err)
	_, timeline, err := b.engine.Timeline(t.Context(), everybody(), placed.Order.ID)
	require.NoError(t, err)
	require.Len(t, timeline, 4)
	_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: newID(), To: commerce.StatusPaid})
	requireCode(t, commerce.CodeNotFound, err)

	t.Run("of one order at once, exactly one wins", func(t *testing.T) {
		t.Parallel()
		placed, err := b.engine.PlaceOrder(order("", 1, id))
		require.NoError(t, err)
		var won atomic.Int64
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				if _, err := b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: placed.Order.ID, To: commerce.StatusCancelled}); err == nil {
					won.Add(1)
				}
			})
		}
		clients.Wait()
		require.Equal(t, int64(1), won.Load())
		_, resident := b.engine.orders.Load(placed.Order.ID)
		require.Eventually(t, func() bool {
			_, resident = b.engine.orders.Load(placed.Order.ID)
			return !resident
		}, 5*time.Second, time.Millisecond, "an idle order leaves")
	})
}

// everybody returns a principal that may see everybody's orders.
func everybody() *commerce.Principal {
	by := commerce.Trusted("clerk")
	return &by
}
