package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

const (
	// firstSuccessMax is how long after the database is ready again the first order may take.
	firstSuccessMax = 2 * time.Second
	// answerMax bounds the wait for any answer: twice what the engine takes for a command at most.
	answerMax = 10 * time.Second
	// outagePatience bounds every wait: for orders, for refusals, for a first success. Longer is an
	// error of the campaign.
	outagePatience = time.Minute
	// hastyWorkers: one of so many workers hangs up when an answer takes long during an outage.
	hastyWorkers = 4
	// turnedAwayMin is how many requests must be turned away while a fault stands.
	turnedAwayMin = 50
)

// Outage is one way to break the database below a server.
type Outage struct {
	Kind string
	// Strike breaks the database, and returns when it is broken.
	Strike func(ctx context.Context, rng *rand.Rand) error
	// Stands says that commands cannot succeed until the database is mended: the campaign then waits
	// until some have been turned away.
	Stands bool
	// Mend brings the database back. It returns the moment from which on it accepts connections.
	Mend func(ctx context.Context) (ready time.Time, err error)
}

// Outages breaks the database below a server again and again under mixed load, and audits what the
// server has told its clients. The server has to stay up, to answer every request as its API promises,
// and to be of use again soon after the database is.
type Outages struct {
	// Start starts the server, and returns when it says where it listens.
	Start func(ctx context.Context) (*bench.Process, error)
	Seed  uint64
	// Outages are carried out one after another, in random order.
	Outages []Outage
	// Orders is how many orders must be acknowledged between two outages.
	Orders int
	// AuditEvery is after how many outages the workers stop for an audit; 1 if 0. There is one at the
	// end in any case.
	AuditEvery int
	Workers    int // 32 if 0
	Products   int // 50 if 0
	// Log, when not nil, is told of the progress.
	Log func(format string, args ...any)
}

// outagesRun is a campaign under way.
type outagesRun struct {
	*Outages
	report *OutagesReport
	rng    *rand.Rand
	server *bench.Process
	load   *load
	work   *shift
	ended  chan error
	kinds  []string // by event, from 1 on
}

// Run carries out the campaign. What the server does wrong is in the report; the error says that the
// campaign itself could not go on.
func (o *Outages) Run(ctx context.Context) (*OutagesReport, error) {
	full := *o
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	full.AuditEvery = max(1, full.AuditEvery)
	full.Outages = append([]Outage(nil), o.Outages...)
	r := &outagesRun{
		Outages: &full, report: newOutagesReport(o.Seed), rng: rand.New(rand.NewPCG(o.Seed, 1<<33)), kinds: []string{"start"},
	}
	r.rng.Shuffle(len(full.Outages), func(i, j int) {
		full.Outages[i], full.Outages[j] = full.Outages[j], full.Outages[i]
	})
	if err := r.run(ctx); err != nil {
		if r.server != nil {
			err = fmt.Errorf("%w; the server's last words:\n%s", err, r.server.Output())
		}
		return r.report, fmt.Errorf("outages with seed %d, number %d (%s): %w", o.Seed, len(r.kinds)-1, r.kinds[len(r.kinds)-1], err)
	}
	return r.report, nil
}

func (r *outagesRun) run(ctx context.Context) (err error) {
	if r.server, err = r.Start(ctx); err != nil {
		return err
	}
	defer func() {
		r.server.Kill() // or else workers may wait for its answers
		if r.work != nil {
			r.work.end()
		}
		if r.load != nil {
			disconnect(r.load.workers)
		}
	}()
	if err := bench.WaitReady(ctx, r.server, startPatience); err != nil {
		return err
	}
	if r.load, err = newLoad(ctx, r.server.Address, newMarket(r.Seed, &r.report.Faults), r.Workers, r.Products); err != nil {
		return err
	}
	for i, w := range r.load.workers {
		w.hasty = i%hastyWorkers == 0
	}
	if err := connect(ctx, r.server.Address, r.load.workers); err != nil {
		return err
	}
	r.ended = make(chan error, len(r.load.workers))
	r.work = begin(ctx, r.load.workers, r.ended)
	for i := range r.Outages.Outages {
		err := r.outage(ctx, &r.Outages.Outages[i])
		last := i == len(r.Outages.Outages)-1
		if err == nil && (last || (i+1)%r.AuditEvery == 0) {
			err = r.audit(ctx, last)
		}
		if err != nil {
			return r.broken(err)
		}
		if r.report.Faults.Total() > 0 {
			return nil // what comes after a broken promise tells nothing more
		}
	}
	return nil
}

