package board

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

// Phase says where a run is.
//
//	preparing ──► warming_up ──► measuring ──► tidying ──► done
//	    └─────────────┴──────────────┴────────────┴──────► cancelled, failed
type Phase string

// The phases of a run.
const (
	PhasePreparing Phase = "preparing"  // its products are made
	PhaseWarmingUp Phase = "warming_up" // requests that do not count
	PhaseMeasuring Phase = "measuring"
	PhaseTidying   Phase = "tidying" // its products are archived
	PhaseDone      Phase = "done"    // it has a result
	PhaseCancelled Phase = "cancelled"
	PhaseFailed    Phase = "failed"
)

const (
	// warmUpShare is how many of a run's requests are sent before it, uncounted: one in ten.
	warmUpShare = 10
	warmUpMax   = 2 * time.Second
	// tidyTimeout bounds the archiving of the products.
	tidyTimeout = 10 * time.Second
	// runSeed is the seed of all choices of every run, so that runs differ in the server alone.
	runSeed = 1
)

// Progress is what can be seen of a run while it is under way, and of the last one after it.
type Progress struct {
	ID          string        `json:"id"`
	Scenario    string        `json:"scenario"`
	Phase       Phase         `json:"phase"`
	Fault       string        `json:"fault,omitempty"` // why there is no result
	StartedAt   time.Time     `json:"started_at"`
	Iterations  int           `json:"iterations"`
	Connections int           `json:"connections"`
	SecondsMax  float64       `json:"seconds_max"`
	Seconds     float64       `json:"seconds"` // of measuring so far
	Operations  int64         `json:"operations"`
	Errors      int64         `json:"errors"`
	FirstError  string        `json:"first_error,omitempty"`
	Rate        float64       `json:"operations_per_second"`
	Latency     bench.Latency `json:"latency_ms"`
	Points      []Point       `json:"points"`
}

// run is one benchmark, from its request to its result.
type run struct {
	id      commerce.ID
	request Request
	cfg     *Config
	started time.Time
	mu      struct {
		sync.Mutex
		phase    Phase
		fault    string
		recorder *recorder // nil before measuring
		ended    time.Time // of measuring; zero while it goes on
	}
}

func newRun(id commerce.ID, request Request, cfg *Config) *run {
	r := &run{id: id, request: request, cfg: cfg, started: time.Now().UTC()}
	r.mu.phase = PhasePreparing
	return r
}

func newID() (commerce.ID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return commerce.ID{}, fmt.Errorf("make an id: %w", err)
	}
	return commerce.ID(id), nil
}

// carryOut does all phases, and returns what was found. Whatever happens its products are archived, also
// when ctx has ended, but not beyond patience.
func (r *run) carryOut(ctx, patience context.Context) (entry *Entry, err error) {
	catalog, err := r.prepare(ctx)
	if catalog != nil {
		defer func() {
			r.enter(PhaseTidying)
			err = errors.Join(err, r.tidy(patience, catalog))
		}()
	}
	if err != nil {
		return nil, err
	}
	scenario, err := bench.ScenarioNamed(r.request.Scenario)
	if err != nil {
		return nil, err
	}
	r.enter(PhaseWarmingUp)
	if err := r.drive(ctx, &scenario, catalog, r.warmUp()); err != nil {
		return nil, err
	}
	found, err := r.measure(ctx, &scenario, catalog)
	if err != nil {
		return nil, err
	}
	return r.entry(found), nil
}

func (r *run) prepare(ctx context.Context) (*bench.Catalog, error) {
	s, closeShop, err := openShop(ctx, r.cfg)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	defer closeShop()
	if err := s.clearOut(); err != nil {
		return nil, causeOf(ctx, err)
	}
	catalog, err := s.stock(r.id)
	return catalog, causeOf(ctx, err)
}

// causeOf returns why a context has ended instead of what broke thereby.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// tidy archives the run's products.
func (r *run) tidy(patience context.Context, catalog *bench.Catalog) error {
	ctx, cancel := context.WithTimeout(patience, tidyTimeout)
	defer cancel()
	s, closeShop, err := openShop(ctx, r.cfg)
	if err != nil {
		return err
	}
	defer closeShop()
	return s.archive(append(catalog.Products, catalog.Hot))
}

// part is one stretch of requests: the warm-up, or the measurement.
type part struct {
	round    int
	requests int
	duration time.Duration
	answered func(at time.Time, took time.Duration, err error)
}

func (r *run) warmUp() part {
	return part{
		round: 0, requests: r.request.Iterations / warmUpShare, duration: min(warmUpMax, r.request.Duration),
		answered: func(time.Time, time.Duration, error) {},
	}
}

// drive sends the requests of a part, within its time.
func (r *run) drive(ctx context.Context, scenario *bench.Scenario, catalog *bench.Catalog, p part) error {
	timed, cancel := context.WithTimeout(ctx, p.duration)
	defer cancel()
	l := &loop{
		address: r.cfg.Address, credential: r.cfg.Credential, connections: min(r.request.Connections, max(1, p.requests)), scenario: scenario, answered: p.answered,
		requests: func(connection int) bench.Requests {
			return scenario.Requests(catalog, bench.Stream{
				Seed: runSeed, Name: scenario.Name + "-" + r.id.String(), Round: p.round, Connection: connection,
			})
		},
	}
	l.left.Store(int64(p.requests))
	if err := l.run(timed); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// measure is the part that counts.
func (r *run) measure(ctx context.Context, scenario *bench.Scenario, catalog *bench.Catalog) (tally, error) {
	recorder := newRecorder(time.Now())
	r.mu.Lock()
	r.mu.phase, r.mu.recorder = PhaseMeasuring, recorder
	r.mu.Unlock()
	err := r.drive(ctx, scenario, catalog, part{
		round: 1, requests: r.request.Iterations, duration: r.request.Duration, answered: recorder.answered,
	})
	end := time.Now()
	r.mu.Lock()
	r.mu.ended = end
	r.mu.Unlock()
	if err != nil {
		return tally{}, err
	}
	found := recorder.tally(end)
	if found.good == 0 {
		return tally{}, fmt.Errorf("no request was answered as it should be; the first: %s", found.firstError)
	}
	return found, nil
}

func (r *run) enter(phase Phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.phase = phase
}

// conclude enters the last phase.
func (r *run) conclude(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.mu.phase = PhaseDone
	case errors.Is(err, errCancelled), errors.Is(err, errClosed):
		r.mu.phase = PhaseCancelled
	default:
		text := err.Error()
		r.mu.phase, r.mu.fault = PhaseFailed, text[:min(len(text), errorTextMax)]
	}
}

func (r *run) progress() *Progress {
	r.mu.Lock()
	p := &Progress{
		ID: r.id.String(), Scenario: r.request.Scenario, Phase: r.mu.phase, Fault: r.mu.fault, StartedAt: r.started,
		Iterations: r.request.Iterations, Connections: r.request.Connections, SecondsMax: r.request.Duration.Seconds(),
		Points: []Point{},
	}
	recorder, end := r.mu.recorder, r.mu.ended
	r.mu.Unlock()
	if recorder == nil {
		return p
	}
	if end.IsZero() {
		end = time.Now()
	}
	t := recorder.tally(end)
	p.Seconds, p.Operations, p.Errors, p.FirstError, p.Latency = rounded(t.elapsed.Seconds()), t.good, t.bad, t.firstError, t.latency
	if t.elapsed > 0 {
		p.Rate = rounded(float64(t.good) / t.elapsed.Seconds())
	}
	p.Points = append(p.Points, t.points...)
	return p
}
