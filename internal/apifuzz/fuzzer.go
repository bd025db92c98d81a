package apifuzz

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// Fuzzer asks one server. It is used once.
type Fuzzer struct {
	Document *Document
	Address  string // host:port
	Callers  []Caller
	// Proof says that the server believes nobody without a credential.
	Proof    bool
	Seed     uint64
	Workers  int // connections
	Requests int // in all
	// Journeys are asked step by step, again and again, besides single requests.
	Journeys [][]Step
	// Set are values that parameters always have, by operation and name: what would take too long otherwise.
	Set map[string]map[string]string
	// Lenient are parameters, and operations, of which what is wrong is put right instead of being refused.
	Lenient []string
	// Spared are ids of what requests must leave alone, as the keys of the callers themselves.
	Spared []string
	// Stored are parameters and fields that only the server can judge: what they may be depends on what it has
	// stored, or on the time.
	Stored []string
	// FaultsMax bounds the faults that are kept; 20 if 0. All are counted.
	FaultsMax int
}

// Step is a valid request of a journey, with some values given.
type Step struct {
	Operation string
	Values    map[string]string // by field or parameter; JSON, or a text
}

// run is a fuzzer at work.
type run struct {
	*Fuzzer
	left    atomic.Int64
	byName  map[string]*operation
	journal journal
}

// Run asks until all requests are made or the context ends, and returns what it found. The error says that
// the run itself could not go on.
func (f *Fuzzer) Run(ctx context.Context) (*Report, error) {
	r := &run{Fuzzer: f, byName: make(map[string]*operation)}
	for _, op := range f.Document.operations {
		r.byName[op.ID] = op
	}
	for _, journey := range f.Journeys {
		for _, step := range journey {
			if r.byName[step.Operation] == nil {
				return nil, fmt.Errorf("fuzz the API: a journey names the operation %q, which is not in the document", step.Operation)
			}
		}
	}
	r.left.Store(int64(f.Requests))
	r.journal.open(f)
	workers := make([]*worker, max(1, f.Workers))
	var running sync.WaitGroup
	for i := range workers {
		w := newWorker(r, uint64(i)) //nolint:gosec // small
		workers[i] = w
		running.Go(func() { w.work(ctx) })
	}
	running.Wait()
	var faults []error
	for _, w := range workers {
		faults = append(faults, w.err)
	}
	if err := errors.Join(faults...); err != nil {
		return r.journal.close(), fmt.Errorf("fuzz the API: %w", err)
	}
	return r.journal.close(), nil
}

// worker asks over one connection, one request after the other.
type worker struct {
	*run
	maker maker
	line  line
	err   error

	failures int // requests in a row without an answer
}

// failuresMax is how many requests in a row may stay without an answer before a worker gives up.
const failuresMax = 20

func newWorker(r *run, number uint64) *worker {
	source := rand.New(rand.NewPCG(r.Seed, number)) //nolint:gosec // a test's choices, not secrets
	return &worker{
		run: r, line: line{address: r.Address},
		maker: maker{
			grower:  grower{rand: source, doc: r.Document, memory: newMemory(source, r.Spared)},
			callers: slices.Clone(r.Callers), set: r.Set, lenient: r.Lenient, stored: r.Stored,
		},
	}
}

// The shares of what is asked besides single requests: one in so many.
const (
	journeyShare = 12
	strayShare   = 40
	againShare   = 30
	spoilShare   = 2
	ticketShare  = 3
	bareShare    = 8 // of sockets: no handshake
)

func (w *worker) work(ctx context.Context) {
	defer w.line.close()
	for ctx.Err() == nil && w.err == nil && w.left.Load() > 0 {
		switch {
		case len(w.Journeys) > 0 && w.maker.oneIn(journeyShare):
			w.journey(ctx, pick(w.maker.g(), w.Journeys))
		case w.maker.oneIn(strayShare):
			w.ask(ctx, w.maker.stray(pick(w.maker.g(), w.Document.operations)))
		default:
			w.single(ctx, pick(w.maker.g(), w.Document.operations))
		}
	}
}

// journey asks one step after the other, as somebody who may do everything.
func (w *worker) journey(ctx context.Context, steps []Step) {
	for _, step := range steps {
		d := w.maker.valid(w.byName[step.Operation], w.maker.fill(step.Values))
		d.method, d.caller = d.op.Method, &w.maker.callers[0]
		w.maker.shake(d)
		w.ask(ctx, d)
	}
}

func (w *worker) single(ctx context.Context, op *operation) {
	m := &w.maker
	d := m.valid(op, nil)
	d.caller = &m.callers[0]
	if m.oneIn(3) {
		d.caller = &m.callers[m.rand.IntN(len(m.callers))]
	}
	if !m.oneIn(bareShare) {
		m.shake(d)
	}
	if slices.Contains(op.Ways, "ticket") && m.oneIn(ticketShare) {
		m.useTicket(d)
	}
	if m.oneIn(spoilShare) {
		all := spoilers()
		for range 1 + m.rand.IntN(2)*m.rand.IntN(3) {
			all[m.rand.IntN(len(all))](m, d)
		}
	}
	w.ask(ctx, d)
	if m.oneIn(againShare) && !d.ticket { // a retry, which an idempotency key makes harmless
		w.ask(ctx, d)
	}
}

// ask asks once, judges the answer and learns from it.
func (w *worker) ask(ctx context.Context, d *draft) {
	if w.left.Add(-1) < 0 || w.err != nil {
		return
	}
	text := d.append(nil, w.Address)
	a, err := w.line.ask(ctx, d.method, text)
	if err != nil {
		if ctx.Err() == nil {
			w.journal.fault(d, text, nil)(FaultSilence, err.Error())
		}
		w.failures++
		if w.failures > failuresMax {
			w.err = fmt.Errorf("the server does not answer any more: %w", err)
		}
		return
	}
	w.failures = 0
	w.journal.note(d, a)
	j := judge{doc: w.Document, proof: w.Proof, found: w.journal.fault(d, text, a)}
	if d.stray {
		j.stray(a)
		return
	}
	j.judge(d, a)
	if a.status < 300 && a.media == "application/json" {
		w.maker.memory.learn(d.op, a.body)
	}
	if tag := a.header.Peek("ETag"); len(tag) > 0 {
		w.maker.memory.keep(kindTag, string(tag))
	}
}
