package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/bench/board"
	"github.com/penstock-dev/penstock/http"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// serveCommand serves the API on one node.
type serveCommand struct {
	Listen         string        `default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Address to serve on. The port 0 takes any that is free."`
	Auth           string        `default:"auto" placeholder:"WHEN" help:"Whether callers must prove who they are: auto (where others than this machine can reach the address), on or off."`
	InsecureNoAuth bool          `help:"Believe callers without proof on any address: everybody who can connect may do everything."`
	Demo           bool          `help:"Fill an empty store with a made-up catalogue, and print how to place an order."`
	Benchmarks     string        `default:"auto" placeholder:"WHEN" help:"Whether benchmarks of this server can be run through its API: auto (where it listens on loopback), on or off. Who may reach an address with them on may load the server."`
	GCPercent      int           `name:"gc-percent" default:"400" help:"How much the heap may grow between two garbage collections, in percent of what is live, as GOGC says it. Less memory costs CPU."`
	MemoryLimit    int64         `placeholder:"BYTES" default:"0" help:"Soft limit of the memory of the Go runtime, in bytes; near it garbage is collected more often. 0 is what GOMEMLIMIT says, or else 70 % of the machine's memory or of the control group's, whichever is less."`
	DrainTimeout   time.Duration `default:"20s" help:"How long requests that have begun may take to end after SIGTERM or SIGINT."`

	operationsFlags
	storeFlags

	// Flags of the packages' own settings.
	Engine any `embed:"" prefix:"engine-"`
	HTTP   any `embed:"" prefix:"http-"`
	Access any `embed:"" prefix:"auth-"`
	Rates  any `embed:"" prefix:"rate-"`
}

func newServeCommand() serveCommand {
	return serveCommand{
		storeFlags: newStoreFlags(), Engine: flagsOf(actors.Config{}), HTTP: flagsOf(http.Config{}),
		Access: flagsOf(access.Config{}), Rates: flagsOf(access.Rates{}),
	}
}

// Help explains how a server stops.
func (c *serveCommand) Help() string {
	return "SIGTERM and SIGINT drain: what has begun is finished, then the exit code is 0. A second signal ends the process at once; nothing acknowledged is lost by that either. " +
		"Logs are JSON lines on the error stream."
}

// Run serves until ctx ends, then drains.
func (c *serveCommand) Run(ctx context.Context, p *process) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	// A line for each request adds up: they are written together.
	logs := http.NewLogWriter(p.stderr)
	defer func() { err = errors.Join(err, logs.Close()) }()
	p.log = http.NewLogger(logs, p.level)
	node, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	return node.run(ctx)
}

