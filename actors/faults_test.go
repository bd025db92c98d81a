package actors

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// gate lets a test hold the store's commits: each waits for a token, a nil one to go on, any other
// error to be returned instead of committing.
type gate struct {
	on      atomic.Bool
	arrived chan struct{}
	answer  chan func(do func() error) error
}

func newGate(store *memStore) *gate {
	g := &gate{arrived: make(chan struct{}), answer: make(chan func(func() error) error)}
	store.commit = func(_ *persistence.Batch, do func() error) error {
		if !g.on.Load() {
			return do()
		}
		g.arrived <- struct{}{}
		return (<-g.answer)(do)
	}
	return g
}

func pass(do func() error) error { return do() }

func fail(err error) func(func() error) error { return func(func() error) error { return err } }

func lose(do func() error) error {
	if err := do(); err != nil {
		return err
	}
	return persistence.ErrUnknown
}

// setupGated returns an engine on a store whose commits wait for the gate once it is on.
func setupGated(t *testing.T, settings ...func(*Config)) (*testBundle, *gate) {
	t.Helper()
	store := newMemStore()
	g := newGate(store)
	return setupOn(t, store, settings...), g
}

// placeAside places an order in a goroutine and returns where its error will be.
func (b *testBundle) placeAside(cmd *commerce.PlaceOrder) chan error {
	placed := make(chan error, 1)
	go func() {
		_, err := b.engine.PlaceOrder(cmd)
		placed <- err
	}()
	return placed
}

// awaitParked waits until a request has been parked.
func (b *testBundle) awaitParked() {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.engine.metrics.parked.Load() == 1 }, 5*time.Second, time.Millisecond)
}

// open lets the commit that waits, and all later ones, go on as told.
func (g *gate) open(how func(do func() error) error) {
	g.on.Store(false)
	g.answer <- how
}

func TestParking(t *testing.T) {
	t.Parallel()

	t.Run("nothing is refused for units that are only granted", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t)
		id := b.product(1)
		g.on.Store(true)
		first := b.placeAside(order("first", 1, id))
		<-g.arrived // its unit is granted, its batch is held
		second := b.placeAside(order("second", 1, id))
		b.awaitParked()
		require.Empty(t, second)
		g.open(fail(persistence.ErrUnavailable)) // the first order is not placed after all
		requireCode(t, commerce.CodeStoreUnavailable, <-first)
		require.NoError(t, <-second, "the unit went back and to the one who waited")
	})

	t.Run("who waits is told the truth once it is written", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t)
		id := b.product(1)
		g.on.Store(true)
		placed := b.placeAside(order("", 1, id))
		<-g.arrived
		refused := b.placeAside(order("", 1, id))
		b.awaitParked()
		g.open(pass)
		require.NoError(t, <-placed)
		requireCode(t, commerce.CodeInsufficientStock, <-refused)
	})

	t.Run("is bounded", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t, func(c *Config) { c.ParkedMax = 1 })
		id := b.product(1)
		g.on.Store(true)
		first := b.placeAside(order("", 1, id))
		<-g.arrived
		second := b.placeAside(order("", 1, id))
		b.awaitParked()
		_, err := b.engine.PlaceOrder(order("", 1, id))
		requireCode(t, commerce.CodeOverloaded, err)
		g.open(pass)
		require.NoError(t, <-first)
		requireCode(t, commerce.CodeInsufficientStock, <-second)
	})
}

