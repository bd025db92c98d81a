package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

const (
	// strikeDelayMax bounds the random time between the last order wanted and what is done to the
	// server.
	strikeDelayMax = 20 * time.Millisecond
	// startPatience bounds a start; longer is an error, not a slow start.
	startPatience = time.Minute
)

// Campaign kills a server with SIGKILL under mixed load, again and again on the same data, and
// audits it after every restart.
type Campaign struct {
	// Start starts the server on the data of the campaign, and returns when it says where it
	// listens.
	Start func(ctx context.Context) (*bench.Process, error)
	Seed  uint64
	Kills int
	// Orders is how many orders must be acknowledged between two kills.
	Orders   int
	Workers  int // 32 if 0
	Products int // 50 if 0
	// Log, when not nil, is told of the progress.
	Log func(format string, args ...any)
}

// Report is what a campaign found.
type Report struct {
	Seed         uint64
	Kills        int
	Acknowledged int // orders
	// AcknowledgedMin is the least number of orders acknowledged between two kills.
	AcknowledgedMin int
	// KillsMidCommand counts the kills that left a command without an answer, KillsMidCommit those
	// of them in which some such command turned out to be durable: the kill fell between the commit
	// of a batch and its answers.
	KillsMidCommand int
	KillsMidCommit  int
	Unanswered      int // orders sent and not answered when the server was killed
	Committed       int // commands among all those unanswered that were durable
	Refused         int // commands refused for want of units
	Undone          int // commands answered 503: nothing was done
	Ready           []time.Duration
	Faults          Faults
}

// ReadyMax is the longest time from starting the process to its first good answer of /readyz.
func (r *Report) ReadyMax() time.Duration {
	longest := time.Duration(0)
	for _, d := range r.Ready {
		longest = max(longest, d)
	}
	return longest
}

// String sums the report up.
func (r *Report) String() string {
	return fmt.Sprintf("seed %d: %d kills, %d with a command in flight, %d between a commit and its answers; "+
		"%d orders acknowledged, at least %d between kills; %d orders unanswered, %d commands durable though unanswered; "+
		"%d refused for want of units, %d answered 503; ready after at most %s; %s",
		r.Seed, r.Kills, r.KillsMidCommand, r.KillsMidCommit, r.Acknowledged, r.AcknowledgedMin, r.Unanswered, r.Committed,
		r.Refused, r.Undone, r.ReadyMax().Round(time.Millisecond), &r.Faults)
}

// campaignRun is a campaign under way.
type campaignRun struct {
	*Campaign
	report *Report
	rng    *rand.Rand
	server *bench.Process
	load   *load
}

// Run carries out the campaign. What the server does wrong is in the report; the error says that
// the campaign itself could not go on.
func (c *Campaign) Run(ctx context.Context) (*Report, error) {
	full := *c
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	r := &campaignRun{
		Campaign: &full,
		report:   &Report{Seed: c.Seed},
		rng:      rand.New(rand.NewPCG(c.Seed, 1<<32)),
	}
	defer func() {
		if r.server != nil {
			r.server.Kill()
		}
	}()
	if err := r.run(ctx); err != nil {
		if r.server != nil {
			err = fmt.Errorf("%w; the server's last words:\n%s", err, r.server.Output())
		}
		return r.report, fmt.Errorf("campaign with seed %d, kill %d: %w", c.Seed, r.report.Kills, err)
	}
	return r.report, nil
}

func (r *campaignRun) run(ctx context.Context) (err error) {
	if err := r.start(ctx); err != nil {
		return err
	}
	if r.load, err = newLoad(ctx, r.server.Address, newMarket(r.Seed, &r.report.Faults), r.Workers, r.Products); err != nil {
		return err
	}
	defer func() { disconnect(r.load.workers) }()
	for range r.Kills {
		if err := r.loadAndKill(ctx); err != nil {
			return err
		}
		if err := r.start(ctx); err != nil {
			return err
		}
		last := r.report.Kills == r.Kills
		if err := r.audit(ctx, last); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		r.Log("kill %d: %d orders acknowledged so far, ready after %s, %s", r.report.Kills, r.report.Acknowledged,
			r.report.Ready[len(r.report.Ready)-1].Round(time.Millisecond), &r.report.Faults)
		if r.report.Faults.Total() > 0 {
			return nil // what comes after a broken promise tells nothing more
		}
	}
	return nil
}

// start starts the server and waits until it is ready.
func (r *campaignRun) start(ctx context.Context) error {
	begin := time.Now()
	server, err := r.Start(ctx)
	if err != nil {
		return err
	}
	r.server = server
	if err := bench.WaitReady(ctx, server, startPatience); err != nil {
		return err
	}
	if r.report.Kills > 0 {
		r.report.Ready = append(r.report.Ready, time.Since(begin))
	}
	return nil
}

// loadAndKill lets all workers work until enough orders are acknowledged, and kills the server at
// a random moment after that, while they go on.
func (r *campaignRun) loadAndKill(ctx context.Context) error {
	if err := connect(ctx, r.server.Address, r.load.workers); err != nil {
		return err
	}
	before := r.load.acknowledged.total()
	ended := make(chan error, len(r.load.workers))
	work := begin(ctx, r.load.workers, ended)
	err := r.load.acknowledged.wait(ctx, before+r.Orders, ended)
	if err == nil {
		delay(ctx, time.Duration(r.rng.Int64N(int64(strikeDelayMax))))
	}
	r.server.Kill()
	work.end()
	if err != nil {
		r.report.Faults.Add(FaultServer, "before kill %d: %v", r.report.Kills+1, err)
		return err
	}
	r.report.Kills++
	r.count(r.load.acknowledged.total() - before)
	return nil
}

// delay lets a random moment pass.
func delay(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (r *campaignRun) count(acknowledged int) {
	r.report.Acknowledged += acknowledged
	if r.report.AcknowledgedMin == 0 || acknowledged < r.report.AcknowledgedMin {
		r.report.AcknowledgedMin = acknowledged
	}
	for _, w := range r.load.workers {
		if w.writing {
			r.report.KillsMidCommand++
			break
		}
	}
}

func (r *campaignRun) audit(ctx context.Context, all bool) error {
	if err := connect(ctx, r.server.Address, r.load.workers); err != nil {
		return err
	}
	found, err := r.load.audit(ctx, all)
	if err != nil {
		return err
	}
	_, committed := found.total()
	r.report.Unanswered += found.orders
	if r.report.Committed += committed; committed > 0 {
		r.report.KillsMidCommit++
	}
	counts := r.load.counts()
	r.report.Refused, r.report.Undone = counts.refused, counts.undone
	return nil
}