// open takes the address and the store: what another process may have.
func (c *serveCommand) open(ctx context.Context, p *process) (*node, error) {
	debug.SetGCPercent(c.GCPercent)
	if err := limitMemory(c.MemoryLimit, p.log); err != nil {
		return nil, err
	}
	listener, err := listen(c.Listen)
	if err != nil {
		return nil, err
	}
	store, err := c.storeFlags.open(ctx, p.log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	operations, err := c.openOperations()
	if err != nil {
		return nil, errors.Join(err, listener.Close(), store.Close())
	}
	return &node{
		command: c, process: p, listener: listener, operations: operations, store: store, failed: make(chan error, 1),
	}, nil
}

// check refuses wrong settings before anything is started, and to believe strangers.
func (c *serveCommand) check() error {
	engine := c.engineConfig(slog.New(slog.DiscardHandler))
	if err := engine.Validate(); err != nil {
		return &exitError{code: exitConfig, err: err}
	}
	if err := c.checkAccess(); err != nil {
		return &exitError{
			code: exitConfig, err: err,
			hint: "By default (--auth=auto) callers are believed on loopback, and elsewhere prove who they are with an API key or a token.",
		}
	}
	if err := errors.Join(c.checkNumbers(), c.checkBenchmarks()); err != nil {
		return &exitError{code: exitConfig, err: err}
	}
	if err := c.storeFlags.check(); err != nil {
		return err
	}
	return c.checkTransport()
}

// checkNumbers names the first flag whose number is out of bounds. What belongs to the engine, to the
// HTTP server and to the store is checked there.
func (c *serveCommand) checkNumbers() error {
	switch {
	case c.GCPercent < 10 || c.GCPercent > 10_000:
		return fmt.Errorf("--gc-percent must be from 10 to 10000, but is %d", c.GCPercent)
	case c.MemoryLimit != 0 && c.MemoryLimit < memoryLimitMin:
		return fmt.Errorf("--memory-limit must be 0 or at least %d bytes, but is %d", memoryLimitMin, c.MemoryLimit)
	case c.DrainTimeout < 0:
		return fmt.Errorf("--drain-timeout must not be negative, but is %s", c.DrainTimeout)
	}
	return nil
}

func (c *serveCommand) engineConfig(log *slog.Logger) actors.Config {
	config := actors.Config{Logger: log.With("logger", "engine")}
	copyFlags(&config, c.Engine)
	return config
}

// node is one running server.
type node struct {
	command  *serveCommand
	process  *process
	listener net.Listener
	store    persistence.Store
	engine   *actors.Engine
	access   *access.Authenticator
	proof    bool // callers must prove who they are
	server   *http.Server
	board    *board.Board // nil when benchmarks are off
	failed   chan error   // what the node must not go on after

	operations *operations
}

// run brings the parts up in the order data flows down, waits, and takes them down in reverse.
func (n *node) run(ctx context.Context) error {
	registry := newRegistry()
	err := n.start(ctx, registry)
	if err == nil {
		err = n.serve(ctx)
	}
	if err := errors.Join(err, n.stop()); err != nil {
		return err
	}
	n.process.log.Info("stopped", "logger", "penstock")
	return nil
}

func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

func (n *node) start(ctx context.Context, registry *prometheus.Registry) (err error) {
	engineConfig := n.command.engineConfig(n.process.log)
	engineConfig.Fatal = n.fail
	if n.engine, err = actors.Open(ctx, n.store, engineConfig); err != nil {
		return n.command.openError(fmt.Errorf("open the engine: %w", err))
	}
	if err := registry.Register(n.engine); err != nil {
		return fmt.Errorf("register the engine's metrics: %w", err)
	}
	if err := n.openAccess(ctx); err != nil {
		return err
	}
	if err := n.openBenchmarks(); err != nil {
		return err
	}
	httpConfig := http.Config{
		Benchmarks: n.benchmarks(),
		Engine:     n.engine, Logger: n.process.log, Gatherer: registry, Registerer: registry,
		Version: readVersion().Version, NoAuth: n.command.InsecureNoAuth,
		OperationsApart: n.command.operationsApart(n.listener.Addr()),
	}
	copyFlags(&httpConfig, n.command.HTTP)
	n.accessOf(&httpConfig)
	if httpConfig.ConnectionsMax, err = fitConnections(httpConfig.ConnectionsMax, n.process.log); err != nil {
		return err
	}
	if n.server, err = http.New(httpConfig); err != nil {
		return &exitError{code: exitConfig, err: fmt.Errorf("start the HTTP server: %w", err)}
	}
	if n.command.Demo {
		return n.seedDemo(ctx)
	}
	return nil
}

// fail is told that the engine must not go on. It does not wait: the engine's committer calls it.
func (n *node) fail(err error) {
	select {
	case n.failed <- err:
	default: // the first reason is the one to tell
	}
}

// serve answers requests until ctx ends or the node fails.
func (n *node) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(n.listener) }()
	n.operations.serve(n.server)
	n.greet()
	select {
	case <-ctx.Done():
		return n.drain(served)
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case err := <-n.failed:
		if errors.Is(err, persistence.ErrFenced) {
			n.lastWords(served)
		}
		return n.judge(err)
	}
}

// lastWords lets a server that has been fenced answer who is still waiting: each is told that nothing was
// done here, or that the outcome is unknown.
func (n *node) lastWords(served <-chan error) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWordsTimeout)
	defer cancel()
	err := n.server.Shutdown(ctx)
	if err == nil {
		err = <-served
	}
	if err != nil {
		n.process.log.Warn("some requests could not be answered any more", "logger", "penstock", "error", err)
	}
}

