package audience

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/subscriber"
	"github.com/penstock-dev/penstock/internal/torture"
)

// FanOut lets many subscribers follow an order each, while all orders move on.
type FanOut struct {
	Server      *bench.Process
	Subscribers int // hostile ones included
	// HostileShare is one hostile subscriber in so many; 10 if 0.
	HostileShare int
	// Orders is how many orders are placed at a time to see what one costs, with and without subscribers.
	Orders int
	// Patience bounds the wait for the last event of the last subscriber, and for the end of the last
	// hostile one.
	Patience time.Duration
	// Log, when not nil, is told of the progress.
	Log func(format string, args ...any)
}

const (
	sources      = 16 // addresses that subscribers come from
	clerksMax    = 64
	dialersMax   = 64
	hostileShare = 10
)

// FanOutReport is what a fan-out found.
type FanOutReport struct {
	Good, Hostile int
	Events        int64         // seen by good subscribers
	Bytes         int64         // of resident memory, a subscriber, once all have subscribed
	BytesMoved    int64         // the same, after all orders have moved on
	PlaceAlone    time.Duration // CPU of the server for placing an order, with no subscribers
	PlaceWith     time.Duration // the same with all good subscribers there
	MoveAlone     time.Duration // CPU for moving an order that nobody follows, with nobody there
	MoveWith      time.Duration // the same, with the subscribers of others there
	MoveFollowed  time.Duration // CPU for moving an order that somebody follows, and telling them
	MovesPerSec   float64       // of orders that are followed
	HostileGone   time.Duration // from the start of the last one to the end of the last one
	Delivery      latency       // from commit to the write into the socket
	Faults        torture.Faults
}

// String sums the report up.
func (r *FanOutReport) String() string {
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	return fmt.Sprintf("%d subscribers and %d hostile ones: %d events seen; %.1f KiB a subscriber, %.1f KiB after all moved; "+
		"commit to delivery %s; CPU of an order placed %.1f us alone, %.1f us with subscribers (%+.1f %%); "+
		"of an order moved %.1f us alone, %.1f us with subscribers of others (%+.1f %%), %.1f us when followed, at %.0f a second; "+
		"hostile ones gone after %s; %s",
		r.Good, r.Hostile, r.Events, float64(r.Bytes)/1024, float64(r.BytesMoved)/1024, r.Delivery,
		micro(r.PlaceAlone), micro(r.PlaceWith), percent(r.PlaceAlone, r.PlaceWith),
		micro(r.MoveAlone), micro(r.MoveWith), percent(r.MoveAlone, r.MoveWith), micro(r.MoveFollowed), r.MovesPerSec,
		r.HostileGone.Round(time.Millisecond), &r.Faults)
}

func percent(before, after time.Duration) float64 {
	return 100 * (float64(after)/float64(before) - 1)
}

// fanOutRun is a fan-out under way.
type fanOutRun struct {
	*FanOut
	report  *FanOutReport
	clerks  *clerks
	good    []*follower
	events  atomic.Int64
	reading sync.WaitGroup // good subscribers who have not seen the last event
	staying sync.WaitGroup // those who have, and answer pings until they are closed

	hostile struct {
		sync.WaitGroup
		left atomic.Int64
	}
}

// follower is a good subscriber and the order that it follows.
type follower struct {
	order commerce.ID
	sub   *subscriber.Subscriber
	last  uint64 // the number of the last event seen
	to    string // the state that it told of
}

// Run carries the fan-out through. What the server does wrong is in the report; the error says that the
// run itself could not go on.
func (f *FanOut) Run(ctx context.Context) (*FanOutReport, error) {
	full := *f
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	if full.HostileShare == 0 {
		full.HostileShare = hostileShare
	}
	r := &fanOutRun{FanOut: &full, report: new(FanOutReport)}
	if err := r.run(ctx); err != nil {
		return r.report, fmt.Errorf("fan-out: %w; the server's last words:\n%s", err, full.Server.Output())
	}
	return r.report, nil
}

