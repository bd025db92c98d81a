package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// requestTimeout bounds one measurement's requests beyond its duration.
	requestTimeout = 30 * time.Second
	// failuresMax bounds the lost connections of one worker in a row before it gives up.
	failuresMax = 10
	// failurePause is what a worker waits after it has lost a connection.
	failurePause = 10 * time.Millisecond
	// watchInterval is how often memory is looked at and progress told.
	watchInterval = 100 * time.Millisecond
)

// Load is one measurement. Without a Rate it is a closed loop, in which every connection sends its next
// request as soon as the last one is answered. With one it is an open loop: requests are due at equal
// distances, whatever the server does, and their latency counts from the moment they were due. Then
// Connections bounds what is under way; what is due beyond that waits, and its latency grows.
type Load struct {
	Address     string
	Connections int
	Rate        float64 // requests a second of an open loop; 0: closed loop
	WarmUp      time.Duration
	Duration    time.Duration
	Kinds       []Kind // what the requests are: the place of one is what Requests returns
	Requests    func(connection int) Requests
	// Effect waits on a connection until its last request, which was answered well, has had its effect, and
	// returns when that was: only then is it an operation. Optional.
	Effect func(connection int) Effect
	// Until ends the measured time early when it is closed. Optional.
	Until <-chan struct{}
	// CPU reads the server's account and its database's; it is asked at both ends of the measured
	// time.
	CPU func() (CPU, error)
	// Memory reads the server's resident set, in bytes. Optional.
	Memory func() (int64, error)
	// Slice is the width of Sample.Slices. Optional.
	Slice time.Duration
	// Watch is told now and then how much of warm-up and measured time has passed. Optional.
	Watch func(passed time.Duration)
	// Over is called when the measured time is over; requests may still be under way. Optional.
	Over func()
}

// Effect waits for the effect of a connection's last request, and returns when that was.
type Effect func() (time.Time, error)

// The phases of a measurement.
const (
	warmingUp int32 = iota
	measuring
	stopping
)

// loadRun is a Load while it runs.
type loadRun struct {
	*Load
	phase     atomic.Int32
	begun     chan struct{} // closed when the connections may send
	pacer     *pacer        // nil in a closed loop
	recorders []*recorder
	slicer    *slicer
	memory    Memory
	stalled   time.Duration
	first     struct {
		sync.Mutex
		text string
	}
}

// Run carries out the measurement. It returns an error when the server cannot be reached, the
// CPU account cannot be read or the context ends; bad answers are only counted.
func (l *Load) Run(ctx context.Context) (*Sample, error) {
	run := &loadRun{Load: l, slicer: newSlicer(l.Slice, l.Duration), begun: make(chan struct{})}
	for range min(l.Connections, recordersMax) {
		run.recorders = append(run.recorders, newRecorder(len(l.Kinds)))
	}
	if l.Rate > 0 {
		run.pacer = newPacer(l)
	}
	failed := make(chan error, l.Connections)
	var workers sync.WaitGroup
	for i := range l.Connections {
		workers.Go(func() {
			if err := run.worker(ctx, i); err != nil {
				failed <- err
			}
		})
	}
	sample := newSample()
	err := run.measure(ctx, sample, failed)
	if l.Over != nil {
		l.Over()
	}
	workers.Wait()
	if err != nil {
		return nil, err
	}
	run.gather(sample)
	return sample, nil
}

// gather adds up what the workers have counted.
func (r *loadRun) gather(sample *Sample) {
	if len(r.Kinds) > 1 {
		sample.Kinds = newKindSamples(len(r.Kinds))
	}
	for _, recorder := range r.recorders {
		recorder.addTo(sample)
	}
	sample.FirstError, sample.Memory, sample.Stalled = r.first.text, r.memory, r.stalled
	if r.slicer != nil {
		sample.Slices = r.slicer.mu.slices // nobody writes any more
	}
}

// measure leads the workers through the phases.
func (r *loadRun) measure(ctx context.Context, sample *Sample, failed <-chan error) error {
	begin := sync.OnceFunc(func() { close(r.begun) })
	defer begin()
	defer r.phase.Store(stopping)
	if r.pacer != nil || r.WarmUp > 0 {
		begin()
	}
	if r.pacer != nil {
		stop := r.pacer.start()
		defer func() { sample.Pace = stop() }()
	}
	if err := r.wait(ctx, 0, r.WarmUp, failed); err != nil {
		return err
	}
	before, err := r.CPU()
	if err != nil {
		return err
	}
	if r.memory, err = r.look(Memory{}); err != nil {
		return err
	}
	r.memory.Start, r.stalled = r.memory.End, 0
	start := time.Now()
	r.slicer.begin(start)
	r.phase.Store(measuring)
	begin() // without a warm-up each request counts
	if err := r.wait(ctx, r.WarmUp, r.Duration, failed); err != nil {
		return err
	}
	r.phase.Store(stopping)
	sample.Elapsed = time.Since(start)
	after, err := r.CPU()
	sample.CPU = CPU{Server: after.Server - before.Server, Database: after.Database - before.Database}
	return err
}

