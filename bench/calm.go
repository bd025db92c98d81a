package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	// calmInterval is how long is looked at once, and calmPart the part of it that may be computed then.
	calmInterval = 500 * time.Millisecond
	calmPart     = 0.1
	// calmPatience bounds the wait.
	calmPatience = 3 * time.Minute
)

// calm waits until the engines have done what they do after their start, like bringing indexes up to date or
// adding up what was made up. It would else be measured.
func (b *benchmark) calm(ctx context.Context) error {
	begun := time.Now()
	ticker := time.NewTicker(calmInterval)
	defer ticker.Stop()
	for _, e := range b.engines {
		before, at, err := e.computed()
		for err == nil {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return fmt.Errorf("wait until %s is calm: %w", e.name, ctx.Err())
			}
			var now time.Duration
			was := at
			if now, at, err = e.computed(); err == nil && float64(now-before) < calmPart*float64(at.Sub(was)) {
				break
			}
			if before = now; time.Since(begun) > calmPatience {
				b.cfg.Logger.Warn("an engine still computes although nobody asks it anything", "engine", e.name)
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// computed is the CPU time of the engine and of what computes for it so far, and when that was.
func (e *engine) computed() (time.Duration, time.Time, error) {
	c, err := e.cpu()
	return c.Server + c.Database, time.Now(), err
}