func (r *fanOutRun) run(ctx context.Context) (err error) {
	if err := subscriber.CheckRoom(r.Subscribers); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer r.hostile.Wait()
	defer cancel()
	if r.clerks, err = hire(ctx, r.Server.Address, clerksMax); err != nil {
		return err
	}
	defer r.clerks.dismiss()
	orders, err := r.clerks.place(r.Subscribers)
	if err != nil {
		return err
	}
	if r.report.PlaceAlone, r.report.MoveAlone, err = r.cost(); err != nil {
		return err
	}
	before, err := r.Server.Memory()
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range r.good {
			if f.sub != nil {
				f.sub.Close()
			}
		}
		r.reading.Wait()
		r.staying.Wait()
	}()
	if err := r.subscribeAll(ctx, orders); err != nil {
		return err
	}
	if r.report.Bytes, err = r.grown(before); err != nil {
		return err
	}
	r.Log("%d have subscribed, %.1f KiB each", r.Subscribers, float64(r.report.Bytes)/1024)
	if err := r.moveAll(ctx, orders); err != nil {
		return err
	}
	if r.report.BytesMoved, err = r.grown(before); err != nil {
		return err
	}
	if r.report.Delivery, err = deliveryOf(ctx, r.Server.Address); err != nil {
		return err
	}
	r.awaitHostile(ctx)
	if err := r.clerks.connect(ctx, r.Server.Address, clerksMax); err != nil {
		return err
	}
	return r.costWith()
}

// costWith measures once more with all good subscribers there, and then when they have gone. That is what
// an order costs alone: before, the store was smaller, and the machine may have been less busy.
func (r *fanOutRun) costWith() (err error) {
	if r.report.PlaceWith, r.report.MoveWith, err = r.cost(); err != nil {
		return err
	}
	for _, f := range r.good {
		f.sub.Close()
	}
	r.staying.Wait()
	place, move, err := r.cost()
	r.Log("CPU of an order placed alone: %s before, %s after; moved alone: %s, %s", r.report.PlaceAlone, place, r.report.MoveAlone, move)
	r.report.PlaceAlone, r.report.MoveAlone = place, move
	return err
}

// grown returns how much memory the server has taken for each subscriber.
func (r *fanOutRun) grown(before int64) (int64, error) {
	now, err := r.Server.Memory()
	return max(0, now-before) / int64(r.Subscribers), err
}

// costRounds is how often a cost is measured; the least counts, because what else runs on the machine only
// ever adds to it.
const costRounds = 5