// look looks at the server's memory.
func (r *loadRun) look(m Memory) (Memory, error) {
	if r.Memory == nil {
		return m, nil
	}
	now, err := r.Memory()
	m.End, m.Peak = now, max(m.Peak, now)
	return m, err
}

// wait waits, and watches meanwhile. passed is what has passed of the whole before.
func (r *loadRun) wait(ctx context.Context, passed, d time.Duration, failed <-chan error) (err error) {
	begun := time.Now()
	last := begun
	timer, watch := time.NewTimer(d), time.NewTicker(watchInterval)
	defer timer.Stop()
	defer watch.Stop()
	for {
		select {
		case <-timer.C:
			r.memory, err = r.look(r.memory)
			return err
		case <-watch.C:
			now := time.Now() // what the ticker says may be old
			r.stalled = max(r.stalled, now.Sub(last)-watchInterval)
			last = now
			if r.memory, err = r.look(r.memory); err != nil {
				return err
			}
			if r.Watch != nil {
				r.Watch(passed + time.Since(begun))
			}
		case <-r.Until:
			r.memory, err = r.look(r.memory)
			return err
		case err := <-failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("measure: %w", ctx.Err())
		}
	}
}

// worker drives one connection, and opens it anew when it is lost.
func (r *loadRun) worker(ctx context.Context, connection int) error {
	w := &loadWorker{
		loadRun: r, requests: r.Requests(connection), recorder: r.recorders[connection%len(r.recorders)],
		effect: func() (time.Time, error) { return time.Now(), nil }, buf: make([]byte, 0, 1<<10),
		tours: make(chan tour, 1),
	}
	if r.Effect != nil {
		w.effect = r.Effect(connection)
	}
	for failures := 1; r.phase.Load() != stopping && !w.done; failures++ {
		answers := w.answers
		err := w.connection(ctx)
		if err == nil {
			failures = 0
			continue
		}
		r.note(err.Error())
		if w.answers != answers {
			failures = 1
		}
		if failures == failuresMax {
			return fmt.Errorf("lost the connection %d times in a row: %w", failures, err)
		}
		select {
		case <-time.After(failurePause):
		case <-ctx.Done():
		}
	}
	return nil
}

// loadWorker is the sender of one connection after another.
type loadWorker struct {
	*loadRun
	requests Requests
	effect   Effect
	done     bool // there is nothing more to ask for
	recorder *recorder
	buf      []byte
	answer   Answer
	answers  int64
	tours    chan tour // of the pacer
}

// connection opens a connection and uses it to the end of the measurement, or until the server closes it.
func (w *loadWorker) connection(ctx context.Context) error {
	conn, err := Dial(ctx, w.Address, requestTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(w.WarmUp + w.Duration + requestTimeout)); err != nil {
		return fmt.Errorf("bound the requests: %w", err)
	}
	<-w.begun
	for {
		due, ok := w.turn()
		if !ok {
			return nil
		}
		request, kind := w.requests(w.buf[:0])
		w.buf = request
		if len(request) == 0 {
			w.done = true
			return nil
		}
		if err := conn.Do(request, &w.answer); err != nil {
			w.countError(due, w.phase.Load() == measuring, err.Error())
			return err
		}
		w.answers++
		w.count(kind, due)
		if w.answer.Closing {
			return nil
		}
	}
}

// turn waits until the next request is due; false says that there is none.
func (w *loadWorker) turn() (due time.Time, ok bool) {
	if w.pacer != nil {
		return w.pacer.next(w.tours)
	}
	return time.Now(), w.phase.Load() != stopping
}

// count counts an answer. One that comes late in an open loop is no operation any more, but its latency
// counts: those who wait longest must not be left out.
func (w *loadWorker) count(kind int, due time.Time) {
	// Whoever sees the last effect may end the measured time: what is looked at is when the answer came.
	within := w.phase.Load() == measuring
	switch status := w.answer.Status; status {
	case w.Kinds[kind].Want:
		at, err := w.effect()
		if err != nil {
			w.countError(due, within, fmt.Sprintf("%s: %v", w.Kinds[kind].Name, err))
			return
		}
		took, timed := at.Sub(due), within
		if w.pacer != nil {
			timed = w.pacer.measured(due)
		}
		w.recorder.good(kind, took, within, timed)
		w.slicer.add(due, func(s *Slice) {
			s.Good++
			record(s.Latency, took)
		})
	case 429, 503:
		if within {
			w.recorder.refused(time.Since(due), len(w.answer.Retry) > 0)
		}
		w.slicer.add(due, func(s *Slice) { s.Refused++ })
	default:
		w.countError(due, within, fmt.Sprintf("%s: %d %s", w.Kinds[kind].Name, status, w.answer.Body))
	}
}

func (w *loadWorker) countError(due time.Time, within bool, text string) {
	w.note(text)
	if within {
		w.recorder.failed()
	}
	w.slicer.add(due, func(s *Slice) { s.Errors++ })
}

// note keeps the first error: what there is to say about any number of them.
func (r *loadRun) note(text string) {
	r.first.Lock()
	defer r.first.Unlock()
	if r.first.text == "" {
		r.first.text = text
	}
}
