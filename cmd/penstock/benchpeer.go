package main

import (
	"context"
	"fmt"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/bench/peer"
)

// benchEchoCommand is the peer "echo", which bench starts.
type benchEchoCommand struct {
	Answers string `arg:"" help:"File with the answers to give."`
}

// Run serves until ctx ends.
func (c *benchEchoCommand) Run(ctx context.Context, p *process) error {
	if err := bench.Echo(ctx, c.Answers, p.stdout); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	return nil
}

// benchPeerCommand is one of the other peers, which bench starts.
type benchPeerCommand struct {
	Name        string `arg:"" help:"Which peer: rowlock, statement or redis."`
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"Database that bench has filled."`
	RedisURL    string `name:"redis-url" placeholder:"URL" help:"Redis that bench has filled."`
	Pool        int    `default:"0" help:"Connections to it; 0 is the best number that was found."`
}

// Run serves until ctx ends.
func (c *benchPeerCommand) Run(ctx context.Context, p *process) error {
	return peer.Serve(ctx, peer.Config{Name: c.Name, DatabaseURL: c.DatabaseURL, RedisURL: c.RedisURL, Connections: c.Pool}, p.stdout)
}