// lastWordsTimeout is short: the engine has answered everybody already.
const lastWordsTimeout = time.Second

// judge says why the engine had to stop, and what to do.
func (n *node) judge(err error) error {
	if errors.Is(err, pgstore.ErrOlderState) {
		return &exitError{
			code: exitNotAllowed,
			err:  fmt.Errorf("%s is in an older state than this server left it in, so this one has ended: %w", n.command.where(), err),
			hint: "It was restored from a backup, a standby that was behind has taken over, or it is another database. Orders that were acknowledged after that state was taken are not in it. " +
				"Compare payments and parcels with the orders that are there; then start penstock again: it goes on from what the database has.",
		}
	}
	if errors.Is(err, persistence.ErrFenced) {
		return &exitError{
			code: exitNotAllowed,
			err:  fmt.Errorf("another penstock has taken over %s, so this one has ended: %w", n.command.where(), err),
			hint: "Nothing that was acknowledged is lost, and nothing is sold twice. Who got no answer repeats the request with its idempotency key. " +
				"One server at a time serves a store: start this one again only when the other has stopped, or they take it from each other in turn.",
		}
	}
	return &exitError{
		code: exitInternal,
		err:  fmt.Errorf("the engine had to stop: %w", err),
		hint: "Nothing that was acknowledged is lost. Start penstock again.",
	}
}

// drain lets what has begun end, for as long as that may take.
func (n *node) drain(served <-chan error) error {
	n.process.log.Info("draining", "logger", "penstock", "timeout", n.command.DrainTimeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), n.command.DrainTimeout)
	defer cancel()
	if n.board != nil {
		n.board.Close(ctx) // it archives its products through the server, which must still serve
	}
	if err := errors.Join(n.server.Shutdown(ctx), n.engine.Close(ctx), <-served, n.operations.wait()); err != nil {
		return &exitError{
			code: exitFailed, err: fmt.Errorf("drain: %w", err),
			hint: "Some requests were cut off before they were answered. Nothing that was acknowledged is lost.",
		}
	}
	return nil
}

// stop releases whatever start and serve have left. After a failure the engine is not waited for:
// it must not go on.
func (n *node) stop() error {
	var errs []error
	if n.board != nil {
		n.board.Close(noPatience())
	}
	errs = append(errs, n.operations.close())
	if err := n.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		errs = append(errs, err)
	}
	if n.access != nil {
		n.access.Close()
	}
	if n.engine != nil {
		at, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		errs = append(errs, n.engine.Close(at))
	}
	if err := n.store.Close(); err != nil {
		errs = append(errs, &exitError{code: exitIO, err: fmt.Errorf("close the store in %s: %w", n.command.where(), err)})
	}
	return errors.Join(errs...)
}

// stopTimeout bounds the end of an engine that has not been drained: nobody waits for an answer.
const stopTimeout = 2 * time.Second

// noPatience is a context that has ended.
func noPatience() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// greet tells a human what is served, and on what terms.
func (n *node) greet() {
	c := n.command
	where := c.where()
	n.process.printf("%s\n", readVersion())
	n.process.printf("  listening  %s  (API under /api/v2, described at /openapi.json)\n", n.base())
	n.process.printf("  data       %s (%s)\n", where, c.Store)
	if n.board != nil {
		n.process.printf("  benchmarks %s/api/v2/benchmarks/dashboard\n", n.base())
	}
	n.process.printf("  callers    %s\n", n.callers())
	if where := n.whereOperations(); where != "" {
		n.process.printf("  operations %s\n", where)
	}
	n.process.printf("  stop       Ctrl-C: finishes what has begun\n")
	n.process.log.Info("serving", "logger", "penstock", "address", n.listener.Addr().String(), "data", where, "store", c.Store)
	if c.Demo {
		n.showDemo()
	}
}

// base returns the URL that this node answers at.
func (n *node) base() string {
	if n.command.encrypted() {
		return "https://" + n.listener.Addr().String()
	}
	return "http://" + n.listener.Addr().String()
}
