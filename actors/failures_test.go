package actors

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// What happens after something has failed: nobody is left without an answer, no capacity and no key
// stays taken, and no answer says more than is known.

func TestSlowKeyLookup(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	release := make(chan struct{})
	store.keys = func() { <-release }
	b := setupOn(t, store, func(c *Config) { c.CommandTimeout, c.CommandsMax = 50*time.Millisecond, 2 })
	missing := newID()
	for range 2 {
		_, err := b.engine.PlaceOrder(order(newID().String(), 1, missing))
		requireCode(t, commerce.CodeOverloaded, err)
	}
	_, err := b.engine.PlaceOrder(order("k", 1, missing))
	require.ErrorContains(t, err, "too many", "a lookup under way holds its command's capacity: the queue is bounded")
	close(release)
	require.Eventually(t, func() bool { return b.engine.admission.inFlight.Load() == 0 }, 5*time.Second, time.Millisecond)
	_, err = b.engine.PlaceOrder(order("k", 1, missing))
	requireCode(t, commerce.CodeNotFound, err)
	require.Zero(t, b.engine.metrics.grainFailures.Load())
	require.Zero(t, b.engine.metrics.commands[commerce.OperationPlaceOrder][resultDone].Load())
	// The one who lets a command go by its deadline answers it first and counts it then.
	require.Eventually(t, func() bool {
		return b.engine.metrics.commands[commerce.OperationPlaceOrder][resultUnavailable].Load() == 3
	}, 5*time.Second, time.Millisecond)
}

func TestFencedAfterAnUnknownAttempt(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	g := newGate(store)
	b := setupOn(t, store)
	id := b.product(5)
	g.on.Store(true)
	placed := b.placeAside(order("", 1, id))
	<-g.arrived
	g.answer <- lose // it stands, but nobody knows
	<-g.arrived
	g.open(fail(persistence.ErrFenced))
	requireCode(t, commerce.CodeOutcomeUnknown, <-placed)
	require.ErrorIs(t, <-b.fatal, persistence.ErrFenced)
}

func TestProductGrainFailsWithRequestsParked(t *testing.T) {
	t.Parallel()
	b, g := setupGated(t)
	id := b.product(1)
	ref := b.engine.catalogue.find(id)
	g.on.Store(true)
	first := b.placeAside(order("", 1, id))
	<-g.arrived
	second := b.placeAside(order("", 1, id))
	b.awaitParked()
	stock := ref.stock.Swap(nil) // what the grain does not expect
	b.engine.root.Send(ref.grain.Load().pid, &stockMoved{})
	requireCode(t, commerce.CodeInternal, <-second) // it was the one being decided
	ref.stock.Store(stock)
	third := b.placeAside(order("", 1, id))
	g.open(pass)
	require.NoError(t, <-first)
	requireCode(t, commerce.CodeInsufficientStock, <-third)
	require.Equal(t, int64(1), b.engine.metrics.grainFailures.Load(), "once, not for ever")
	require.Equal(t, int64(1), b.stock(id).Allocated)
}

func TestGrainsThatPanicAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.product(5)
	placed, err := b.engine.PlaceOrder(order("", 1, id))
	require.NoError(t, err)

	t.Run("a claim grain, and its key is free again", func(t *testing.T) {
		t.Parallel()
		other := b.product(5)
		ref := b.engine.catalogue.find(other)
		handle := ref.grain.Load()
		require.Nil(t, handle)
		ref.grain.Store(new(grainHandle)) // a door without a grain behind it
		_, err := b.engine.PlaceOrder(order("k", 1, other))
		requireCode(t, commerce.CodeInternal, err)
		ref.grain.Store(nil)
		_, err = b.engine.PlaceOrder(order("k", 1, other))
		require.NoError(t, err)
	})

	t.Run("an order grain, and the next command gets a fresh one", func(t *testing.T) {
		t.Parallel()
		poison := &transition{engine: b.engine} // it has no command
		require.NoError(t, b.engine.admission.begin(&poison.command))
		b.engine.root.Send(b.engine.enterOrder(placed.Order.ID).pid, poison)
		<-poison.done
		requireCode(t, commerce.CodeInternal, poison.answer.err)
		require.Eventually(t, func() bool {
			_, resident := b.engine.orders.Load(placed.Order.ID)
			return !resident
		}, 5*time.Second, time.Millisecond)
		_, err := b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: placed.Order.ID, To: commerce.StatusPaid})
		require.NoError(t, err)
	})
}

func TestOrderGrainFailsWithAnAnswerOnItsWay(t *testing.T) {
	t.Parallel()
	b, g := setupGated(t)
	placed, err := b.engine.PlaceOrder(order("", 1, b.product(5)))
	require.NoError(t, err)
	move := func(to commerce.Status) error {
		_, err := b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: placed.Order.ID, To: to})
		return err
	}
	g.on.Store(true)
	paid := make(chan error, 1)
	go func() { paid <- move(commerce.StatusPaid) }()
	<-g.arrived
	handle := b.engine.enterOrder(placed.Order.ID) // so that the grain stays
	b.engine.root.Send(handle.pid, (*transition)(nil))
	requireCode(t, commerce.CodeOutcomeUnknown, <-paid)
	g.open(pass)
	require.Eventually(t, func() bool {
		o, err := b.store.Order(t.Context(), placed.Order.ID)
		return err == nil && o.Status == commerce.StatusPaid && b.engine.committer.oldest.Load() == 0
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, move(commerce.StatusProcessing), "it has read the order anew")
	handle.handled()
	require.NoError(t, move(commerce.StatusShipped))
	require.EqualValues(t, 1, b.engine.metrics.grainFailures.Load(), "the answer that came late did no harm")
}

func TestCatalogueScanIsTriedAgain(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	var scans atomic.Int64
	store.scan = func() error {
		if scans.Add(1) == 1 {
			return errors.New("not now")
		}
		return nil
	}
	b := setupOn(t, store)
	b.product(1)
	page, err := b.engine.Products(t.Context(), ProductQuery{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
}

func TestBrokenRowInTheStoreQuarantines(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	broken := newID()
	store.mu.products[broken] = &commerce.Product{ID: broken, Name: "Cup", Version: 1}
	store.mu.stocks[broken] = commerce.Stock{Product: broken, OnHand: 3, Allocated: 5, Version: 4}
	b := setupOn(t, store)
	_, err := b.engine.PlaceOrder(order("", 1, broken))
	requireCode(t, commerce.CodeQuarantined, err)
	require.Equal(t, 1, b.engine.Health(t.Context()).Quarantined)
}

func TestOverstockIsNoShortage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.product(commerce.OnHandMax)
	_, err := b.engine.AdjustStock(&commerce.AdjustStock{Product: id, Delta: 1})
	refusal := requireCode(t, commerce.CodeValidation, err)
	require.Equal(t, "/quantity_change", refusal.Violations[0].Pointer)
}
