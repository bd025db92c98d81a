package actors

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func limited(units, open int) func(*Config) {
	return func(c *Config) { c.CustomerUnitsMax, c.CustomerOpenMax = units, open }
}

// of returns the order as another customer's.
func of(customer string, cmd *commerce.PlaceOrder) *commerce.PlaceOrder {
	cmd.Caller = commerce.Trusted(customer)
	return cmd
}

func TestCustomerLimits_Units(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(3, 0))
	lamp, cup := b.product(100), b.product(100)

	_, err := b.engine.PlaceOrder(order("first", 2, lamp))
	require.NoError(t, err)
	refusal := requireCode(t, commerce.CodeCustomerLimit, second(b.engine.PlaceOrder(order("", 2, lamp))))
	require.Equal(t, lamp, refusal.Product)
	require.Equal(t, int64(1), refusal.Available)
	last, err := b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)

	t.Log("other products and other customers have limits of their own")
	_, err = b.engine.PlaceOrder(order("", 3, cup))
	require.NoError(t, err)
	_, err = b.engine.PlaceOrder(of("ben", order("", 3, lamp)))
	require.NoError(t, err)

	t.Log("a retry is answered, not refused")
	again, err := b.engine.PlaceOrder(order("first", 2, lamp))
	require.NoError(t, err)
	require.True(t, again.Replayed)
	requireCode(t, commerce.CodeCustomerLimit, second(b.engine.PlaceOrder(order("other", 1, lamp))))

	t.Log("what is cancelled can be ordered again")
	_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{
		Caller: commerce.Trusted("ann"), Order: last.Order.ID, To: commerce.StatusCancelled,
	})
	require.NoError(t, err)
	_, err = b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
	require.Equal(t, int64(6), b.stock(lamp).Allocated)
}

func second[T any](_ T, err error) error { return err }

// A thousand orders at once get one customer no more than one after another, also when the server has forgotten
// the customer or was started anew.
func TestCustomerLimits_HoldAgainstACrowd(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	var lamp commerce.ID
	var placed atomic.Int64
	for round := range 2 {
		b := setupOn(t, store, limited(7, 0), func(c *Config) { c.CustomersMax = 1 })
		if round == 0 {
			lamp = b.product(10_000)
		}
		var all sync.WaitGroup
		for i := range 400 {
			all.Go(func() {
				customer := []string{"ann", "ben"}[i%2]
				_, err := b.engine.PlaceOrder(of(customer, order(fmt.Sprintf("%d-%d", round, i), 1, lamp)))
				if err == nil {
					placed.Add(1)
					return
				}
				require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeCustomerLimit})
			})
		}
		all.Wait()
		require.Equal(t, int64(14), placed.Load(), "round %d", round)
		require.Equal(t, int64(14), b.stock(lamp).Allocated)
		require.NoError(t, b.engine.Close(t.Context()))
	}
}

func TestCustomerLimits_UnpaidOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(0, 2))
	lamp := b.product(100)
	one, err := b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
	_, err = b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
	requireCode(t, commerce.CodeCustomerLimit, second(b.engine.PlaceOrder(order("", 1, lamp))))
	_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: one.Order.ID, To: commerce.StatusPaid})
	require.NoError(t, err)
	_, err = b.engine.PlaceOrder(order("", 1, lamp))
	require.NoError(t, err)
}

func TestCustomerLimits_WhatWasNotPlacedDoesNotCount(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(3, 0))
	scarce := b.product(1)
	for range 5 {
		requireCode(t, commerce.CodeInsufficientStock, second(b.engine.PlaceOrder(order("", 3, scarce))))
	}
	_, err := b.engine.PlaceOrder(order("", 1, scarce))
	require.NoError(t, err)
}

func TestCustomerLimits_OutsideTheWindow(t *testing.T) {
	t.Parallel()
	c := &customers{limits: customerLimits{units: 3, window: time.Hour}}
	lamp := newID()
	lines := []commerce.OrderLine{{Product: lamp, Quantity: 3}}
	now := time.Now()
	held := &customer{orders: map[commerce.ID]*heldOrder{
		newID(): {placed: now.Add(-time.Hour), lines: lines},                // over, and forgotten
		newID(): {placed: now.Add(-time.Hour), lines: lines, pending: true}, // still unpaid
	}}
	require.NoError(t, c.check(held, lines, now))
	require.Len(t, held.orders, 1)
	held.orders[newID()] = &heldOrder{placed: now.Add(time.Second - time.Hour), lines: lines}
	require.Error(t, c.check(held, lines[:1], now))
}
