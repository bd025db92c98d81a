package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Engine is the first of the engine's two doors: everything that happens to products and orders
// goes through it.
//
// Commands take no context. Once a command is accepted it is carried through, and what bounds its
// wait is Config.CommandTimeout. Refusals are *commerce.Error; any other error means that the
// store could not be read.
type Engine struct {
	config Config
	store  persistence.Store
	logger *slog.Logger

	system    *actor.ActorSystem
	root      *actor.RootContext
	inline    actor.Dispatcher
	claims    *claimGrains
	directory directory
	orders    sync.Map // commerce.ID → *grainHandle of a resident order grain

	catalogue *catalogue
	hub       *hub
	admission *admission
	committer *committer
	lookups   *keyLookups
	metrics   *metrics
	customers *customers // nil when nothing is limited

	endLife    context.CancelFunc // ends what runs in the background
	background group
	closing    sync.Once
}

// inlineThroughput is how many messages a product grain handles before it yields: it runs on the
// goroutine of whoever sends to it, because it only computes.
const inlineThroughput = 300

// Open starts an engine on a store, as its writer: older processes on the same store are fenced.
// The engine is ready when Open returns; the catalogue's list fills in the background. The store
// stays the caller's, who closes it after the engine.
func Open(ctx context.Context, store persistence.Store, config Config) (*Engine, error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("engine settings: %w", err)
	}
	writer, err := store.OpenWriter(ctx)
	if err != nil {
		return nil, fmt.Errorf("become the store's writer: %w", err)
	}
	catalogue, err := newCatalogue(store, config.SelectionsMax)
	if err != nil {
		return nil, fmt.Errorf("make the catalogue: %w", err)
	}
	e := &Engine{
		config: config, store: store, logger: config.Logger, inline: actor.NewSynchronizedDispatcher(inlineThroughput),
		catalogue: catalogue, admission: newAdmission(config.CommandsMax, config.CommandTimeout),
		metrics: newMetrics(),
		customers: newCustomers(store, customerLimits{
			units: int64(config.CustomerUnitsMax), window: config.CustomerWindow, open: config.CustomerOpenMax, max: config.CustomersMax,
		}),
	}
	e.system = actor.NewActorSystem(
		actor.WithDeadLetterRequestLogging(false),
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(warnings{config.Logger.Handler()}) }),
	)
	e.root = e.system.Root
	e.claims = newClaimGrains(e)
	e.hub = newHub(store, writer.Epoch(), writer.NextSeq()-1)
	e.committer = &committer{
		writer: writer, store: store, catalogue: e.catalogue, hub: e.hub, admission: e.admission, logger: config.Logger,
		fatal: config.Fatal, wake: e.wake, metrics: e.metrics, interval: config.CommitInterval, batchMax: config.BatchMax,
		refusal: errUnavailable(),
		arrived: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	e.lookups = &keyLookups{store: store, timeout: config.CommandTimeout, arrived: make(chan struct{}, 1), done: make(chan struct{})}
	e.catalogue.broken = e.quarantineBooks
	e.catalogue.finder.busy = func() bool { return e.admission.inFlight.Load() > 0 }
	e.directory = spawnPartitions(e, writer.Epoch())
	life, endLife := context.WithCancel(context.WithoutCancel(ctx))
	e.endLife = endLife
	go e.committer.run()
	go e.lookups.run()
	e.background.Go(func() { e.catalogue.fill(life) })
	e.background.Go(func() { e.catalogue.index(life, e.indexFailed) })
	e.background.Go(func() { e.tick(life) })
	e.background.Go(func() { e.probe(life) })
	e.background.Go(func() { e.expireOrders(life) })
	return e, nil
}

// Close drains: new commands are refused, running ones are finished, then everything stops. When
// the context ends first, commands that still wait for the store are answered outcome_unknown, and
// the context's error is returned; a store that does not return from a commit is left behind.
// Closing twice is harmless. The store stays open.
func (e *Engine) Close(ctx context.Context) error {
	var err error
	e.closing.Do(func() {
		e.admission.close()
		select {
		case <-e.admission.drained:
		case <-ctx.Done():
			err = fmt.Errorf("finish the commands in progress: %w", ctx.Err())
		}
		e.committer.close(ctx)
		e.lookups.close()
		e.endLife()
		e.background.wait()
		e.admission.expireUntil(time.Now().Add(2*e.config.CommandTimeout), func(*command, bool) {})
		e.system.Shutdown()
	})
	return err
}

// group runs goroutines that somebody waits for. After wait, what comes late runs on its caller.
type group struct {
	mu struct {
		sync.Mutex
		closed bool
	}
	running sync.WaitGroup
}

// Go runs f in a goroutine of the group.
func (g *group) Go(f func()) {
	g.mu.Lock()
	closed := g.mu.closed
	if !closed {
		g.running.Add(1)
	}
	g.mu.Unlock()
	if closed {
		f()
		return
	}
	go func() {
		defer g.running.Done()
		f()
	}()
}

func (g *group) wait() {
	g.mu.Lock()
	g.mu.closed = true
	g.mu.Unlock()
	g.running.Wait()
}

const (
	deadlineTick = 25 * time.Millisecond
	sweepTick    = time.Second
	probeTick    = 250 * time.Millisecond
)

