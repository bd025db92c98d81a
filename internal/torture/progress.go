package torture

import (
	"context"
	"fmt"
	"sync/atomic"
)

// progressCounter counts what many goroutines get done, and lets one wait for a total.
type progressCounter struct {
	count   atomic.Int64
	changed chan struct{} // of capacity 1
}

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
			return ctx.Err()
		}
	}
	return nil
}
