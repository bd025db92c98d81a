package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/persistence"
)

// benchCommand measures Penstock beside peers.
type benchCommand struct {
	Scenarios   []string      `arg:"" name:"scenario" help:"What to measure: order (2 random items of all products) or order-hot (one of the items is the same in every order)."`
	Stores      []string      `default:"pebble" help:"Stores to measure Penstock on, a server each: pebble, postgres."`
	DatabaseURL string        `name:"database-url" placeholder:"URL" help:"Database for the store postgres: one on this machine, with the schema and no other use. Orders of the run stay in it."`
	Peers       []string      `default:"echo" help:"What to measure in the same rounds: echo (answers the same bytes and does nothing else)."`
	Connections int           `default:"64" help:"Keep-alive connections; each sends its next request when the last one is answered."`
	Duration    time.Duration `default:"10s" help:"How long each engine is measured in each round."`
	WarmUp      time.Duration `default:"2s" help:"How long each engine runs in each round before it is measured."`
	Rounds      int           `default:"3" help:"Rounds, in which the engines take turns. The medians are reported."`
	Products    int           `default:"10000" help:"Products that are made before."`
	Orders      int           `default:"0" help:"Orders that are stored before, in a store that holds none."`
	Seed        uint64        `default:"1" help:"Seed of all random choices."`
	Data        string        `placeholder:"DIR" help:"Directory for the store of the run, on the disk to measure. A temporary one by default."`
	JSON        bool          `name:"json" help:"Print one JSON document."`
}

// Help explains what is measured.
func (c *benchCommand) Help() string {
	return "Starts a server and the peers as processes of their own on this machine, so that the CPU time of each can be told apart, and stops them again. " +
		"Compare ratios to a peer of the same run, not figures of different runs."
}

// Run measures and prints the results.
func (c *benchCommand) Run(ctx context.Context, p *process) error {
	var fill func(context.Context, string, string) error
	if c.Orders > 0 {
		fill = func(ctx context.Context, kind, dir string) error { return c.fill(ctx, p, kind, dir) }
	}
	err := bench.Run(ctx, bench.Config{
		Fill:      fill,
		Scenarios: c.Scenarios, Stores: c.Stores, DatabaseURL: c.DatabaseURL, Peers: c.Peers, Connections: c.Connections, Duration: c.Duration, WarmUp: c.WarmUp,
		Rounds: c.Rounds, Products: c.Products, Seed: c.Seed, JSON: c.JSON, Data: c.Data, Logger: p.log.With("logger", "bench"),
	}, p.stdout)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

// fill stores orders, unless there are some already.
func (c *benchCommand) fill(ctx context.Context, p *process, kind, dir string) (err error) {
	flags := newStoreFlags()
	flags.Store, flags.Data, flags.DatabaseURL = kind, dir, c.DatabaseURL
	store, err := flags.open(ctx, p.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	there, err := store.Orders(ctx, persistence.OrderQuery{Limit: 1})
	if err != nil || len(there) > 0 {
		return err
	}
	p.log.Info("storing orders", "logger", "bench", "store", kind, "orders", c.Orders)
	return bench.Fill(ctx, store, c.Orders, c.Seed)
}

// benchEchoCommand is the peer "echo", which bench starts.
type benchEchoCommand struct {
	Answer string `arg:"" help:"File with the answer to give."`
}

// Run serves until ctx ends.
func (c *benchEchoCommand) Run(ctx context.Context, p *process) error {
	if err := bench.Echo(ctx, c.Answer, p.stdout); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	return nil
}
