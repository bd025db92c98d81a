package torture

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// progressCounter counts what many goroutines get done, and lets one wait for a total.
type progressCounter struct {
	count   atomic.Int64
	changed chan struct{} // of capacity 1; nil when nobody waits
}

func newProgressCounter() *progressCounter { return &progressCounter{changed: make(chan struct{}, 1)} }

func (p *progressCounter) add(n int) {
	p.count.Add(int64(n))
	select {
	case p.changed <- struct{}{}:
	default: // the waiter has not seen the last signal yet
	}
}

func (p *progressCounter) total() int { return int(p.count.Load()) }

// wait returns when the total is reached. It is an error when one of those who count ends before
// that.
func (p *progressCounter) wait(ctx context.Context, total int, ended <-chan error) error {
	for p.total() < total {
		select {
		case <-p.changed:
		case err := <-ended:
			return fmt.Errorf("a client ended early: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("%d of %d: %w", p.total(), total, context.Cause(ctx))
		}
	}
	return nil
}

// stopwatch tells how long it takes from a moment until something is acknowledged that was asked for
// after it. One goroutine starts it, many note.
type stopwatch struct {
	mu      sync.Mutex
	from    time.Time
	running bool
	result  chan time.Duration
}

// start measures from the moment given; the result comes once.
func (s *stopwatch) start(from time.Time) <-chan time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.running, s.result = from, true, make(chan time.Duration, 1)
	return s.result
}

// note tells of something that was asked for at a moment and is acknowledged now.
func (s *stopwatch) note(asked time.Time) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running && !asked.Before(s.from) {
		s.running = false
		s.result <- now.Sub(s.from)
	}
}