func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	short := func(c *Config) { c.CommandTimeout = 100 * time.Millisecond }

	t.Run("an answer that was lost is found by committing again", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t)
		id := b.product(5)
		g.on.Store(true)
		placed := b.placeAside(order("k", 1, id))
		<-g.arrived
		g.answer <- lose
		<-g.arrived
		_, err := b.engine.PlaceOrder(order("", 1, id))
		requireCode(t, commerce.CodeStoreUnavailable, err)
		require.Equal(t, "stalled", b.engine.Health(t.Context()).Writer)
		g.open(pass)
		require.NoError(t, <-placed)
		require.Equal(t, int64(1), b.stock(id).Allocated)
		require.True(t, b.engine.Health(t.Context()).Ready)
	})

	t.Run("who cannot wait learns the order's id, and the key tells the truth", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t, short)
		id := b.product(5)
		g.on.Store(true)
		placed := b.placeAside(order("k", 1, id))
		<-g.arrived
		g.answer <- lose
		refusal := requireCode(t, commerce.CodeOutcomeUnknown, <-placed)
		<-g.arrived
		g.open(pass)
		require.Eventually(t, func() bool { return b.engine.admission.inFlight.Load() == 0 }, 5*time.Second, time.Millisecond)
		again, err := b.engine.PlaceOrder(order("k", 1, id))
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, refusal.Order, again.Order.ID)
		require.Equal(t, int64(1), b.stock(id).Allocated)
		_, err = b.engine.PlaceOrder(order("l", 4, id))
		require.NoError(t, err, "no grant stayed behind")
	})

	t.Run("what was queued behind is refused at once", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t)
		id := b.product(5)
		g.on.Store(true)
		first := b.placeAside(order("", 1, id))
		<-g.arrived
		second := b.placeAside(order("", 1, id))
		require.Eventually(t, func() bool {
			b.engine.committer.mu.Lock()
			defer b.engine.committer.mu.Unlock()
			return len(b.engine.committer.mu.queue) == 1
		}, 5*time.Second, time.Millisecond)
		g.answer <- fail(persistence.ErrUnknown)
		requireCode(t, commerce.CodeStoreUnavailable, <-second)
		<-g.arrived
		g.open(pass)
		require.NoError(t, <-first)
	})

	t.Run("closing does not wait for a store that never answers", func(t *testing.T) {
		t.Parallel()
		store := newMemStore()
		engine, err := Open(t.Context(), store, Config{})
		require.NoError(t, err)
		store.commit = func(*persistence.Batch, func() error) error { return persistence.ErrUnknown }
		made := make(chan error, 1)
		go func() {
			_, err := engine.CreateProduct(&commerce.CreateProduct{Name: "Cup", Price: commerce.Money{Currency: commerce.DefaultCurrency()}})
			made <- err
		}()
		require.Eventually(t, func() bool { return engine.committer.stalled() }, 5*time.Second, time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, engine.Close(ctx), context.DeadlineExceeded)
		requireCode(t, commerce.CodeOutcomeUnknown, <-made)
	})
}

func TestUnavailableStore(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	var broken atomic.Bool
	store.commit = func(_ *persistence.Batch, do func() error) error {
		if broken.Load() {
			return persistence.ErrUnavailable
		}
		return do()
	}
	b := setupOn(t, store)
	id := b.product(2)
	done, err := b.engine.AdjustStock(&commerce.AdjustStock{Caller: commerce.Trusted("ann"), Key: "before", Product: id, Delta: 1})
	require.NoError(t, err)
	placed, err := b.engine.PlaceOrder(order("before", 1, id))
	require.NoError(t, err)
	broken.Store(true)
	store.setHealth(errors.New("disk full"))
	for range 2 {
		_, err = b.engine.PlaceOrder(order("k", 2, id))
		requireCode(t, commerce.CodeStoreUnavailable, err)
	}
	again, err := b.engine.PlaceOrder(order("before", 1, id))
	require.NoError(t, err, "what was carried out is not denied while the store cannot write")
	require.Equal(t, placed.Order.ID, again.Order.ID)
	changed, err := b.engine.AdjustStock(&commerce.AdjustStock{Caller: commerce.Trusted("ann"), Key: "before", Product: id, Delta: 1})
	require.NoError(t, err)
	require.Equal(t, done.Movement, changed.Movement)
	_, err = b.engine.PlaceOrder(order("", 2, id))
	requireCode(t, commerce.CodeStoreUnavailable, err)
	health := b.engine.Health(t.Context())
	require.False(t, health.Ready)
	require.Equal(t, "disk full", health.Store)
	broken.Store(false)
	store.setHealth(nil)
	require.Eventually(t, func() bool { return b.engine.Health(t.Context()).Ready }, 5*time.Second, time.Millisecond)
	receipt, err := b.engine.PlaceOrder(order("k", 2, id))
	require.NoError(t, err)
	require.False(t, receipt.Replayed)
}

func TestOlderEngineIsFenced(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	older := setupOn(t, store)
	id := older.product(5)
	newer := setupOn(t, store)
	_, err := newer.engine.PlaceOrder(order("", 3, id))
	require.NoError(t, err)
	_, err = older.engine.PlaceOrder(order("", 3, id))
	require.Error(t, err)
	require.ErrorIs(t, <-older.fatal, persistence.ErrFenced)
	_, err = older.engine.PlaceOrder(order("", 1, id))
	requireCode(t, commerce.CodeFenced, err)
	require.Equal(t, "fenced", older.engine.Health(t.Context()).Writer)
	require.Equal(t, int64(3), newer.stock(id).Allocated)
}

