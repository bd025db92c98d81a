package torture

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

const (
	// fencedExit is the exit code that is documented for a server that has been taken over, and
	// fencedWords are in what it says.
	fencedExit  = 77
	fencedWords = "another penstock has taken over"

	// fencedMax bounds the life of a server that has been taken over, has clients and is awake.
	fencedMax = 5 * time.Second
	// takeoverMax bounds the start of the server that takes over, whatever the older one is doing.
	takeoverMax = 10 * time.Second
)

// Older is what a server is doing while it is taken over.
type Older int

const (
	// OlderBusy has clients all the time.
	OlderBusy Older = iota
	// OlderFrozen is stopped in the middle of its work, and wakes up when the newer one has sold as many
	// orders as are wanted.
	OlderFrozen
	// OlderIdle has no clients until the newer one has written one batch: the next batches of both have
	// the same number.
	OlderIdle
)

// Takeover starts a second server on the database of a first one that is under load, again and again:
// without a cluster the newest one has the store, and all older ones must end.
type Takeover struct {
	// Start starts a server on the database, and returns when it says where it listens.
	Start func(ctx context.Context) (*bench.Process, error)
	Seed  uint64
	// Rounds is how often a server is taken over.
	Rounds int
	Older  Older
	// Orders is how many orders must be acknowledged before and after each takeover.
	Orders   int
	Workers  int // 32 if 0
	Products int // 50 if 0
	// Log, when not nil, is told of the progress.
	Log func(format string, args ...any)
}

// TakeoverReport is what a campaign of takeovers found.
type TakeoverReport struct {
	Seed         uint64
	Rounds       int
	Acknowledged int // orders
	Doubts       int // commands without an answer, or whose outcome the older server could not tell
	Committed    int // of them, those that were durable
	Fenced       int // commands that the older servers refused because they were taken over
	Undone       int // requests answered 503
	Ready        []time.Duration
	// Ended is how long an older server lived on when the newer one was ready; or from when it woke.
	Ended  []time.Duration
	Faults Faults
}

// String sums the report up.
func (r *TakeoverReport) String() string {
	return fmt.Sprintf("seed %d: %d takeovers; %d orders acknowledged; %d commands in doubt, each resolved by one retry, %d of them durable; "+
		"%d refused by a fenced server, %d answered 503; the newer ready after at most %s, the older ended after at most %s; %s",
		r.Seed, r.Rounds, r.Acknowledged, r.Doubts, r.Committed, r.Fenced, r.Undone,
		longest(r.Ready).Round(time.Millisecond), longest(r.Ended).Round(time.Millisecond), &r.Faults)
}

func longest(durations []time.Duration) time.Duration {
	var max time.Duration
	for _, d := range durations {
		if d > max {
			max = d
		}
	}
	return max
}

// takeoverRun is a campaign under way. Half of the workers stay with the older server until it leaves
// them, the other half go over to the newer one as soon as it is ready.
type takeoverRun struct {
	*Takeover
	report *TakeoverReport
	server *bench.Process // the newest
	load   *load
	stay   []*worker
	leave  []*worker
}

// Run carries out the campaign. What the servers do wrong is in the report; the error says that the
// campaign itself could not go on.
func (t *Takeover) Run(ctx context.Context) (*TakeoverReport, error) {
	full := *t
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	r := &takeoverRun{Takeover: &full, report: &TakeoverReport{Seed: t.Seed}}
	defer func() {
		if r.server != nil {
			r.server.Kill()
		}
	}()
	if err := r.run(ctx); err != nil {
		if r.server != nil {
			err = fmt.Errorf("%w; the newest server's last words:\n%s", err, r.server.Output())
		}
		return r.report, fmt.Errorf("takeover %d with seed %d: %w", r.report.Rounds+1, t.Seed, err)
	}
	return r.report, nil
}

func (r *takeoverRun) run(ctx context.Context) error {
	if err := r.first(ctx); err != nil {
		return err
	}
	defer func() { disconnect(r.load.workers) }()
	for round := range r.Rounds {
		if err := r.round(ctx); err != nil {
			return err
		}
		r.report.Rounds++
		if err := r.audit(ctx, round == r.Rounds-1); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		r.Log("takeover %d: newer ready after %s, older ended after %s, %d orders acknowledged so far, %s", r.report.Rounds,
			r.report.Ready[round].Round(time.Millisecond), r.report.Ended[round].Round(time.Millisecond),
			r.report.Acknowledged, &r.report.Faults)
		if r.report.Faults.Total() > 0 {
			return nil // what comes after a broken promise tells nothing more
		}
	}
	return nil
}

// first starts the first server.
func (r *takeoverRun) first(ctx context.Context) (err error) {
	if r.server, err = r.Start(ctx); err != nil {
		return err
	}
	if err := bench.WaitReady(ctx, r.server, startPatience); err != nil {
		return err
	}
	if r.load, err = newLoad(ctx, r.server.Address, newMarket(r.Seed, &r.report.Faults), r.Workers, r.Products); err != nil {
		return err
	}
	for i, w := range r.load.workers {
		w.rivals = true
		if i%2 == 0 {
			r.stay = append(r.stay, w)
		} else {
			r.leave = append(r.leave, w)
		}
	}
	return connect(ctx, r.server.Address, r.load.workers)
}

