package audience

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/subscriber"
	"github.com/penstock-dev/penstock/internal/torture"
)

// Restarts kills a server with SIGKILL again and again while orders move on and are followed. Whoever
// follows comes back to the next server and says where it was.
type Restarts struct {
	// Start starts the server on the data of the campaign, and returns when it says where it listens.
	Start       func(ctx context.Context) (*bench.Process, error)
	Seed        uint64
	Kills       int
	Subscribers int // each follows one order after another
	Feeds       int // these follow all orders
	// Updates is how many messages must have been seen between two kills.
	Updates  int
	Patience time.Duration // with the last events, once the last server is up
	// Log, when not nil, is told of the progress.
	Log func(format string, args ...any)
}

// RestartsReport is what a campaign of restarts found.
type RestartsReport struct {
	Seed    uint64
	Kills   int
	Orders  int64
	Seen    int64 // updates, by those who follow one order
	Fed     int64 // updates, by those who follow all
	Resumed int64 // subscriptions that went on from a number or a cursor
	Faults  torture.Faults
}

// String sums the report up.
func (r *RestartsReport) String() string {
	return fmt.Sprintf("seed %d: %d kills; %d orders; %d updates of single orders seen, %d of all; resumed %d times; %s",
		r.Seed, r.Kills, r.Orders, r.Seen, r.Fed, r.Resumed, &r.Faults)
}

const (
	moversMax     = 32
	startPatience = time.Minute
	// strikeDelayMax bounds the random time between enough updates and the kill.
	strikeDelayMax = 50 * time.Millisecond
)

// restartsRun is a campaign under way.
type restartsRun struct {
	*Restarts
	report  *RestartsReport
	rng     *rand.Rand
	place   *place
	seen    atomic.Int64
	fed     atomic.Int64
	resumed atomic.Int64
	ended   atomic.Bool // no order moves any more

	watches []*watch
	feeds   []*feedWatch
	product commerce.ID
}

// Run carries the campaign through. What the server does wrong is in the report; the error says that the
// campaign itself could not go on.
func (c *Restarts) Run(ctx context.Context) (*RestartsReport, error) {
	full := *c
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	r := &restartsRun{
		Restarts: &full, report: &RestartsReport{Seed: c.Seed}, rng: rand.New(rand.NewPCG(c.Seed, 7)), place: newPlace(),
	}
	err := r.run(ctx)
	r.report.Seen, r.report.Fed, r.report.Resumed = r.seen.Load(), r.fed.Load(), r.resumed.Load()
	if err != nil {
		return r.report, fmt.Errorf("restarts with seed %d, kill %d: %w", c.Seed, r.report.Kills, err)
	}
	return r.report, nil
}

func (r *restartsRun) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	server, err := r.start(ctx)
	if err != nil {
		cancel()
		return err
	}
	var audience, movers sync.WaitGroup
	defer func() {
		cancel()
		r.ended.Store(true)
		server.Kill()
		r.place.move("")
		movers.Wait()
		audience.Wait()
	}()
	office, err := hire(ctx, server.Address, 1)
	if err != nil {
		return err
	}
	r.product = office.product
	office.dismiss()
	for i := range r.Feeds {
		f := &feedWatch{run: r, source: i % sources, seen: make(map[string]uint64)}
		r.feeds = append(r.feeds, f)
		audience.Go(func() { f.follow(ctx) })
	}
	if err := r.awaitFeeds(ctx); err != nil {
		return err
	}
	for i := range r.Subscribers {
		w := &watch{run: r, source: i % sources, orders: make(chan commerce.ID, 1)}
		r.watches = append(r.watches, w)
		audience.Go(func() { w.follow(ctx) })
	}
	for i := range moversMax {
		m := &mover{run: r, number: i, rng: rand.New(rand.NewPCG(r.Seed, uint64(100+i)))}
		for at := i; at < len(r.watches); at += moversMax {
			m.desks = append(m.desks, &desk{watch: r.watches[at]})
		}
		movers.Go(func() { m.work(ctx) })
	}
	for range r.Kills {
		if server, err = r.strike(ctx, server); err != nil {
			return err
		}
		if r.report.Faults.Total() > 0 {
			return nil
		}
	}
	r.ended.Store(true)
	movers.Wait()
	return r.finish(ctx)
}

func (r *restartsRun) start(ctx context.Context) (*bench.Process, error) {
	server, err := r.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := bench.WaitReady(ctx, server, startPatience); err != nil {
		server.Kill()
		return nil, err
	}
	r.place.move(server.Address)
	return server, nil
}

// strike waits until enough has been seen, kills the server and starts another one.
func (r *restartsRun) strike(ctx context.Context, server *bench.Process) (*bench.Process, error) {
	wanted := r.seen.Load() + int64(r.Updates)
	deadline := time.Now().Add(r.Patience)
	for r.seen.Load() < wanted && r.report.Faults.Total() == 0 {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return server, err
		}
		if time.Now().After(deadline) {
			return server, fmt.Errorf("%w: %d updates seen, %d wanted; %s", context.DeadlineExceeded,
				r.seen.Load(), wanted, server.Output())
		}
	}
	if err := pause(ctx, time.Duration(r.rng.Int64N(int64(strikeDelayMax)))); err != nil {
		return server, err
	}
	server.Kill()
	r.place.move("")
	r.report.Kills++
	next, err := r.start(ctx)
	if err != nil {
		return server, err
	}
	r.Log("kill %d: %d updates seen so far, resumed %d times, %s", r.report.Kills, r.seen.Load(), r.resumed.Load(), &r.report.Faults)
	return next, nil
}

// awaitFeeds waits until everybody who follows all orders knows where they begin.
func (r *restartsRun) awaitFeeds(ctx context.Context) error {
	for _, f := range r.feeds {
		for f.started.Load() == nil {
			if err := pause(ctx, time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish waits until everybody has seen the last event of each order.
func (r *restartsRun) finish(ctx context.Context) error {
	deadline := time.Now().Add(r.Patience)
	for {
		late := r.late()
		if late == "" || r.report.Faults.Total() > 0 {
			return nil
		}
		if time.Now().After(deadline) {
			r.report.Faults.Add(FaultFinal, "%s", late)
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// late says what somebody has not seen yet, or "".
func (r *restartsRun) late() string {
	for _, w := range r.watches {
		if text := w.late(); text != "" {
			return text
		}
	}
	for _, f := range r.feeds {
		if text := f.late(); text != "" {
			return text
		}
	}
	return ""
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// place is where the server can be found, for clients that wait for the next one.
type place struct {
	mu      sync.Mutex
	address string
	changed chan struct{}
}

func newPlace() *place { return &place{changed: make(chan struct{})} }

func (p *place) move(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = address
	close(p.changed)
	p.changed = make(chan struct{})
}

// find waits for a server other than the one that was left.
func (p *place) find(ctx context.Context, left string) (string, error) {
	for {
		p.mu.Lock()
		address, changed := p.address, p.changed
		p.mu.Unlock()
		if address != "" && address != left {
			return address, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// alive reports whether the server is still the one to be found.
func (p *place) alive(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address == address
}

// lostServer says why a client has no server any more, or returns nil when it has: then the error is the
// server's fault.
func (r *restartsRun) lostServer(ctx context.Context, address string, err error) error {
	if !errors.Is(err, subscriber.ErrGone) && !errors.Is(err, torture.ErrLost) {
		return nil
	}
	// The client can know before the campaign does.
	for range 200 {
		if !r.place.alive(address) {
			return err
		}
		if pause(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
	return nil
}
