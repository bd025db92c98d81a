package bench

import (
	"runtime"
	"sync"
	"time"
)

const (
	// paceLate is how much later than due a request may be sent before it counts as late.
	paceLate = time.Millisecond
	// paceStep is how long the clock sleeps at least. What became due meanwhile is sent at once.
	paceStep = 100 * time.Microsecond
)

// Pace says how well an open loop kept its rate.
type Pace struct {
	Due int64 // requests that were due within the measured time
	// Unsent were never sent, because all connections were busy from then on until the end.
	Unsent int64
	// Late were sent more than a millisecond after they were due although a connection was free: the
	// machine had no time for the generator. LateMax is the most of it.
	Late    int64
	LateMax time.Duration
}

// pacer makes requests due, at equal distances, and gives each to a connection. One goroutine keeps the clock, on a
// thread of its own: the timers of goroutines are only good to a millisecond.
//
// Of the connections that are free the one that was used last is used next, as the pools of proxies and clients do
// it: what a server keeps for a connection is in its caches then, and those beyond what the rate needs rest.
type pacer struct {
	gap    time.Duration
	warmUp time.Duration
	whole  time.Duration // warm-up and measured time
	begun  time.Time     // set by start
	ended  chan struct{}

	mu    sync.Mutex
	taken int64         // requests given to connections: those due first
	idle  []chan tour   // connections that wait for a request; the last one was used last
	late  int64         // see Pace
	most  time.Duration // see Pace.LateMax
}

// tour is a request that is due, by its number.
type tour int64

func newPacer(l *Load) *pacer {
	return &pacer{
		gap: time.Duration(float64(time.Second) / l.Rate), warmUp: l.WarmUp, whole: l.WarmUp + l.Duration,
		ended: make(chan struct{}),
	}
}

// start starts the clock. stop ends it and says how it went.
func (p *pacer) start() (stop func() Pace) {
	p.begun = time.Now()
	end := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() { p.run(end) })
	return func() Pace {
		close(end)
		clock.Wait()
		close(p.ended)
		return p.settle()
	}
}

// run wakes connections for what is due, until the end. What is due while none is free is not forgotten: those that
// become free take it first.
func (p *pacer) run(end <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		wait := p.wake()
		select {
		case <-end:
			return
		default:
			pause(max(wait, paceStep))
		}
	}
}

// wake gives what is due to connections that wait, and returns after how long there may be more.
func (p *pacer) wake() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Since(p.begun)
	for len(p.idle) > 0 {
		t, ok := p.take(now, true)
		if !ok {
			break
		}
		last := len(p.idle) - 1
		p.idle[last] <- t // never blocks: whoever waits has room for one
		p.idle = p.idle[:last]
	}
	return p.at(tour(p.taken)) - now
}

// take takes the request that is due first. mu is held.
func (p *pacer) take(now time.Duration, free bool) (tour, bool) {
	t := tour(p.taken)
	at := p.at(t)
	if at > now || at >= p.whole {
		return 0, false
	}
	p.taken++
	if late := now - at; free && late > paceLate && at >= p.warmUp {
		p.late++
		p.most = max(p.most, late)
	}
	return t, true
}

// at is when a request is due, from the beginning on.
func (p *pacer) at(t tour) time.Duration { return time.Duration(t) * p.gap }

// next waits for a request to be due; false says that the time is over. own is the caller's alone, with room for one
// tour.
func (p *pacer) next(own chan tour) (due time.Time, ok bool) {
	select {
	case <-p.ended: // what is due and was not sent is not sent any more
		return time.Time{}, false
	default:
	}
	p.mu.Lock()
	t, ok := p.take(time.Since(p.begun), len(p.idle) > 0)
	if !ok {
		p.idle = append(p.idle, own)
	}
	p.mu.Unlock()
	if !ok {
		select {
		case t = <-own:
		case <-p.ended:
			select {
			case t = <-own: // it was given before the end
			default:
				return time.Time{}, false
			}
		}
	}
	return p.begun.Add(p.at(t)), true
}

// settle says how it went: what was due within the measured time, and what of that no connection took.
func (p *pacer) settle() Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := int64(min(time.Since(p.begun), p.whole) / p.gap)
	due := max(0, last-int64(p.warmUp/p.gap))
	return Pace{Due: due, Unsent: min(due, max(0, last-p.taken)), Late: p.late, LateMax: p.most}
}

// measured reports whether a request was due within the measured time.
func (p *pacer) measured(due time.Time) bool {
	at := due.Sub(p.begun)
	return at >= p.warmUp && at < p.whole
}
