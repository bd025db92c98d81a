package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
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

// pacer makes requests due, at equal distances. One goroutine keeps the clock, on a thread of its own: the
// timers of goroutines are only good to a millisecond.
type pacer struct {
	gap    time.Duration
	warmUp time.Duration
	whole  time.Duration // warm-up and measured time
	begun  time.Time     // set by start
	tours  chan tour
	idle   atomic.Int64 // workers that wait for a tour
	ended  chan struct{}

	late    atomic.Int64
	lateMax atomic.Int64

	// Of the clock, until it has ended.
	due, unsent int64
}

// tour is one request that is due.
type tour struct {
	due  time.Time
	free bool // a worker was waiting for it
}

func newPacer(l *Load) *pacer {
	return &pacer{
		gap: time.Duration(float64(time.Second) / l.Rate), warmUp: l.WarmUp, whole: l.WarmUp + l.Duration,
		tours: make(chan tour, l.Connections), ended: make(chan struct{}),
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
		return Pace{Due: p.due, Unsent: p.unsent, Late: p.late.Load(), LateMax: time.Duration(p.lateMax.Load())}
	}
}

// run makes requests due until the end. When no connection is free and as many requests as there are
// connections wait, those that follow wait here: what is due is not forgotten, it is only sent later.
func (p *pacer) run(end <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n := int64(0)
	defer func() { p.settle(n) }()
	for ; ; n++ {
		at := time.Duration(n) * p.gap
		if at >= p.whole {
			<-end
			return
		}
		for wait := at - time.Since(p.begun); wait > 0; wait = at - time.Since(p.begun) {
			pause(max(wait, paceStep))
			select {
			case <-end:
				return
			default:
			}
		}
		select {
		case p.tours <- tour{due: p.begun.Add(at), free: p.idle.Load() > int64(len(p.tours))}:
		case <-end:
			return
		}
	}
}

// settle counts what was due, and what of it will not be sent: from request n on, and what waits for a
// connection.
func (p *pacer) settle(n int64) {
	last := int64(min(time.Since(p.begun), p.whole) / p.gap)
	p.due = max(0, last-int64(p.warmUp/p.gap))
	p.unsent = min(p.due, max(0, last-n)+int64(len(p.tours)))
}

// next waits for a request to be due; false says that the time is over.
func (p *pacer) next() (due time.Time, ok bool) {
	select {
	case <-p.ended: // what still waits is not sent any more
		return time.Time{}, false
	default:
	}
	p.idle.Add(1)
	defer p.idle.Add(-1)
	select {
	case t := <-p.tours:
		if late := time.Since(t.due); t.free && late > paceLate && p.measured(t.due) {
			p.late.Add(1)
			p.noteLate(late)
		}
		return t.due, true
	case <-p.ended:
		return time.Time{}, false
	}
}

func (p *pacer) noteLate(late time.Duration) {
	for {
		most := p.lateMax.Load()
		if int64(late) <= most || p.lateMax.CompareAndSwap(most, int64(late)) {
			return
		}
	}
}

// measured reports whether a request was due within the measured time.
func (p *pacer) measured(due time.Time) bool {
	at := due.Sub(p.begun)
	return at >= p.warmUp && at < p.whole
}
