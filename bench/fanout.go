package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

// fanOut is a measurement of a scenario that is followed. An order ends after some steps; then everybody
// is given a new one to follow. That is not measured: a sample is put together of stretches, each as long as an
// audience has orders that can be moved.
type fanOut struct {
	*benchmark
	engine *engine
	load   *Load
	stream int
	placed int           // audiences so far
	passed time.Duration // of warm-up and measured time
}

// stretchShare is the part of a measurement that is not worth an audience of its own.
const stretchShare = 100

// fanOut measures an engine once. load is that of any scenario, stream is as there.
func (b *benchmark) fanOut(ctx context.Context, e *engine, load *Load, stream int) (*Sample, error) {
	f := &fanOut{benchmark: b, engine: e, load: load, stream: stream}
	if _, err := f.measure(ctx, load.WarmUp); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	return f.measure(ctx, load.Duration)
}

// measure measures stretches until they are as long as whole.
func (f *fanOut) measure(ctx context.Context, whole time.Duration) (*Sample, error) {
	sum := newSample()
	for whole-sum.Elapsed > whole/stretchShare {
		sample, err := f.stretch(ctx, whole-sum.Elapsed)
		if err != nil {
			return nil, err
		}
		f.passed += sample.Elapsed
		if sum.add(sample); sample.Operations == 0 && sample.Errors+sample.Refused > 0 {
			return nil, fmt.Errorf("no event was delivered to %d subscribers: %d requests were refused, %d failed: %s",
				f.cfg.Subscribers, sample.Refused, sample.Errors, sample.FirstError)
		}
	}
	return sum, nil
}

// stretch measures for as long as the orders of one audience last, and at most for longest.
func (f *fanOut) stretch(ctx context.Context, longest time.Duration) (*Sample, error) {
	f.placed++
	audience, err := f.gather(ctx, f.engine, f.cfg.Subscribers, Stream{
		Seed: f.cfg.Seed, Name: f.nonce + "-audience-" + strconv.Itoa(f.placed), Round: f.stream,
	})
	if err != nil {
		return nil, err
	}
	return f.move(ctx, audience, longest)
}

// move lets an audience's orders be moved on, and dismisses it.
func (f *fanOut) move(ctx context.Context, audience *audience, longest time.Duration) (*Sample, error) {
	movers := make([]*mover, f.load.Connections)
	for i := range movers {
		movers[i] = audience.mover()
	}
	before, watch := f.passed, f.load.Watch
	load := *f.load
	load.WarmUp, load.Duration = 0, longest
	load.Requests = func(connection int) Requests { return movers[connection].next }
	load.Effect = func(connection int) Effect { return movers[connection].read }
	load.Until, load.Over = audience.ended, audience.end
	load.Watch = func(passed time.Duration) { watch(before + passed) }
	sample, err := load.Run(ctx)
	faults := audience.dismiss()
	if err != nil {
		return nil, err
	}
	if sample.Errors += int64(len(faults)); sample.FirstError == "" && len(faults) > 0 {
		sample.FirstError = faults[0].Error()
	}
	return sample, nil
}

// gather places orders and lets somebody subscribe to each.
func (b *benchmark) gather(ctx context.Context, e *engine, subscribers int, stream Stream) (*audience, error) {
	seats := make([]*seat, subscribers)
	for i := range seats {
		seats[i] = &seat{told: make(chan told, len(moves()))}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, seatTimeout, errors.New("it took too long"))
	defer cancel()
	ushers := min(subscribers, ushersMax)
	failed := make(chan error, ushers)
	var working sync.WaitGroup
	for i := range ushers {
		own := stream
		own.Connection = i
		working.Go(func() {
			if err := usher(ctx, e, placeOrder(pickAny).Source(e.catalog, own), seats, i); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	working.Wait()
	audience := newAudience(seats)
	select {
	case err := <-failed:
		audience.dismiss()
		return nil, fmt.Errorf("gather subscribers: %w", err)
	default:
	}
	for _, s := range seats {
		audience.reading.Go(s.follow)
	}
	return audience, nil
}

// usher fills each ushersMax-th seat from the first one on.
func usher(ctx context.Context, e *engine, next Source, seats []*seat, first int) error {
	conn, err := Dial(ctx, e.process.Address, seatTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var (
		answer Answer
		placed struct {
			ID string `json:"id"`
		}
	)
	for i := first; i < len(seats); i += ushersMax {
		if err := conn.Do(next(nil), &answer); err != nil {
			return fmt.Errorf("place an order: %w", err)
		}
		if err := json.Unmarshal(answer.Body, &placed); err != nil || answer.Status != 201 || placed.ID == "" {
			return fmt.Errorf("place an order: the answer was %d %.200s", answer.Status, answer.Body)
		}
		seats[i].order = placed.ID
		if err := seats[i].take(ctx, e.process.Address); err != nil {
			return err
		}
	}
	return nil
}

// tryFanOut lets a single subscriber follow an order to its end. It returns what was said when an engine
// does not serve that.
func (b *benchmark) tryFanOut(ctx context.Context, e *engine) (refusal string, err error) {
	audience, err := b.gather(ctx, e, 1, Stream{Seed: b.cfg.Seed, Name: b.nonce + "-audience-tried"})
	if errors.Is(err, subscriber.ErrAnswer) {
		return err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	defer audience.dismiss()
	var (
		answer Answer
		mover  = audience.mover()
		kind   = moveOrder()
	)
	for request, _ := mover.next(nil); len(request) > 0; request, _ = mover.next(nil) {
		if err := ask(ctx, e.process.Address, request, &answer); err != nil {
			return "", err
		}
		if answer.Status != kind.Want {
			return fmt.Sprintf("a move was answered %d, not %d: %.300s", answer.Status, kind.Want, answer.Body), nil
		}
		if _, err := mover.read(); err != nil {
			return err.Error(), nil
		}
	}
	return "", nil
}