// round lets the server be taken over. It ends with all workers connected to the newer one, standing
// still.
func (r *takeoverRun) round(ctx context.Context) error {
	older, ended := r.server, make(chan error, len(r.load.workers))
	r.load.event.Store(int64(r.report.Rounds + 1))
	staying, leaving := begin(ctx, r.stay, ended), begin(ctx, r.leave, ended)
	defer func() {
		older.Kill() // or else workers may wait for its answers
		staying.end()
		leaving.end()
	}()
	if err := r.sell(ctx, ended); err != nil {
		return fmt.Errorf("before the takeover: %w", err)
	}
	leaving.end()
	switch r.Older {
	case OlderFrozen:
		if err := signal(older, syscall.SIGSTOP); err != nil {
			return err
		}
	case OlderIdle:
		staying.end()
	}
	ready, err := r.takeOver(ctx)
	if err != nil {
		return err
	}
	switch r.Older {
	case OlderBusy:
		r.watchEnd(older, ready)
	case OlderIdle:
		if err := r.oneEach(); err != nil {
			return err
		}
		staying = begin(ctx, r.stay[1:], ended)
		r.watchEnd(older, time.Now())
	}
	// Whoever stayed has been left, or waits.
	ended = make(chan error, len(r.leave))
	leaving = begin(ctx, r.leave, ended)
	sold := r.sell(ctx, ended)
	if r.Older == OlderFrozen {
		if err := signal(older, syscall.SIGCONT); err != nil {
			return err
		}
		r.watchEnd(older, time.Now())
	}
	staying.end()
	leaving.end()
	r.checkStale(ready)
	if sold != nil {
		return r.startOver(ctx, sold)
	}
	return connect(ctx, r.server.Address, r.stay)
}

// oneEach orders the same of the newer server and then of the older one, one unit each.
func (r *takeoverRun) oneEach() error {
	line := commerce.OrderLine{Product: r.load.products[scarceProducts], Quantity: 1}
	if err := r.leave[0].order(line); err != nil {
		return fmt.Errorf("the newer server's first order: %w", err)
	}
	// Whatever it says is in the worker's journal.
	if err := r.stay[0].order(line); err != nil && !errors.Is(err, ErrLost) && !errors.Is(err, errFenced) {
		return err
	}
	return nil
}

// startOver ends a newer server that does not sell, and starts another one for the audit.
func (r *takeoverRun) startOver(ctx context.Context, why error) error {
	r.report.Faults.Add(FaultServer, "the newer server: %v; it said:\n%s", why, r.server.Output())
	r.server.Kill()
	if _, err := r.takeOver(ctx); err != nil {
		return err
	}
	return connect(ctx, r.server.Address, r.load.workers)
}

// takeOver starts the newer server, connects those who leave to it, and returns when it was ready.
func (r *takeoverRun) takeOver(ctx context.Context) (ready time.Time, err error) {
	begun := time.Now()
	if r.server, err = r.Start(ctx); err != nil {
		return ready, err
	}
	if err := bench.WaitReady(ctx, r.server, startPatience); err != nil {
		return ready, err
	}
	ready = time.Now()
	took := ready.Sub(begun)
	if r.report.Ready = append(r.report.Ready, took); took > takeoverMax {
		r.report.Faults.Add(FaultSlow, "the newer server took %s to become ready", took)
	}
	return ready, connect(ctx, r.server.Address, r.leave)
}

// sell waits until workers have been sold as many orders as are wanted.
func (r *takeoverRun) sell(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, outagePatience, fmt.Errorf("not within %s", outagePatience))
	defer cancel()
	return r.load.acknowledged.wait(ctx, r.load.acknowledged.total()+r.Orders, ended)
}

// watchEnd waits until the older server ends, and looks at how it does.
func (r *takeoverRun) watchEnd(older *bench.Process, since time.Time) {
	patience := time.NewTimer(fencedMax)
	defer patience.Stop()
	killed := false
	select {
	case <-older.Done():
	case <-patience.C:
		r.report.Faults.Add(FaultStale, "the older server was still there after %s", fencedMax)
		older.Kill()
		killed = true
	}
	r.report.Ended = append(r.report.Ended, time.Since(since))
	if code := older.ExitCode(); code != fencedExit && !killed {
		r.report.Faults.Add(FaultStale, "the older server ended with code %d, not %d; it said:\n%s", code, fencedExit, older.Output())
	}
	if said := older.Output(); !strings.Contains(said, fencedWords) && !killed {
		r.report.Faults.Add(FaultStale, "the older server did not say %q, but:\n%s", fencedWords, said)
	}
}

// checkStale looks for orders that the older server acknowledged although they were sent when the
// newer one was ready.
func (r *takeoverRun) checkStale(ready time.Time) {
	for _, w := range r.stay {
		if w.sent.After(ready) {
			r.report.Faults.Add(FaultStale, "%s: the older server acknowledged an order %s after the newer one was ready",
				w.name, w.sent.Sub(ready))
		}
	}
}

func (r *takeoverRun) audit(ctx context.Context, all bool) error {
	found, err := r.load.audit(ctx, all)
	doubts, committed := found.total()
	r.report.Doubts += doubts
	r.report.Committed += committed
	r.report.Acknowledged = r.load.acknowledged.total()
	counts := r.load.counts()
	r.report.Undone, r.report.Fenced = counts.undone, counts.fenced
	return err
}

func signal(p *bench.Process, signal syscall.Signal) error {
	if err := syscall.Kill(p.PID(), signal); err != nil {
		return fmt.Errorf("send %v to the older server: %w", signal, err)
	}
	return nil
}
