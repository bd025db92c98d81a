package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	enginePebble = "penstock-pebble"

	fsyncProbe   = 500 * time.Millisecond
	readyTimeout = 30 * time.Second
	stopPatience = 15 * time.Second
)

// engine is a server process under measurement.
type engine struct {
	name    string
	process *Process
}

// Run starts Penstock and the peers as processes of their own, measures each scenario in
// interleaved rounds, and prints a Document to stdout: as a table, or as JSON.
func Run(ctx context.Context, cfg Config, stdout io.Writer) error {
	full, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("configure the benchmark: %w", err)
	}
	document, err := measure(ctx, full)
	if err != nil {
		return err
	}
	if full.JSON {
		return document.writeJSON(stdout)
	}
	return document.writeTable(stdout)
}

func measure(ctx context.Context, cfg *Config) (*Document, error) {
	dir, err := os.MkdirTemp(cfg.Data, "penstock-bench-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the run: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	server, err := startPenstock(ctx, cfg, filepath.Join(dir, "store"))
	if err != nil {
		return nil, err
	}
	defer server.process.Stop(stopPatience)
	cfg.Logger.Info("making products", "products", cfg.Products)
	catalog, err := SeedProducts(ctx, server.process.Address, cfg.Products, cfg.Seed)
	if err != nil {
		return nil, err
	}

	document := &Document{Environment: fingerprint()}
	e := &document.Environment
	e.Store, e.Connections, e.Rounds = "pebble", cfg.Connections, cfg.Rounds
	e.DurationSeconds, e.Products, e.Seed = cfg.Duration.Seconds(), cfg.Products, cfg.Seed
	bench := &benchmark{cfg: cfg, dir: dir, server: server, catalog: catalog}
	for _, name := range cfg.Scenarios {
		results, err := bench.scenario(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", name, err)
		}
		document.Results = append(document.Results, results...)
	}
	e.FsyncsPerSecond = median(bench.fsyncs)
	return document, nil
}

// startPenstock starts a server as it is in production, but for the access log, which the peers do
// not write either: it logs errors only.
func startPenstock(ctx context.Context, cfg *Config, data string) (*engine, error) {
	process, err := StartProcess(ctx, nil, cfg.Executable, "serve", "--listen", "127.0.0.1:0", "--store", "pebble",
		"--data", data, "--http-access-log", "errors", "--log-level", "warn")
	if err != nil {
		return nil, err
	}
	if err := WaitReady(ctx, process, readyTimeout); err != nil {
		process.Kill()
		return nil, err
	}
	return &engine{name: enginePebble, process: process}, nil
}

// benchmark is one run, from scenario to scenario.
type benchmark struct {
	cfg     *Config
	dir     string
	server  *engine
	catalog *Catalog
	fsyncs  []float64
}

func (b *benchmark) scenario(ctx context.Context, name string) ([]Result, error) {
	scenario, err := ScenarioNamed(name)
	if err != nil {
		return nil, err
	}
	engines := []*engine{b.server}
	if slices.Contains(b.cfg.Peers, peerEcho) {
		echo, err := b.startEcho(ctx, &scenario)
		if err != nil {
			return nil, err
		}
		defer echo.process.Stop(stopPatience)
		engines = []*engine{echo, b.server}
	}
	samples := make(map[string][]*Sample)
	for round := range b.cfg.Rounds {
		rate, err := FsyncRate(b.dir, fsyncProbe)
		if err != nil {
			return nil, err
		}
		b.fsyncs = append(b.fsyncs, rate)
		for _, engine := range engines {
			sample, err := b.round(ctx, engine, &scenario, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w; its output:\n%s", engine.name, err, engine.process.Output())
			}
			samples[engine.name] = append(samples[engine.name], sample)
			b.cfg.Logger.Info("measured", "scenario", name, "engine", engine.name, "round", round+1,
				"operations_per_second", int64(float64(sample.Operations)/sample.Elapsed.Seconds()),
				"cpu_us_per_operation", cost(sample), "errors", sample.Errors)
		}
	}
	var results []Result
	for _, engine := range engines {
		results = append(results, summarize(engine.name, name, samples[engine.name], samples[peerEcho]))
	}
	return results, nil
}

func (b *benchmark) round(ctx context.Context, engine *engine, scenario *Scenario, round int) (*Sample, error) {
	load := &Load{
		Address: engine.process.Address, Connections: b.cfg.Connections, WarmUp: b.cfg.WarmUp, Duration: b.cfg.Duration,
		Want: scenario.Want, CPU: engine.process.CPU,
		Source: func(connection int) Source {
			return scenario.Source(b.catalog, Stream{
				Seed: b.cfg.Seed, Name: scenario.Name, Round: round, Connection: connection,
			})
		},
	}
	return load.Run(ctx)
}

// startEcho lets the server answer one request of the scenario and starts a peer that repeats that
// answer.
func (b *benchmark) startEcho(ctx context.Context, scenario *Scenario) (*engine, error) {
	source := scenario.Source(b.catalog, Stream{Seed: b.cfg.Seed, Name: scenario.Name + "-captured", Connection: b.cfg.Connections})
	answer, err := capture(ctx, b.server.process.Address, source(nil))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, scenario.Name+".answer")
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		return nil, fmt.Errorf("keep the answer to echo: %w", err)
	}
	process, err := StartProcess(ctx, nil, b.cfg.Executable, "bench-echo", file)
	if err != nil {
		return nil, err
	}
	return &engine{name: peerEcho, process: process}, nil
}

// WaitReady asks the server's /readyz until it is ready, every 2 ms and at most for the time given.
func WaitReady(ctx context.Context, process *Process, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request := AppendRequest(nil, &Request{Method: "GET", Path: "/readyz"})
	retry := time.NewTicker(2 * time.Millisecond)
	defer retry.Stop()
	for {
		ready, err := askReady(ctx, process.Address, request)
		if ready {
			return nil
		}
		select {
		case <-retry.C:
		case <-process.Done():
			return fmt.Errorf("the server ended before it was ready; its output:\n%s", process.Output())
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready within %s: %w", patience, err)
		}
	}
}

func askReady(ctx context.Context, address string, request []byte) (bool, error) {
	conn, err := Dial(ctx, address, readyTimeout)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(readyTimeout)); err != nil {
		return false, err
	}
	var answer Answer
	if err := conn.Do(request, &answer); err != nil {
		return false, err
	}
	if answer.Status != 200 {
		return false, fmt.Errorf("/readyz answered %d %s", answer.Status, answer.Body)
	}
	return true, nil
}
