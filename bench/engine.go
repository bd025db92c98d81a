package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	readyTimeout = 30 * time.Second
	stopPatience = 15 * time.Second
)

// engine is a server process under measurement.
type engine struct {
	name    string
	process *Process
	backend account  // what else computes for it: its database; nil when there is nothing
	catalog *Catalog // its products
	peer    bool     // it need not serve everything
}

// account is the CPU time of something.
type account interface{ CPU() (time.Duration, error) }

// cpu reads the engine's account.
func (e *engine) cpu() (c CPU, err error) {
	if c.Server, err = e.process.CPU(); err == nil && e.backend != nil {
		c.Database, err = e.backend.CPU()
	}
	return c, err
}

// benchmark is one run: its engines, and what they stand on.
type benchmark struct {
	cfg         *Config
	dir         string
	environment Environment
	postgres    *postgres // nil when nothing stands on it
	redis       *redisServer
	engines     []*engine // Penstock, a store each, then the peers; the echo is started for each scenario
	fsyncs      []float64
	progress    *meter
	// nonce keeps this run's idempotency keys and databases apart from those of earlier runs.
	nonce string
}

// startBenchmark starts everything that a run measures.
func startBenchmark(ctx context.Context, cfg *Config) (*benchmark, error) {
	dir, err := makeDir(cfg)
	if err != nil {
		return nil, err
	}
	b := &benchmark{cfg: cfg, dir: dir, nonce: strconv.FormatInt(time.Now().UnixNano(), 36), environment: fingerprint(ctx, cfg)}
	if err := b.start(ctx); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *benchmark) start(ctx context.Context) (err error) {
	if b.cfg.needsPostgres() {
		if b.postgres, err = startPostgres(ctx, b.cfg); err != nil {
			return err
		}
		if b.environment.Postgres, err = b.postgres.settings(ctx); err != nil {
			return err
		}
	}
	for _, store := range b.cfg.Stores {
		if err := b.startStore(ctx, store); err != nil {
			return fmt.Errorf("start penstock on %s: %w", store, err)
		}
	}
	if err := b.startPeers(ctx); err != nil {
		return err
	}
	if b.postgres != nil {
		if err := b.postgres.settle(ctx); err != nil {
			return err
		}
	}
	return b.calm(ctx)
}

// stop ends everything and removes what it left.
func (b *benchmark) stop() {
	var errs []error
	for _, e := range b.engines {
		e.process.Stop(stopPatience)
	}
	if b.redis != nil {
		errs = append(errs, b.redis.close())
	}
	if b.postgres != nil {
		errs = append(errs, b.postgres.close())
	}
	errs = append(errs, os.RemoveAll(b.dir))
	if err := errors.Join(errs...); err != nil {
		b.cfg.Logger.Warn("something of the run is left behind", "error", err)
	}
}

// echoes reports whether the echo is measured.
func (b *benchmark) echoes() bool { return slices.Contains(b.cfg.Peers, peerEcho) }

// startStore fills a store, starts a server on it and looks at its products.
func (b *benchmark) startStore(ctx context.Context, store string) error {
	place := storePlace{store: store, dir: filepath.Join(b.dir, "store")}
	if store == storePostgres {
		var err error
		if place.url, err = b.postgres.storeURL(ctx, b.cfg); err != nil {
			return err
		}
	}
	if err := b.seed(ctx, place); err != nil {
		return err
	}
	server, err := startPenstock(ctx, b.cfg, place)
	if err != nil {
		return err
	}
	b.engines = append(b.engines, server)
	if store == storePostgres {
		server.backend = b.postgres.process
	}
	server.catalog, err = b.catalog(ctx, server)
	return err
}

// storePlace says where a store is.
type storePlace struct{ store, dir, url string }

// environment keeps the database's URL off the command line, which everybody sees.
func (p *storePlace) environment() []string { return []string{"PENSTOCK_DATABASE_URL=" + p.url} }

// seed makes up the past of a store that has none. A process of its own does it, so that this one's memory stays
// small.
func (b *benchmark) seed(ctx context.Context, place storePlace) error {
	b.cfg.Logger.Info("making up a past", "store", place.store, "orders", b.cfg.Orders, "products", b.productsMade())
	return runTool(ctx, b.cfg, place.environment(), "seed", "--if-empty", "--store", place.store, "--data", place.dir,
		"--orders", strconv.Itoa(b.cfg.Orders), "--products", strconv.Itoa(b.productsMade()),
		"--seed", strconv.FormatUint(b.cfg.Seed, 10))
}

// productsMade is how many products an empty store is given: one more than are asked for, the hot one.
func (b *benchmark) productsMade() int { return max(b.cfg.Products+1, productsMin) }

// productsMin is how many products a past needs.
const productsMin = 5

// startPenstock starts a server as it is in production, but for three things. Its access log has errors
// only, since the peers write none; orders of earlier runs on the same database do not expire in the
// middle of this one; and it takes as many subscribers as there are.
func startPenstock(ctx context.Context, cfg *Config, place storePlace) (*engine, error) {
	command := []string{
		cfg.Executable, "serve", "--listen", "127.0.0.1:0", "--store", place.store, "--data", place.dir,
		"--http-access-log", "errors", "--log-level", "warn", "--engine-payment-timeout", "72h",
	}
	if cfg.Subscribers > 0 {
		// Those of a stretch may still be leaving when those of the next one come.
		both := strconv.Itoa(2 * cfg.Subscribers)
		command = append(command, "--http-subscribers-max", both, "--http-subscribers-per-address-max", both,
			"--http-connections-max", strconv.Itoa(2*cfg.Subscribers+connectionsSpare))
	}
	process, err := StartProcess(ctx, place.environment(), command...)
	if err != nil {
		return nil, err
	}
	if err := WaitReady(ctx, process, readyTimeout); err != nil {
		process.Kill()
		return nil, err
	}
	return &engine{name: "penstock-" + place.store, process: process}, nil
}

// connectionsSpare is how many connections a server takes beside those of subscribers: its default.
const connectionsSpare = 10_000

// catalog looks at an engine's products, and makes those that are missing: on a database that was used
// before there may be too few.
func (b *benchmark) catalog(ctx context.Context, e *engine) (*Catalog, error) {
	catalog, err := ReadCatalog(ctx, e.process.Address, b.cfg.Products)
	if err != nil || catalog.Hot != "" {
		return catalog, err
	}
	missing := b.cfg.Products + 1 - len(catalog.Products)
	b.cfg.Logger.Info("making products", "engine", e.name, "products", missing)
	made, err := SeedProducts(ctx, e.process.Address, missing, b.cfg.Seed)
	if err != nil {
		return nil, err
	}
	catalog.Products = append(catalog.Products, made...)
	last := len(catalog.Products) - 1
	catalog.Products, catalog.Hot = catalog.Products[:last], catalog.Products[last]
	return catalog, nil
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
	var answer Answer
	if err := ask(ctx, address, request, &answer); err != nil {
		return false, err
	}
	if answer.Status != 200 {
		return false, fmt.Errorf("/readyz answered %d %s", answer.Status, answer.Body)
	}
	return true, nil
}

// ask sends one request on a connection of its own.
func ask(ctx context.Context, address string, request []byte, answer *Answer) error {
	conn, err := Dial(ctx, address, readyTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(readyTimeout)); err != nil {
		return fmt.Errorf("bound the request: %w", err)
	}
	return conn.Do(request, answer)
}
