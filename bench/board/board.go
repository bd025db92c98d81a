package board

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

// The bounds of a run.
const (
	IterationsMax  = 100_000
	ConnectionsMax = 256
	DurationMax    = time.Minute
)

// ErrRunning says that a run is under way; there is one at a time.
var ErrRunning = errors.New("a benchmark is running")

// ErrIdle says that no run is under way that could be cancelled.
var ErrIdle = errors.New("no benchmark is running")

// errClosed ends the run under way when the server stops.
var errClosed = errors.New("the server is stopping")

// Config says what a Board measures and where it keeps its results.
type Config struct {
	Address string // host:port of the server's own listener, on this machine
	Engine  string // its name in results, like penstock-pebble
	Store   string // the kind of its store
	Version string // of the program
	File    string // the history; it is made with the first result
	// Credential is sent with every request; "" where callers are believed.
	Credential string
	Logger     *slog.Logger
}

// Request says what to run. The run ends with Iterations requests or after Duration, whichever is
// first.
type Request struct {
	Scenario    string
	Iterations  int
	Connections int
	Duration    time.Duration
}

// check returns every fault of the request in one refusal.
func (r *Request) check() error {
	var faults []commerce.Violation
	fault := func(bad bool, name, detail string) {
		if bad {
			faults = append(faults, commerce.Violation{Pointer: name, Detail: detail})
		}
	}
	scenario, err := bench.ScenarioNamed(r.Scenario)
	fault(err != nil, "benchmark_type", "is not a scenario of this server")
	fault(scenario.Followed, "benchmark_type", "needs subscribers: only penstock bench measures it")
	fault(r.Iterations < 1 || r.Iterations > IterationsMax, "iterations", fmt.Sprintf("must be from 1 to %d", IterationsMax))
	fault(r.Connections < 1 || r.Connections > ConnectionsMax, "connections", fmt.Sprintf("must be from 1 to %d", ConnectionsMax))
	fault(r.Duration <= 0 || r.Duration > DurationMax, "seconds", fmt.Sprintf("must be from 1 to %d", int(DurationMax.Seconds())))
	if len(faults) == 0 {
		return nil
	}
	return &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: faults}
}

// Board runs benchmarks of one server, and keeps their results. It is safe for concurrent use.
type Board struct {
	cfg     Config
	history *history
	runs    sync.WaitGroup
	// patience ends when nobody waits for products to be archived any more.
	patience context.Context //nolint:containedctx // the life of the board, not of a call
	giveUp   context.CancelFunc
	mu       struct {
		sync.Mutex
		last   *run                    // the one under way or the last one; nil before the first
		cancel context.CancelCauseFunc // nil when none is under way
		// keeping says that the run under way has a result, which is being kept: it is too late to cancel.
		keeping bool
		closed  bool
	}
}

// Open reads the history. A file that cannot be read as one is set aside, and said so in the log.
func Open(cfg Config) (*Board, error) {
	cfg.Logger = cfg.Logger.With("logger", "benchmarks")
	kept, err := openHistory(cfg.File, cfg.Logger)
	if err != nil {
		return nil, fmt.Errorf("open the history of benchmarks: %w", err)
	}
	b := &Board{cfg: cfg, history: kept}
	b.patience, b.giveUp = context.WithCancel(context.Background())
	return b, nil
}

// Close cancels the run under way, and waits until its products are archived: until ctx ends, when
// they are left to the next run. Closing twice is harmless.
func (b *Board) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, b.giveUp)
	defer stop()
	b.mu.Lock()
	b.mu.closed = true
	if b.mu.cancel != nil {
		b.mu.cancel(errClosed)
	}
	b.mu.Unlock()
	b.runs.Wait()
	b.giveUp()
}

// Start begins a run and returns the id that its result will have. The error is ErrRunning while
// another one is under way.
func (b *Board) Start(request Request) (commerce.ID, error) {
	if err := request.check(); err != nil {
		return commerce.ID{}, err
	}
	id, err := newID()
	if err != nil {
		return commerce.ID{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.cancel != nil {
		return commerce.ID{}, ErrRunning
	}
	if b.mu.closed {
		return commerce.ID{}, &commerce.Error{Code: commerce.CodeOverloaded, Detail: "the server is shutting down"}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	b.mu.cancel = cancel
	r := newRun(id, request, &b.cfg)
	b.mu.last = r
	b.runs.Go(func() {
		defer cancel(nil)
		b.carryOut(ctx, r)
	})
	return id, nil
}

// carryOut does a run from start to end, and keeps its result if it has one.
func (b *Board) carryOut(ctx context.Context, r *run) {
	log := b.cfg.Logger.With("benchmark", r.id.String(), "scenario", r.request.Scenario)
	log.Info("benchmark begins", "iterations", r.request.Iterations, "connections", r.request.Connections)
	entry, err := r.carryOut(ctx, b.patience)
	if err == nil {
		err = b.beginToKeep(ctx)
	}
	if err == nil {
		err = b.history.add(entry)
	}
	b.mu.Lock()
	b.mu.cancel, b.mu.keeping = nil, false
	b.mu.Unlock()
	r.conclude(err)
	if err != nil {
		log.Warn("benchmark has no result", "error", err)
		return
	}
	result := &entry.Document.Results[0]
	log.Info("benchmark done", "operations_per_second", int64(result.OperationsPerSecond), "errors", result.Errors)
}

// beginToKeep is the moment from which on a run cannot be cancelled. One that was cancelled while it tidied
// up has no result; one that only the server's end has overtaken has.
func (b *Board) beginToKeep(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := context.Cause(ctx); errors.Is(err, errCancelled) {
		return err
	}
	b.mu.keeping = true
	return nil
}

// errCancelled is why a run ends that somebody has cancelled.
var errCancelled = errors.New("cancelled")

// Cancel ends the run under way without a result, or returns ErrIdle. It does not wait.
func (b *Board) Cancel() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.cancel == nil || b.mu.keeping {
		return ErrIdle
	}
	b.mu.cancel(errCancelled)
	return nil
}

// Progress says how far the run under way is, or how the last one ended; nil before the first.
func (b *Board) Progress() *Progress {
	b.mu.Lock()
	r := b.mu.last
	b.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.progress()
}

// Running reports whether the run that will have this result is under way.
func (b *Board) Running(id commerce.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.cancel != nil && b.mu.last.id == id
}

// Results lists the newest results, newest first, without what is long of each, and says how many are
// kept in all.
func (b *Board) Results(limit int) (newest []Summary, kept int) { return b.history.list(limit) }

// Result returns one result, or a refusal.
func (b *Board) Result(id commerce.ID) (*Entry, error) {
	if entry := b.history.find(id); entry != nil {
		return entry, nil
	}
	return nil, commerce.Errorf(commerce.CodeNotFound, "there is no benchmark result with this id; old ones give way to new ones")
}