// tick ends waits whose deadline has passed, and lets the partitions sweep.
func (e *Engine) tick(life context.Context) {
	ticker := time.NewTicker(deadlineTick)
	defer ticker.Stop()
	swept := time.Now()
	for {
		select {
		case <-life.Done():
			return
		case now := <-ticker.C:
			e.admission.expireUntil(now, e.expired)
			if now.Sub(swept) >= sweepTick {
				swept = now
				e.sweep(now)
			}
		}
	}
}

func (e *Engine) sweep(now time.Time) {
	message := &sweep{now: now}
	for i := range commerce.PartitionsMax {
		if pid := e.directory.locate(i).pid; pid != nil {
			e.root.Send(pid, message)
		}
	}
}

// probe looks whether a store that could not write can again.
func (e *Engine) probe(life context.Context) {
	ticker := time.NewTicker(probeTick)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-ticker.C:
			e.committer.probe(life)
		}
	}
}

// expired counts a command whose deadline passed, and tells a claim's grain if it still waited.
func (e *Engine) expired(c *command, waited bool) {
	e.metrics.count(c.operation, c.answer)
	if waited && c.expired != nil {
		e.root.Send(c.pid, c.expired)
	}
}

// wake tells grains with parked requests that their committed row has moved. The committer does
// not do it itself: grains run on the sender's goroutine.
func (e *Engine) wake(refs []*productRef) {
	e.background.Go(func() {
		for _, ref := range refs {
			if handle := ref.grain.Load(); handle != nil {
				e.root.Send(handle.pid, &stockMoved{})
			}
		}
	})
}

// ask sends a request for units to its product's grain, through its partition while the grain is
// not resident.
func (e *Engine) ask(r *grantRequest) {
	if handle := r.ref.grain.Load(); handle != nil && handle.enter() {
		handle.mailbox.PostUserMessage(r)
		return
	}
	e.root.Send(e.partition(r.ref.id), r)
}

// giveBack ends a grant. It takes the way its request took, so that it cannot overtake it.
func (e *Engine) giveBack(m *giveBack) {
	if handle := m.request.ref.grain.Load(); handle != nil && !handle.closed() {
		e.root.Send(handle.pid, m)
		return
	}
	e.root.Send(e.partition(m.request.ref.id), m)
}

func (e *Engine) partition(product commerce.ID) *actor.PID {
	return e.directory.locate(product.Partition()).pid
}

func (e *Engine) epoch(product commerce.ID) uint64 {
	return e.directory.locate(product.Partition()).epoch
}

// barrier asks the committer to tell a grain when everything handed over so far has been settled.
func (e *Engine) barrier(pid *actor.PID, asked time.Time) {
	e.committer.submit(&submission{settled: &barrier{engine: e, pid: pid, asked: asked}})
}

type barrier struct {
	engine *Engine
	pid    *actor.PID
	asked  time.Time
}

// settle implements settler. A product grain runs on the sender's goroutine, which must not be the
// committer's.
func (b *barrier) settle(*submission) {
	b.engine.background.Go(func() { b.engine.root.Send(b.pid, &barrierPassed{asked: b.asked}) })
}

// indexFailed notes that changes of products are not to be found yet.
func (e *Engine) indexFailed(err error) {
	e.logger.Error("the search index could not take in changes; it tries again", slog.Any("error", err))
}

// grainFailed notes a panic of a grain.
func (e *Engine) grainFailed(kind string, reason any) {
	e.metrics.grainFailures.Add(1)
	e.logger.Error("a grain failed", slog.String("grain", kind), slog.Any("reason", reason),
		slog.String("stack", string(debug.Stack())))
}

// quarantine stops the sale of a product until the process ends.
func (e *Engine) quarantine(ref *productRef, why string) {
	if ref.quarantined.CompareAndSwap(false, true) {
		e.metrics.quarantined.Add(1)
		e.logger.Error("product quarantined: "+why, slog.String("product_id", ref.id.String()))
	}
}

// quarantineBooks stops the sale of a product whose committed row breaks the invariant.
func (e *Engine) quarantineBooks(ref *productRef, row *commerce.Stock) {
	e.quarantine(ref, fmt.Sprintf("its stock row breaks on_hand >= allocated >= 0, or differs from one seen before: "+
		"on_hand %d, allocated %d, version %d", row.OnHand, row.Allocated, row.Version))
}

// end gives back what a command held of the node's limits, and then answers it: who has an answer
// may use the same key at once.
func (e *Engine) end(c *command, a answer) {
	e.admission.end(c)
	if c.finish(a) {
		e.metrics.count(c.operation, a)
	}
}

// refused counts a command that was not accepted.
func (e *Engine) refused(operation commerce.Operation, err error) answer {
	a := answer{err: err}
	e.metrics.count(operation, a)
	return a
}

// newID mints the id of a product or an order; its time is the moment of making.
func newID() commerce.ID {
	return commerce.ID(uuid.Must(uuid.NewV7()))
}

// rowTime is the time as rows keep it: in UTC, to the millisecond.
func rowTime() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func isNotFound(err error) bool { return errors.Is(err, persistence.ErrNotFound) }

// warnings is a log handler that lets the actor library speak only of trouble.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}