func TestCommitterFailStops(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	fatal := make(chan error, 1)
	engine, err := Open(t.Context(), store, Config{CommandTimeout: 50 * time.Millisecond, Fatal: func(err error) { fatal <- err }})
	require.NoError(t, err)
	store.commit = func(*persistence.Batch, func() error) error { panic("a bug") }
	_, err = engine.CreateProduct(&commerce.CreateProduct{Name: "Cup", Price: commerce.Money{Currency: commerce.DefaultCurrency()}})
	requireCode(t, commerce.CodeOutcomeUnknown, err)
	require.ErrorContains(t, <-fatal, "a bug")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, engine.Close(ctx), context.DeadlineExceeded)
}

func TestDeadlines(t *testing.T) {
	t.Parallel()

	t.Run("who is parked too long is told that nothing was done, and its other grants go back", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t, func(c *Config) { c.CommandTimeout = 200 * time.Millisecond })
		free, held := b.product(1), b.product(1)
		g.on.Store(true)
		first := b.placeAside(order("", 1, held))
		<-g.arrived
		_, err := b.engine.PlaceOrder(order("k", 1, free, held))
		requireCode(t, commerce.CodeOverloaded, err)
		requireCode(t, commerce.CodeOutcomeUnknown, <-first)
		g.open(pass)
		_, err = b.engine.PlaceOrder(order("", 1, free))
		require.NoError(t, err)
		_, err = b.engine.PlaceOrder(order("k", 1, free))
		requireCode(t, commerce.CodeInsufficientStock, err)
	})

	t.Run("an entry past its deadline is never written", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t, func(c *Config) { c.CommandTimeout = 100 * time.Millisecond })
		id := b.product(5)
		g.on.Store(true)
		first := b.placeAside(order("", 1, id))
		<-g.arrived
		second := b.placeAside(order("", 1, id))
		requireCode(t, commerce.CodeOutcomeUnknown, <-first)
		requireCode(t, commerce.CodeOutcomeUnknown, <-second)
		g.open(pass)
		_, err := b.engine.PlaceOrder(order("", 4, id))
		require.NoError(t, err)
		require.Equal(t, int64(5), b.stock(id).Allocated)
		require.Equal(t, int64(1), b.engine.metrics.entriesDropped.Load())
	})
}

func TestAdmission(t *testing.T) {
	t.Parallel()

	t.Run("refuses beyond its limit, and nothing piles up behind", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t, func(c *Config) { c.CommandsMax = 10 })
		id := b.product(100)
		g.on.Store(true)
		var placed sync.WaitGroup
		place := func() {
			_, err := b.engine.PlaceOrder(order("", 1, id))
			require.NoError(t, err)
		}
		placed.Go(place)
		<-g.arrived
		for range 9 {
			placed.Go(place)
		}
		require.Eventually(t, func() bool { return b.engine.admission.inFlight.Load() == 10 }, 5*time.Second, time.Millisecond)
		_, err := b.engine.PlaceOrder(order("", 1, id))
		require.Positive(t, requireCode(t, commerce.CodeOverloaded, err).RetryAfter)
		g.open(pass)
		placed.Wait()
	})

	t.Run("a draining engine finishes what runs and refuses the rest", func(t *testing.T) {
		t.Parallel()
		b, g := setupGated(t)
		id := b.product(100)
		g.on.Store(true)
		placed, closed := make(chan error, 1), make(chan error, 1)
		go func() { _, err := b.engine.PlaceOrder(order("", 1, id)); placed <- err }()
		<-g.arrived
		go func() { closed <- b.engine.Close(context.Background()) }()
		require.Eventually(t, func() bool { return b.engine.Health(t.Context()).Draining }, 5*time.Second, time.Millisecond)
		_, err := b.engine.PlaceOrder(order("", 1, id))
		requireCode(t, commerce.CodeOverloaded, err)
		g.open(pass)
		require.NoError(t, <-placed)
		require.NoError(t, <-closed)
		require.NoError(t, b.engine.Close(context.Background()), "closing twice is harmless")
	})
}

// nobody is an actor that hears and does nothing.
func (b *testBundle) nobody() *actor.PID {
	return b.engine.root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
}

func later() time.Time { return time.Now().Add(time.Minute) }