// broken says whether the end of a campaign is the server's fault, or the campaign's.
func (r *outagesRun) broken(err error) error {
	if !errors.Is(err, ErrLost) {
		return err
	}
	patience := time.NewTimer(fencedMax) // its connections end a moment before it does
	defer patience.Stop()
	select {
	case <-r.server.Done():
		r.report.Faults.Add(FaultServer, "the server ended: %v; its last words:\n%s", err, r.server.Output())
		return nil
	case <-patience.C:
		return err
	}
}

// outage waits for orders, breaks the database at a random moment after them, and waits until orders
// are acknowledged again.
func (r *outagesRun) outage(ctx context.Context, o *Outage) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 4*outagePatience, fmt.Errorf("no end within %s", 4*outagePatience))
	defer cancel()
	if err := r.wait(ctx, r.load.acknowledged, r.Orders); err != nil {
		return fmt.Errorf("orders before the outage: %w", err)
	}
	delay(ctx, time.Duration(r.rng.Int64N(int64(strikeDelayMax))))
	r.kinds = append(r.kinds, o.Kind)
	r.load.event.Store(int64(len(r.kinds) - 1))
	defer r.load.event.Store(0)
	r.report.Struck[o.Kind]++
	if err := o.Strike(ctx, r.rng); err != nil {
		return fmt.Errorf("strike: %w", err)
	}
	if o.Stands {
		if err := r.wait(ctx, r.load.turnedAway, turnedAwayMin); err != nil {
			return fmt.Errorf("requests turned away: %w", err)
		}
	}
	ready, err := o.Mend(ctx)
	if err != nil {
		return fmt.Errorf("mend: %w", err)
	}
	took, err := r.firstSuccess(ctx, ready)
	if err != nil {
		return err
	}
	r.report.FirstSuccess = append(r.report.FirstSuccess, took)
	if took > firstSuccessMax {
		r.report.Faults.Add(FaultSlow, "%s: the first order was acknowledged %s after the database was ready", o.Kind, took)
	}
	r.Log("outage %d, %s: first order after %s, %d orders acknowledged so far, %d requests turned away, %s", len(r.kinds)-1,
		o.Kind, took.Round(time.Millisecond), r.load.acknowledged.total(), r.load.turnedAway.total(), &r.report.Faults)
	return nil
}

// wait waits for so many more.
func (r *outagesRun) wait(ctx context.Context, counter *progressCounter, more int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, outagePatience, fmt.Errorf("not within %s", outagePatience))
	defer cancel()
	return counter.wait(ctx, counter.total()+more, r.ended)
}

// firstSuccess waits for an order that was sent after a moment and is acknowledged.
func (r *outagesRun) firstSuccess(ctx context.Context, ready time.Time) (time.Duration, error) {
	first := r.load.stopwatch.start(ready)
	patience := time.NewTimer(outagePatience)
	defer patience.Stop()
	select {
	case took := <-first:
		return took, nil
	case err := <-r.ended:
		return 0, fmt.Errorf("a client ended early: %w", err)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-patience.C:
		return 0, fmt.Errorf("no order was acknowledged within %s after the database was ready", outagePatience)
	}
}

// audit lets the workers stand still, finds out about the commands in doubt, and lets them go on.
func (r *outagesRun) audit(ctx context.Context, all bool) error {
	r.work.end()
	select {
	case err := <-r.ended:
		return fmt.Errorf("a client ended early: %w", err)
	default:
	}
	found, err := r.load.audit(ctx, all)
	r.report.settle(r.kinds, found)
	r.report.Acknowledged = r.load.acknowledged.total()
	counts := r.load.counts()
	r.report.Refused, r.report.Undone, r.report.Unknown = counts.refused, counts.undone, counts.unknown
	r.report.HungUp, r.report.Slowest = counts.hungUp, counts.slowest
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if r.report.Slowest > answerMax {
		r.report.Faults.Add(FaultSlow, "an answer took %s", r.report.Slowest)
	}
	if !all {
		r.work = begin(ctx, r.load.workers, r.ended)
	}
	return ctx.Err()
}
