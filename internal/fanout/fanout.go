// Package fanout does a sequence of jobs with a bounded number of workers: the concurrency of
// import, replay and the demo catalogue. It holds no more jobs than workers, so that a sequence may
// be as long as it likes. It knows nothing of what the jobs are.
package fanout

import (
	"context"
	"iter"
	"sync"
)

// Each calls work for every job, by so many workers at once, and waits for all of them. The first
// error ends the sequence: jobs not begun are left, the context of those running is cancelled, and
// that error is returned. Otherwise it returns the cause of the context's end, if it ended.
//
// jobs is ranged over by one goroutine, the caller's.
func Each[T any](ctx context.Context, workers int, jobs iter.Seq[T], work func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan T)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for job := range queue {
				if err := work(ctx, job); err != nil {
					cancel(err) // the first one stays the cause
				}
			}
		})
	}
	feed(ctx, jobs, queue)
	close(queue)
	running.Wait()
	return context.Cause(ctx)
}

func feed[T any](ctx context.Context, jobs iter.Seq[T], queue chan<- T) {
	for job := range jobs {
		if ctx.Err() != nil {
			return // select would choose at random between an idle worker and the end
		}
		select {
		case queue <- job:
		case <-ctx.Done():
			return
		}
	}
}
