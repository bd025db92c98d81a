package board

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

const (
	// requestTimeout bounds one request of a run.
	requestTimeout = 10 * time.Second
	// failuresMax bounds the connections in a row that a worker loses before it gives up.
	failuresMax = 5
	// errorTextMax bounds what is kept of the first error, in bytes.
	errorTextMax = 300
)

// loop is a closed loop that ends by itself: each connection sends its next request as soon as the last
// one is answered, until all have been sent.
type loop struct {
	address     string
	credential  string
	connections int
	scenario    *bench.Scenario
	requests    func(connection int) bench.Requests
	left        atomic.Int64                                      // requests that are still to be sent
	answered    func(at time.Time, took time.Duration, err error) // called by all connections
}

// run sends the requests. It returns nil when they have been sent or ctx has ended: what has been
// answered until then counts.
func (l *loop) run(ctx context.Context) error {
	faults := make([]error, l.connections)
	var workers sync.WaitGroup
	for i := range l.connections {
		workers.Go(func() { faults[i] = l.worker(ctx, i) })
	}
	workers.Wait()
	if ctx.Err() == nil && l.left.Load() > 0 {
		return errors.Join(faults...)
	}
	return nil // the caller knows why it ended it; a worker that gave up was not needed
}

// worker drives one connection, and opens it anew when it is lost.
func (l *loop) worker(ctx context.Context, connection int) error {
	next := l.requests(connection)
	for failures := 0; ; failures++ {
		sent, err := l.connection(ctx, next)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // the caller ended it, and knows why
		}
		if sent > 0 {
			failures = 0
		}
		if failures == failuresMax {
			return fmt.Errorf("lost the connection %d times in a row: %w", failures, err)
		}
	}
}

// errClosing says that the server has closed a connection after its answer, as it may.
var errClosing = errors.New("the server closes the connection")

// connection sends requests until none is left, and returns how many were answered.
func (l *loop) connection(ctx context.Context, next bench.Requests) (sent int, err error) {
	conn, err := bench.Dial(ctx, l.address, requestTimeout)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	conn.Authorize(l.credential)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	kinds := l.scenario.Kinds()
	var (
		answer  bench.Answer
		request = make([]byte, 0, 1<<10)
	)
	for ctx.Err() == nil && l.left.Add(-1) >= 0 {
		var kind int
		request, kind = next(request[:0])
		start := time.Now()
		if err := conn.SetDeadline(start.Add(requestTimeout)); err != nil {
			return sent, fmt.Errorf("bound a request: %w", err)
		}
		err := conn.Do(request, &answer)
		end := time.Now()
		if ctx.Err() != nil {
			return sent, nil // it was cut off, and says nothing of the server
		}
		if err != nil {
			l.answered(end, end.Sub(start), err)
			return sent, err
		}
		sent++
		if answer.Status != kinds[kind].Want {
			err = fmt.Errorf("%s was answered %d %.200s", kinds[kind].Name, answer.Status, answer.Body)
		}
		l.answered(end, end.Sub(start), err)
		if answer.Closing {
			return sent, errClosing
		}
	}
	return sent, nil
}
