package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// OverloadConfig says how much is asked of a server. The zero value of a field means its default.
type OverloadConfig struct {
	Config // of its scenarios there is one: order when it names none; Rate and Peers mean nothing
	// Steady is the part of the peak that a server should carry with ease.
	Steady float64 // 0.7
	// Rates is how many times the peak is asked for, and Connections how many times the connections.
	Rates           float64       // 3
	ConnectionTimes int           // 10
	Recovery        time.Duration // how long the way back to normal is watched; 15 s
}

const (
	// recoverySlice is the width of what is looked at on the way back to normal, and recoveryCalm how many slices in a
	// row must be normal.
	recoverySlice = 250 * time.Millisecond
	recoveryCalm  = 4
	// normalPart is the least part of good answers in a slice that is normal.
	normalPart = 0.99
	// latencyGoal is the p99 that a server should keep at its steady rate, in milliseconds.
	latencyGoal = 10.0
	// latencySlack is how many times the p99 measured at the steady rate still counts as normal, should that be more.
	latencySlack = 1.5
)

// Overload finds the peak of each store in a closed loop, then measures it at a steady part of that, at a multiple
// of that, and with a multiple of the connections; after each of the two last it looks how soon everything is normal
// again. It prints an OverloadDocument, and reports whether all its goals were met.
func Overload(ctx context.Context, cfg OverloadConfig, stdout io.Writer) (met bool, err error) {
	if len(cfg.Scenarios) == 0 {
		cfg.Scenarios = []string{"order"}
	}
	setDefault(&cfg.Steady, 0.7)
	setDefault(&cfg.Rates, 3)
	setDefault(&cfg.ConnectionTimes, 10)
	setDefault(&cfg.Recovery, 15*time.Second)
	cfg.Peers, cfg.Rate = nil, 0
	full, err := cfg.withDefaults()
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if len(full.Scenarios) > 1 || cfg.Steady < 0 || cfg.Steady > 1 || cfg.Rates < 1 || cfg.ConnectionTimes < 1 || cfg.Recovery < time.Second {
		return false, fmt.Errorf("%w: one scenario; the steady part from 0 to 1; times at least 1; at least a second of recovery", ErrConfig)
	}
	if full.followed() {
		return false, fmt.Errorf("%w: %s is measured by itself only, not under overload", ErrConfig, full.Scenarios[0])
	}
	cfg.Config = *full
	document, err := cfg.measure(ctx)
	if err != nil {
		return false, err
	}
	if cfg.JSON {
		err = writeJSON(stdout, document)
	} else {
		err = document.writeTable(stdout)
	}
	return document.met(), err
}

func (c *OverloadConfig) measure(ctx context.Context) (*OverloadDocument, error) {
	b, err := startBenchmark(ctx, &c.Config)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	if _, err := b.tryAll(ctx); err != nil {
		return nil, err
	}
	scenario, err := ScenarioNamed(c.Scenarios[0])
	if err != nil {
		return nil, err
	}
	const others = 5 // steady, and twice the strain and the way back
	b.progress = startProgress(&c.Config, len(b.engines)*(c.Rounds+others))
	defer b.progress.pause()
	document := &OverloadDocument{Environment: b.environment}
	for _, engine := range b.engines {
		rate, err := FsyncRate(b.dir, fsyncProbe)
		if err != nil {
			return nil, err
		}
		b.fsyncs = append(b.fsyncs, rate)
		o := &overload{benchmark: b, cfg: c, engine: engine, scenario: &scenario}
		result, err := o.measure(ctx)
		if err != nil {
			return nil, fmt.Errorf("overload %s: %w; its output:\n%s", engine.name, err, engine.process.Output())
		}
		document.Overload = append(document.Overload, *result)
	}
	document.Environment.FsyncsPerSecond = median(b.fsyncs)
	return document, nil
}

// overload is the overload of one engine.
type overload struct {
	*benchmark
	cfg      *OverloadConfig
	engine   *engine
	scenario *Scenario
	loads    int // so far
	result   OverloadResult
}

func (o *overload) measure(ctx context.Context) (*OverloadResult, error) {
	o.result = OverloadResult{Engine: o.engine.name, Scenario: o.scenario.Name}
	if err := o.findPeak(ctx); err != nil {
		return nil, err
	}
	many := o.cfg.Connections * o.cfg.ConnectionTimes
	steady, err := o.run(ctx, o.steady(o.cfg.Duration, many))
	if err != nil {
		return nil, err
	}
	o.result.Steady = o.phase("steady", steady, many)
	for _, strain := range []struct {
		name string
		load *Load
	}{
		{fmt.Sprintf("%g × the peak rate", o.cfg.Rates), o.open(o.result.Peak.GoodPerSecond*o.cfg.Rates, o.cfg.Duration, many)},
		{fmt.Sprintf("%d × the connections", o.cfg.ConnectionTimes), o.closed(many)},
	} {
		phase, err := o.strain(ctx, strain.name, strain.load)
		if err != nil {
			return nil, err
		}
		o.result.Strains = append(o.result.Strains, phase)
	}
	o.result.judge(o.cfg)
	return &o.result, nil
}

