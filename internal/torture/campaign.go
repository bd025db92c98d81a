package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

const (
	// scarceProducts of the shared ones are wanted more than they can be had.
	scarceProducts = 4
	scarceUnits    = 40
	plentyUnits    = 5_000_000

	// killDelayMax bounds the random time between the last order wanted and the kill.
	killDelayMax = 20 * time.Millisecond
	// startPatience bounds a start; longer is an error, not a slow start.
	startPatience = time.Minute
	// auditSample is how many older orders each worker looks at again after a kill.
	auditSample = 10
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

// campaignRun is a campaign under way. Between kills the workers' goroutines own the journals;
// while they stand still, the audit does.
type campaignRun struct {
	*Campaign
	report  *Report
	rng     *rand.Rand
	server  *bench.Process
	workers []*worker
	initial map[commerce.ID]int64
	seen    map[commerce.ID]bool // orders of earlier audits
	since   time.Time

	acknowledged progressCounter
}

// Run carries out the campaign. What the server does wrong is in the report; the error says that
// the campaign itself could not go on.
func (c *Campaign) Run(ctx context.Context) (*Report, error) {
	full := *c
	if full.Workers == 0 {
		full.Workers = 32
	}
	if full.Products == 0 {
		full.Products = 50
	}
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	r := &campaignRun{
		Campaign: &full,
		report:   &Report{Seed: c.Seed},
		rng:      rand.New(rand.NewPCG(c.Seed, 1<<32)),
		initial:  make(map[commerce.ID]int64),
		seen:     make(map[commerce.ID]bool),
		since:    time.Now(),
	}
	r.acknowledged.changed = make(chan struct{}, 1)
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

func (r *campaignRun) run(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	if err := r.stock(ctx); err != nil {
		return err
	}
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

// stock makes the shared products and the workers.
func (r *campaignRun) stock(ctx context.Context) error {
	client, err := NewClient(ctx, r.server.Address, "torture")
	if err != nil {
		return err
	}
	defer client.Close()
	var products []commerce.ID
	for i := range r.Products {
		units := int64(plentyUnits)
		if i < scarceProducts {
			units = scarceUnits
		}
		answer, err := client.CreateProduct(&commerce.CreateProduct{
			Name: fmt.Sprintf("Shared product %d", i), OnHand: units, Key: fmt.Sprintf("torture-%x-shared-%d", r.Seed, i),
			Price: commerce.Money{Amount: 1000, Currency: commerce.DefaultCurrency()},
		})
		if err != nil {
			return fmt.Errorf("make product: %w", err)
		}
		products = append(products, answer.ID)
		r.initial[answer.ID] = units
	}
	for i := range r.Workers {
		w := newWorker(r.Seed, i, products, &r.report.Faults)
		w.answered, w.since = r.acknowledged.add, r.since
		r.workers = append(r.workers, w)
	}
	return nil
}

// loadAndKill lets all workers work until enough orders are acknowledged, and kills the server at
// a random moment after that, while they go on.
func (r *campaignRun) loadAndKill(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer r.disconnect()
	before := r.acknowledged.total()
	var (
		running sync.WaitGroup
		ended   = make(chan error, len(r.workers))
		never   = make(chan struct{})
	)
	for _, w := range r.workers {
		running.Go(func() { ended <- w.work(never) })
	}
	err := r.acknowledged.wait(ctx, before+r.Orders, ended)
	if err == nil {
		delay := time.NewTimer(time.Duration(r.rng.Int64N(int64(killDelayMax))))
		select {
		case <-delay.C:
		case <-ctx.Done():
		}
		delay.Stop()
	}
	r.server.Kill()
	running.Wait()
	if err != nil {
		r.report.Faults.Add(FaultServer, "before kill %d: %v", r.report.Kills+1, err)
		return err
	}
	r.report.Kills++
	r.count(r.acknowledged.total() - before)
	return nil
}

func (r *campaignRun) count(acknowledged int) {
	r.report.Acknowledged += acknowledged
	if r.report.AcknowledgedMin == 0 || acknowledged < r.report.AcknowledgedMin {
		r.report.AcknowledgedMin = acknowledged
	}
	for _, w := range r.workers {
		if w.writing {
			r.report.KillsMidCommand++
			break
		}
	}
}

// audit finds out about the commands in doubt and holds the store against all journals.
func (r *campaignRun) audit(ctx context.Context, all bool) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	defer r.disconnect()
	type finding struct{ orders, committed int }
	findings := make([]finding, len(r.workers))
	err := r.each(func(i int, w *worker) (err error) {
		findings[i].orders, findings[i].committed, err = w.settle()
		return err
	})
	if err != nil {
		return err
	}
	committed := 0
	for _, f := range findings {
		r.report.Unanswered += f.orders
		committed += f.committed
	}
	if r.report.Committed += committed; committed > 0 {
		r.report.KillsMidCommit++
	}
	if err := r.each(func(_ int, w *worker) error { return w.audit(auditSample, all) }); err != nil {
		return err
	}
	r.report.Refused, r.report.Undone = 0, 0
	for _, w := range r.workers {
		r.report.Refused += w.journal.refused
		r.report.Undone += w.journal.undone
	}
	client := r.workers[0].client
	b := sum(r.workers, r.initial, r.since)
	return errors.Join(
		b.auditStock(client, &r.report.Faults),
		b.auditList(client, r.seen, all, &r.report.Faults),
		auditVerify(client, &r.report.Faults),
	)
}

// each lets all workers do something at the same time.
func (r *campaignRun) each(do func(i int, w *worker) error) error {
	errs := make([]error, len(r.workers))
	var running sync.WaitGroup
	for i, w := range r.workers {
		running.Go(func() { errs[i] = do(i, w) })
	}
	running.Wait()
	return errors.Join(errs...)
}

func (r *campaignRun) connect(ctx context.Context) error {
	for _, w := range r.workers {
		client, err := NewClient(ctx, r.server.Address, w.name)
		if err != nil {
			return err
		}
		w.client = client
	}
	return nil
}

func (r *campaignRun) disconnect() {
	for _, w := range r.workers {
		w.client.Close()
	}
}
