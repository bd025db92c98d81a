package main

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/bench"
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
	err := bench.Run(ctx, bench.Config{
		Scenarios: c.Scenarios, Stores: c.Stores, DatabaseURL: c.DatabaseURL, Peers: c.Peers, Connections: c.Connections, Duration: c.Duration, WarmUp: c.WarmUp,
		Rounds: c.Rounds, Products: c.Products, Seed: c.Seed, JSON: c.JSON, Data: c.Data, Logger: p.log.With("logger", "bench"),
	}, p.stdout)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
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