func TestGrants(t *testing.T) {
	t.Parallel()

	t.Run("end behind a barrier when their order went missing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.product(1)
		ref := b.engine.catalogue.find(id)
		// An order that was granted its unit and then vanished.
		b.engine.ask(&grantRequest{
			ref: ref, id: newID(), quantity: 1, replyTo: b.nobody(), deadline: time.Now().Add(100 * time.Millisecond),
		})
		require.Eventually(t, func() bool {
			handle := ref.grain.Load()
			return handle != nil && handle.oldestGrant.Load() != 0
		}, 5*time.Second, time.Millisecond)
		_, err := b.engine.PlaceOrder(order("", 1, id)) // waits until the sweep has found it
		require.NoError(t, err)
		require.Equal(t, int64(1), b.engine.metrics.grantsEnded.Load())
	})

	t.Run("of a grain that failed are forgotten, and the store still guards the units", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.product(10)
		_, err := b.engine.PlaceOrder(order("", 1, id))
		require.NoError(t, err)
		ref := b.engine.catalogue.find(id)
		broken := order("", 1, id)
		product := ref.product.Swap(nil) // what the grain does not expect
		b.engine.ask(&grantRequest{ref: ref, id: newID(), line: &broken.Lines[0], replyTo: b.nobody(), deadline: later()})
		require.Eventually(t, func() bool { return b.engine.metrics.grainFailures.Load() == 1 }, 5*time.Second, time.Millisecond)
		ref.product.Store(product)
		_, err = b.engine.PlaceOrder(order("", 9, id))
		require.NoError(t, err, "it serves again behind its barrier")
	})

	t.Run("of a product that fails again and again stop: quarantine", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, other := b.product(10), b.product(10)
		ref := b.engine.catalogue.find(id)
		_, err := b.engine.PlaceOrder(order("", 1, id))
		require.NoError(t, err)
		stock := ref.stock.Load()
		for i := range failuresMax {
			ref.stock.Store(nil)
			b.engine.ask(&grantRequest{ref: ref, id: newID(), replyTo: b.nobody(), deadline: later()})
			require.Eventually(t, func() bool { return b.engine.metrics.grainFailures.Load() == int64(i+1) }, 5*time.Second, time.Millisecond)
			ref.stock.Store(stock)
			require.Eventually(t, func() bool {
				_, err := b.engine.AdjustStock(&commerce.AdjustStock{Product: id, Delta: -1})
				return err == nil || i == failuresMax-1
			}, 5*time.Second, time.Millisecond)
			stock = ref.stock.Load()
		}
		_, err = b.engine.PlaceOrder(order("", 1, id))
		requireCode(t, commerce.CodeQuarantined, err)
		require.Equal(t, 1, b.engine.Health(t.Context()).Quarantined)
		_, err = b.engine.PlaceOrder(order("", 1, other))
		require.NoError(t, err, "the others are not affected")
	})
}

func TestBrokenBooksQuarantine(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	b := setupOn(t, store)
	id := b.product(10)
	store.mu.Lock()
	store.mu.stocks[id] = commerce.Stock{Product: id, OnHand: 10, Allocated: 2, Version: 0} // not what was committed
	store.mu.Unlock()
	_, err := b.engine.AdjustStock(&commerce.AdjustStock{Product: id, Delta: 1})
	require.NoError(t, err)
	_, err = b.engine.PlaceOrder(order("", 1, id))
	requireCode(t, commerce.CodeQuarantined, err)
}

func TestIdleGrainsLeave(t *testing.T) {
	t.Parallel()
	// One grain a partition may stay.
	b := setup(t, func(c *Config) { c.GrainsMax = 1 })
	var products []commerce.ID
	for range 600 {
		products = append(products, b.product(1000))
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := b.engine.PlaceOrder(order("k"+strconv.Itoa(i)+"-"+strconv.Itoa(n), 1, products[n%600], products[(n*7+1)%600]))
				var refusal *commerce.Error
				if errors.As(err, &refusal) && refusal.Code == commerce.CodeInsufficientStock {
					continue
				}
				require.NoError(t, err)
			}
		})
	}
	var most int64
	require.Eventually(t, func() bool {
		most = max(most, b.engine.metrics.grains.Load())
		return most > commerce.PartitionsMax
	}, 10*time.Second, time.Millisecond)
	close(stop)
	clients.Wait()
	require.Eventually(t, func() bool { return b.engine.metrics.grains.Load() <= commerce.PartitionsMax }, 10*time.Second, time.Millisecond)
}
