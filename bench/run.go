package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

const fsyncProbe = 500 * time.Millisecond

// Run starts Penstock and the peers as processes of their own, measures each scenario in
// interleaved rounds, and prints a Document to stdout: as a table, or as JSON.
func Run(ctx context.Context, cfg Config, stdout io.Writer) error {
	full, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	document, err := measure(ctx, full)
	if err != nil {
		return err
	}
	if full.JSON {
		return writeJSON(stdout, document)
	}
	return document.writeTable(stdout)
}

func measure(ctx context.Context, cfg *Config) (*Document, error) {
	b, err := startBenchmark(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	document := &Document{Environment: b.environment}
	skip, err := b.tryAll(ctx)
	if err != nil {
		return nil, err
	}
	b.progress = startProgress(cfg, b.measurements(skip))
	defer b.progress.pause()
	for _, name := range cfg.Scenarios {
		results, err := b.scenario(ctx, name, skip)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", name, err)
		}
		document.Results = append(document.Results, results...)
	}
	document.Environment.FsyncsPerSecond = median(b.fsyncs)
	document.Skipped = skip
	return document, nil
}

// measurements is how many there will be.
func (b *benchmark) measurements(skip []Skipped) int {
	engines := len(b.engines)
	if b.echoes() {
		engines++
	}
	return (engines*len(b.cfg.Scenarios) - len(skip)) * b.cfg.Rounds
}

// scenario measures all engines that serve a scenario in interleaved rounds.
func (b *benchmark) scenario(ctx context.Context, name string, skip []Skipped) ([]Result, error) {
	scenario, err := ScenarioNamed(name)
	if err != nil {
		return nil, err
	}
	engines := b.serving(name, skip)
	if b.echoes() {
		echo, err := b.startEcho(ctx, &scenario)
		if err != nil {
			return nil, err
		}
		defer echo.process.Stop(stopPatience)
		engines = append([]*engine{echo}, engines...)
	}
	samples := make(map[string][]*Sample)
	for round := range b.cfg.Rounds {
		rate, err := FsyncRate(b.dir, fsyncProbe)
		if err != nil {
			return nil, err
		}
		b.fsyncs = append(b.fsyncs, rate)
		for i := range engines {
			engine := engines[(i+round)%len(engines)] // nobody always comes after the same one
			sample, err := b.round(ctx, engine, &scenario, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w; its output:\n%s", engine.name, err, engine.process.Output())
			}
			samples[engine.name] = append(samples[engine.name], sample)
			b.progress.pause()
			b.cfg.Logger.Info("measured", "scenario", name, "engine", engine.name, "round", round+1,
				"operations_per_second", int64(sample.Rate()), "cpu_us_per_operation", cost(sample),
				"errors", sample.Errors, "refused", sample.Refused)
		}
	}
	var results []Result
	for _, engine := range engines {
		results = append(results, Summarize(engine.name, &scenario, samples[engine.name], samples[peerEcho]))
	}
	return results, nil
}

const (
	// stalledMax is the longest time for which the generator may stand still in a round that counts: a machine that
	// gave it no time gave the server none either.
	stalledMax = 500 * time.Millisecond
	// triesMax is how often a round is tried.
	triesMax = 3
)

// round measures one engine once. A round in which the machine stood still is measured again.
func (b *benchmark) round(ctx context.Context, engine *engine, scenario *Scenario, round int) (sample *Sample, err error) {
	for try := range triesMax {
		load := b.load(engine, scenario, round*triesMax+try)
		load.WarmUp, load.Duration, load.Rate = b.cfg.WarmUp, b.cfg.Duration, b.cfg.Rate
		load.Watch = b.progress.begin(b.cfg.WarmUp+b.cfg.Duration, try > 0)
		if scenario.Followed {
			sample, err = b.fanOut(ctx, engine, load, round*triesMax+try)
		} else {
			sample, err = load.Run(ctx)
		}
		if err != nil {
			return nil, err
		}
		sample.Repeated = try
		if sample.Stalled < stalledMax {
			break
		}
		b.progress.pause()
		b.cfg.Logger.Warn("the machine stood still", "scenario", scenario.Name, "engine", engine.name, "round", round+1, "for", sample.Stalled.String())
	}
	return sample, nil
}

// load is the load of a scenario on an engine; how long and how fast is the caller's. stream keeps its
// random choices and its keys apart from those of other loads of the run.
func (b *benchmark) load(engine *engine, scenario *Scenario, stream int) *Load {
	return &Load{
		Address: engine.process.Address, Connections: b.cfg.Connections,
		Kinds: scenario.Kinds(), CPU: engine.cpu, Memory: engine.process.Memory,
		Requests: func(connection int) Requests {
			return scenario.Requests(engine.catalog, Stream{
				Seed: b.cfg.Seed, Name: scenario.Name + "-" + b.nonce, Round: stream, Connection: connection,
			})
		},
	}
}

// makeDir makes the run's folder.
func makeDir(cfg *Config) (string, error) {
	dir, err := os.MkdirTemp(cfg.Data, "penstock-bench-*")
	if err != nil {
		return "", fmt.Errorf("make a folder for the run: %w", err)
	}
	return dir, nil
}
