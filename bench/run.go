package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	fsyncProbe   = 500 * time.Millisecond
	readyTimeout = 30 * time.Second
	stopPatience = 15 * time.Second
)

// engine is a server process under measurement.
type engine struct {
	name     string
	process  *Process
	database *database // nil when it has none of its own
	catalog  *Catalog  // its products
}

// cpu reads the engine's account.
func (e *engine) cpu() (c CPU, err error) {
	if c.Server, err = e.process.CPU(); err == nil && e.database != nil {
		c.Database, err = e.database.CPU()
	}
	return c, err
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

	bench := &benchmark{cfg: cfg, dir: dir, nonce: strconv.FormatInt(time.Now().UnixNano(), 36)}
	defer bench.stop()
	for _, store := range cfg.Stores {
		if err := bench.start(ctx, store); err != nil {
			return nil, err
		}
	}

	document := &Document{Environment: fingerprint()}
	e := &document.Environment
	e.Stores, e.Connections, e.Rounds = cfg.Stores, cfg.Connections, cfg.Rounds
	e.DurationSeconds, e.Products, e.Seed = cfg.Duration.Seconds(), cfg.Products, cfg.Seed
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

// benchmark is one run, from scenario to scenario.
type benchmark struct {
	cfg     *Config
	dir     string
	servers []*engine // Penstock, a store each
	fsyncs  []float64
	// nonce keeps this run's idempotency keys apart from those of earlier runs on the same database.
	nonce string
}

// start starts a server on a store and makes its products.
func (b *benchmark) start(ctx context.Context, store string) error {
	dir := filepath.Join(b.dir, "store")
	if b.cfg.Fill != nil {
		if err := b.cfg.Fill(ctx, store, dir); err != nil {
			return fmt.Errorf("fill the store %s: %w", store, err)
		}
	}
	server, err := startPenstock(ctx, b.cfg, store, dir)
	if err != nil {
		return err
	}
	b.servers = append(b.servers, server)
	if store == storePostgres {
		if server.database, err = findDatabase(ctx, b.cfg.DatabaseURL); err != nil {
			return err
		}
	}
	b.cfg.Logger.Info("making products", "engine", server.name, "products", b.cfg.Products)
	server.catalog, err = SeedProducts(ctx, server.process.Address, b.cfg.Products, b.cfg.Seed)
	return err
}

func (b *benchmark) stop() {
	for _, server := range b.servers {
		server.process.Stop(stopPatience)
	}
}

// startPenstock starts a server as it is in production, but for two things. Its access log has errors
// only, since the peers write none; and orders of earlier runs on the same database do not expire in the
// middle of this one.
func startPenstock(ctx context.Context, cfg *Config, store, data string) (*engine, error) {
	url := ""
	if store == storePostgres {
		url = cfg.DatabaseURL
	}
	env := []string{"PENSTOCK_DATABASE_URL=" + url} // not on the command line, which everybody sees
	process, err := StartProcess(ctx, env, cfg.Executable, "serve", "--listen", "127.0.0.1:0", "--store", store,
		"--data", data, "--http-access-log", "errors", "--log-level", "warn", "--engine-payment-timeout", "72h")
	if err != nil {
		return nil, err
	}
	if err := WaitReady(ctx, process, readyTimeout); err != nil {
		process.Kill()
		return nil, err
	}
	return &engine{name: "penstock-" + store, process: process}, nil
}

func (b *benchmark) scenario(ctx context.Context, name string) ([]Result, error) {
	scenario, err := ScenarioNamed(name)
	if err != nil {
		return nil, err
	}
	engines := b.servers
	if slices.Contains(b.cfg.Peers, peerEcho) {
		echo, err := b.startEcho(ctx, &scenario)
		if err != nil {
			return nil, err
		}
		defer echo.process.Stop(stopPatience)
		engines = append([]*engine{echo}, b.servers...)
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
		Want: scenario.Want, CPU: engine.cpu,
		Source: func(connection int) Source {
			return scenario.Source(engine.catalog, Stream{
				Seed: b.cfg.Seed, Name: scenario.Name + "-" + b.nonce, Round: round, Connection: connection,
			})
		},
	}
	return load.Run(ctx)
}

// startEcho lets the server answer one request of the scenario and starts a peer that repeats that
// answer.
func (b *benchmark) startEcho(ctx context.Context, scenario *Scenario) (*engine, error) {
	server := b.servers[0]
	source := scenario.Source(server.catalog, Stream{Seed: b.cfg.Seed, Name: scenario.Name + "-captured-" + b.nonce, Connection: b.cfg.Connections})
	answer, err := capture(ctx, server.process.Address, source(nil))
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
	return &engine{name: peerEcho, process: process, catalog: server.catalog}, nil
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
