package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// latencyMax bounds what the histogram tells apart; a request that takes longer counts as this.
	latencyMax = time.Minute
	// requestTimeout bounds one measurement's requests beyond its duration.
	requestTimeout = 30 * time.Second
	// failuresMax bounds the lost connections of one worker in a row before it gives up.
	failuresMax = 10
)

// Load is one measurement: a closed loop in which every connection sends its next request as soon
// as the last one is answered.
type Load struct {
	Address     string
	Connections int
	WarmUp      time.Duration
	Duration    time.Duration
	Want        int // the status of a good answer
	Source      func(connection int) Source
	// CPU reads the server's account and its database's; it is asked at both ends of the measured
	// time.
	CPU func() (CPU, error)
}

// CPU is time that was computed: by a server, and by its database, if it has one.
type CPU struct{ Server, Database time.Duration }

// Sample is what one measurement found.
type Sample struct {
	Operations int64 // good answers within the measured time
	Errors     int64 // other answers, and lost connections
	FirstError string
	Elapsed    time.Duration
	CPU        CPU
	Latency    *hdrhistogram.Histogram // of the good answers, in nanoseconds
}

// The phases of a measurement.
const (
	warmingUp int32 = iota
	measuring
	stopping
)

type loadRun struct {
	*Load
	phase atomic.Int32
	first struct {
		sync.Mutex
		text string
	}
}

type workerResult struct {
	operations, errors int64
	latency            *hdrhistogram.Histogram
}

// Run carries out the measurement. It returns an error when the server cannot be reached, the
// CPU account cannot be read or the context ends; bad answers are only counted.
func (l *Load) Run(ctx context.Context) (*Sample, error) {
	run := &loadRun{Load: l}
	results := make([]workerResult, l.Connections)
	failed := make(chan error, l.Connections)
	var workers sync.WaitGroup
	for i := range l.Connections {
		workers.Go(func() {
			results[i].latency = newLatency()
			if err := run.worker(ctx, i, &results[i]); err != nil {
				failed <- err
			}
		})
	}
	sample := &Sample{Latency: newLatency()}
	err := run.measure(ctx, sample, failed)
	run.phase.Store(stopping)
	workers.Wait()
	if err != nil {
		return nil, err
	}
	for i := range results {
		sample.Operations += results[i].operations
		sample.Errors += results[i].errors
		sample.Latency.Merge(results[i].latency)
	}
	sample.FirstError = run.first.text
	return sample, nil
}

func newLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(latencyMax), 3)
}

// measure leads the workers through the phases.
func (r *loadRun) measure(ctx context.Context, sample *Sample, failed <-chan error) error {
	if err := wait(ctx, r.WarmUp, failed); err != nil {
		return err
	}
	before, err := r.CPU()
	if err != nil {
		return err
	}
	start := time.Now()
	r.phase.Store(measuring)
	if err := wait(ctx, r.Duration, failed); err != nil {
		return err
	}
	r.phase.Store(stopping)
	sample.Elapsed = time.Since(start)
	after, err := r.CPU()
	sample.CPU = CPU{Server: after.Server - before.Server, Database: after.Database - before.Database}
	return err
}

func wait(ctx context.Context, d time.Duration, failed <-chan error) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("measure: %w", ctx.Err())
	}
}

// worker drives one connection, and opens it anew when it is lost.
func (r *loadRun) worker(ctx context.Context, connection int, result *workerResult) error {
	source := r.Source(connection)
	for failures := 0; r.phase.Load() != stopping; failures++ {
		before := result.operations
		err := r.connection(ctx, source, result)
		if err == nil {
			return nil
		}
		r.note(err.Error())
		if result.operations != before {
			failures = 0
		}
		if failures == failuresMax {
			return fmt.Errorf("lost the connection %d times in a row: %w", failures, err)
		}
	}
	return nil
}

func (r *loadRun) connection(ctx context.Context, source Source, result *workerResult) error {
	conn, err := Dial(ctx, r.Address, requestTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(r.WarmUp + r.Duration + requestTimeout)); err != nil {
		return fmt.Errorf("bound the requests: %w", err)
	}
	var (
		answer  Answer
		request = make([]byte, 0, 1<<10)
	)
	for r.phase.Load() != stopping {
		request = source(request[:0])
		start := time.Now()
		err := conn.Do(request, &answer)
		took := time.Since(start)
		counted := r.phase.Load() == measuring
		switch {
		case err != nil:
			if counted {
				result.errors++
			}
			return err
		case answer.Status != r.Want:
			r.note(fmt.Sprintf("%d %s", answer.Status, answer.Body))
			if counted {
				result.errors++
			}
		case counted:
			result.operations++
			if err := result.latency.RecordValue(int64(min(took, latencyMax))); err != nil {
				return errors.Join(errors.New("record a latency"), err)
			}
		}
	}
	return nil
}

// note keeps the first error: what there is to say about any number of them.
func (r *loadRun) note(text string) {
	r.first.Lock()
	defer r.first.Unlock()
	if r.first.text == "" {
		r.first.text = text
	}
}
