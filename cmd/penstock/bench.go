package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

// benchCommands are what can be measured, and what can be done with the results.
type benchCommands struct {
	Run      benchRunCommand      `cmd:"" default:"withargs" help:"Measure scenarios on Penstock and on peers in the same run."`
	Overload benchOverloadCommand `cmd:"" help:"Measure what Penstock does when more is asked of it than it can do, and how soon it is normal again."`
	Compare  benchCompareCommand  `cmd:"" help:"Say which of two results is better, as far as their rounds can tell."`
}

// benchFlags say what is measured on.
type benchFlags struct {
	Stores      []string `default:"pebble" help:"Stores to measure Penstock on, a server each: pebble, postgres."`
	DatabaseURL string   `name:"database-url" placeholder:"URL" help:"Database for the store postgres: one on this machine, with the schema and no other use. Orders of the run stay in it; peers get databases of their own beside it. A PostgreSQL is started for the run when this is not given."`
	Connections int      `default:"64" help:"Keep-alive connections: the most requests that are under way."`
	Products    int      `default:"10000" help:"Products that are asked for and ordered."`
	Orders      int      `default:"0" help:"Orders of the past year that are made up before, in stores that hold none."`
	Seed        uint64   `default:"1" help:"Seed of all random choices."`
	Data        string   `placeholder:"DIR" help:"Directory for the stores of the run, on the disk to measure. A temporary one by default."`
	JSON        bool     `name:"json" help:"Print one JSON document."`
}

// config begins a configuration.
func (f *benchFlags) config(p *process) bench.Config {
	return bench.Config{
		Stores: f.Stores, DatabaseURL: f.DatabaseURL, Connections: f.Connections, Products: f.Products, Orders: f.Orders,
		Seed: f.Seed, Data: f.Data, JSON: f.JSON, Logger: p.log.With("logger", "bench"), Terminal: p.stderr,
	}
}

// benchRunCommand measures Penstock beside peers.
type benchRunCommand struct {
	Scenarios []string `arg:"" name:"scenario" help:"What to measure: order (2 random items), order-hot (one of them is the same in every order), order-zipf (few products are wanted much), product-read, product-list, search, mixed (a day of all of these), analytics, fan-out (events of orders that are each followed over a WebSocket)."`

	benchFlags

	Peers       []string      `default:"echo" help:"What to measure in the same rounds: echo (answers the same bytes and does nothing else), rowlock (a PostgreSQL transaction an order), statement (one SQL statement an order), redis (one script an order). redis and a PostgreSQL are started when they are needed and not given."`
	RedisURL    string        `name:"redis-url" placeholder:"URL" help:"Redis for the peer of that name: an empty one on this machine, emptied again after the run."`
	Rate        float64       `default:"0" placeholder:"N" help:"Requests a second, whatever the answers do: an open loop, in which latency counts from when a request was due. 0 is a closed loop: each connection sends its next request when the last one is answered."`
	Duration    time.Duration `default:"10s" help:"How long each engine is measured in each round."`
	WarmUp      time.Duration `default:"2s" help:"How long each engine runs in each round before it is measured."`
	Subscribers int           `placeholder:"N" help:"Subscribers of the scenario fan-out, each with an order to follow over a WebSocket. 1,000 by default, or as many as the limit of open files allows (ulimit -n, less 1,200)."`
	Rounds      int           `default:"3" help:"Rounds, in which the engines take turns. The medians are reported, and 95 % intervals over the rounds."`
}

// Help explains what is measured.
func (c *benchRunCommand) Help() string {
	return "Starts a server and the peers as processes of their own on this machine, so that the CPU time of each can be told apart, and stops them again. " +
		"Compare ratios to a peer of the same run, not figures of different runs. docs/benchmarks.md says how to read the results. " +
		"See also: penstock bench overload, penstock bench compare."
}

// Run measures and prints the results.
func (c *benchRunCommand) Run(ctx context.Context, p *process) error {
	cfg := c.config(p)
	cfg.Scenarios, cfg.Peers, cfg.RedisURL = c.Scenarios, c.Peers, c.RedisURL
	cfg.Rate, cfg.Duration, cfg.WarmUp, cfg.Rounds, cfg.Subscribers = c.Rate, c.Duration, c.WarmUp, c.Rounds, c.Subscribers
	return benchError(bench.Run(ctx, cfg, p.stdout))
}

// benchError tells a configuration that is wrong from a measurement that failed.
func benchError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bench.ErrConfig):
		return &exitError{code: exitUsage, err: fmt.Errorf("bench: %w", err), hint: `Run "penstock bench --help" to see what there is.`}
	default:
		return fmt.Errorf("bench: %w", err)
	}
}