// cost measures what placing an order and moving it on take of the server's CPU.
func (r *fanOutRun) cost() (place, move time.Duration, err error) {
	for round := range costRounds {
		var orders []commerce.ID
		placed, err := r.cpu(r.Orders, func() (err error) {
			orders, err = r.clerks.place(r.Orders)
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		moved, err := r.cpu(2*r.Orders, func() error {
			return errors.Join(r.clerks.move(orders, commerce.StatusPaid), r.clerks.move(orders, commerce.StatusProcessing))
		})
		if err != nil {
			return 0, 0, err
		}
		if round == 0 {
			place, move = placed, moved
		}
		place, move = min(place, placed), min(move, moved)
	}
	return place, move, nil
}

func (r *fanOutRun) cpu(n int, work func() error) (time.Duration, error) {
	before, err := r.Server.CPU()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	after, err := r.Server.CPU()
	return (after - before) / time.Duration(max(n, 1)), err
}

// subscribeAll lets everybody subscribe to an order of their own.
func (r *fanOutRun) subscribeAll(ctx context.Context, orders []commerce.ID) error {
	for i, order := range orders {
		if (i+1)%r.HostileShare != 0 {
			r.good = append(r.good, &follower{order: order})
		}
	}
	r.report.Good, r.report.Hostile = len(r.good), len(orders)-len(r.good)
	place := make(chan struct{}, dialersMax)
	errs := make(chan error, len(orders))
	var running sync.WaitGroup
	start := func(work func() error) {
		place <- struct{}{}
		running.Go(func() {
			defer func() { <-place }()
			if err := work(); err != nil {
				errs <- err
			}
		})
	}
	for i, f := range r.good {
		start(func() error {
			if err := f.begin(ctx, r.Server.Address, i%sources); err != nil {
				return err
			}
			r.reading.Go(func() { r.follow(f) })
			return nil
		})
	}
	for i := range r.report.Hostile {
		start(func() error { return r.harm(ctx, orders[(i+1)*r.HostileShare-1], i) })
	}
	running.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// begin subscribes, and takes the order as it is.
func (f *follower) begin(ctx context.Context, address string, source int) (err error) {
	if f.sub, err = subscribe(ctx, address, source, updatesOf(f.order)); err != nil {
		return err
	}
	m, err := f.sub.Next(subscriber.OpenPatience)
	if err == nil && (m.Type != "order" || m.OrderID != f.order.String() || m.Seq != 1) {
		err = fmt.Errorf("%w: the first message is %+v", torture.ErrAnswer, m)
	}
	f.last = m.Seq
	return err
}

// harm starts a hostile subscriber.
func (r *fanOutRun) harm(ctx context.Context, order commerce.ID, i int) error {
	conn, err := dial(ctx, r.Server.Address, i%sources)
	if err != nil {
		return err
	}
	if err := greet(conn, updatesOf(order)); err != nil {
		_ = conn.Close()
		return fmt.Errorf("subscribe to do harm: %w", err)
	}
	r.hostile.left.Add(1)
	r.hostile.Go(func() {
		if hostileSession(ctx, conn, hostility(i)%hostilities) {
			r.hostile.left.Add(-1)
		}
	})
	return nil
}

// moveAll moves all orders on while the subscribers read, and waits until every good one has seen the
// last event.
func (r *fanOutRun) moveAll(ctx context.Context, orders []commerce.ID) error {
	steps := way()
	begin := time.Now()
	var err error
	r.report.MoveFollowed, err = r.cpu(len(steps)*len(orders), func() error {
		for _, to := range steps {
			if err := r.clerks.move(orders, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.report.MovesPerSec = float64(len(steps)*len(orders)) / time.Since(begin).Seconds()
	r.reading.Wait()
	r.report.Events = r.events.Load()
	r.Log("all orders are %s, %d events seen, %d hostile subscribers left", steps[len(steps)-1], r.report.Events, r.hostile.left.Load())
	return ctx.Err()
}

// follow reads until the last state, and notes what is wrong on the way.
func (r *fanOutRun) follow(f *follower) {
	final := way()[len(way())-1]
	for f.to != final.String() {
		m, err := f.sub.Next(r.Patience)
		if err != nil {
			kind := FaultClosed
			if !errors.Is(err, subscriber.ErrGone) {
				kind = FaultFinal
			}
			r.report.Faults.Add(kind, "order %s after event %d (%s): %v", f.order, f.last, f.to, err)
			return
		}
		if !inOrder(&r.report.Faults, f.order, f.last, &m) {
			return
		}
		f.last, f.to = m.Seq, m.Data.Status
		r.events.Add(1)
	}
	if want := uint64(1 + len(way())); f.last != want {
		r.report.Faults.Add(FaultFinal, "order %s: its last event has number %d, not %d", f.order, f.last, want)
	}
	r.staying.Go(func() {
		for {
			if _, err := f.sub.Next(time.Hour); err != nil {
				return
			}
		}
	})
}

// awaitHostile waits until the server has ended all hostile sessions.
func (r *fanOutRun) awaitHostile(ctx context.Context) {
	begin := time.Now()
	deadline := time.NewTimer(r.Patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for r.hostile.left.Load() > 0 {
		select {
		case <-ticker.C:
		case <-deadline.C:
			r.report.Faults.Add(FaultClosed, "%d of %d hostile subscribers are still there", r.hostile.left.Load(), r.report.Hostile)
			return
		case <-ctx.Done():
			return
		}
	}
	r.report.HostileGone = time.Since(begin)
}