// findPeak measures what the engine can do in a closed loop.
func (o *overload) findPeak(ctx context.Context) error {
	var samples []*Sample
	for range o.cfg.Rounds {
		sample, err := o.run(ctx, o.closed(o.cfg.Connections))
		if err != nil {
			return err
		}
		samples = append(samples, sample)
	}
	all := Summarize(o.engine.name, o.scenario, samples, nil)
	last := samples[len(samples)-1]
	o.result.Peak = o.phase("peak", last, o.cfg.Connections)
	o.result.Peak.GoodPerSecond, o.result.Peak.Latency = all.OperationsPerSecond, all.Latency
	o.result.Peak.GoodInterval, o.result.Peak.OfPeak = all.OperationsInterval, 1
	if all.OperationsPerSecond == 0 {
		return fmt.Errorf("find the peak: no answer was good; the first was: %s", all.FirstError)
	}
	return nil
}

// closed is a closed loop.
func (o *overload) closed(connections int) *Load {
	l := o.load(o.engine, o.scenario, o.loads)
	o.loads++
	l.Connections, l.WarmUp, l.Duration = connections, o.cfg.WarmUp, o.cfg.Duration
	return l
}

// open is an open loop.
func (o *overload) open(rate float64, d time.Duration, connections int) *Load {
	l := o.closed(connections)
	l.Rate, l.Duration = min(rate, rateMax), d
	return l
}

// steady is an open loop at the steady rate.
func (o *overload) steady(d time.Duration, connections int) *Load {
	return o.open(o.result.Peak.GoodPerSecond*o.cfg.Steady, d, connections)
}

func (o *overload) run(ctx context.Context, l *Load) (*Sample, error) {
	l.Watch = o.progress.begin(l.WarmUp+l.Duration, false)
	return l.Run(ctx)
}

// strain asks too much, and looks how soon everything is normal again. What was asked for and not sent is
// forgotten; what is under way is not.
func (o *overload) strain(ctx context.Context, name string, load *Load) (OverloadPhase, error) {
	over := make(chan struct{})
	load.Over = func() { close(over) }
	type outcome struct {
		sample *Sample
		err    error
	}
	strained := make(chan outcome, 1)
	go func() {
		sample, err := o.run(ctx, load)
		strained <- outcome{sample, err}
	}()
	<-over
	back := o.steady(o.cfg.Recovery, o.cfg.Connections*o.cfg.ConnectionTimes)
	back.WarmUp, back.Slice = 0, recoverySlice
	recovery, err := o.run(ctx, back)
	strain := <-strained
	if strain.err != nil {
		return OverloadPhase{}, strain.err
	}
	if err != nil {
		return OverloadPhase{}, err
	}
	phase := o.phase(name, strain.sample, load.Connections)
	limit := max(latencyGoal, latencySlack*o.result.Steady.Latency.P99)
	phase.NormalAfter = normalAfter(recovery.Slices, back.Rate*recoverySlice.Seconds(), limit)
	phase.ServerMemory.End = recovery.Memory.End
	phase.Recovery = latencyOf(recovery.Latency)
	o.progress.pause()
	o.benchmark.cfg.Logger.Info("measured", "engine", o.engine.name, "phase", name, "good_per_second", int64(phase.GoodPerSecond), "refused", phase.Refused)
	return phase, nil
}

// phase makes the result of a sample.
func (o *overload) phase(name string, s *Sample, connections int) OverloadPhase {
	p := OverloadPhase{
		Name: name, Connections: connections, GoodPerSecond: s.Rate(), Latency: latencyOf(s.Latency),
		Errors: s.Errors, FirstError: s.FirstError, Refused: s.Refused, RefusedWithRetryAfter: s.RetryAfter,
		ServerMemory: MemoryResult(s.Memory),
	}
	if s.Refused > 0 {
		l := latencyOf(s.Refusal)
		p.RefusalLatency = &l
	}
	if peak := o.result.Peak.GoodPerSecond; peak > 0 {
		p.OfPeak = p.GoodPerSecond / peak
	}
	if s.Pace.Due > 0 {
		due := float64(s.Pace.Due)
		p.OfferedPerSecond = due / s.Elapsed.Seconds()
		p.Unsent, p.Late, p.LateMax = float64(s.Pace.Unsent)/due, float64(s.Pace.Late)/due, milliseconds(int64(s.Pace.LateMax))
	}
	return p
}

// normalAfter returns after how many seconds everything was normal: good answers to almost all that was due, within
// the limit. It is -1 when that never came.
func normalAfter(slices []Slice, due, limit float64) float64 {
	calm := 0
	for i := range slices {
		s := &slices[i]
		if float64(s.Good) < normalPart*due || percentile(s.Latency, 99) > limit {
			calm = 0
			continue
		}
		if calm++; calm == recoveryCalm {
			return float64(i+1-recoveryCalm) * recoverySlice.Seconds()
		}
	}
	return -1
}
