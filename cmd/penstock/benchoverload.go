package main

import (
	"context"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

// benchOverloadCommand asks too much of Penstock.
type benchOverloadCommand struct {
	benchFlags

	Scenario        string        `default:"order" help:"What is asked for."`
	Steady          float64       `default:"0.7" placeholder:"PART" help:"The part of the peak that should be carried with ease."`
	Rates           float64       `default:"3" placeholder:"TIMES" help:"How many times the peak rate is asked for."`
	ConnectionTimes int           `default:"10" placeholder:"TIMES" help:"How many times the connections ask."`
	Duration        time.Duration `default:"10s" help:"How long each phase is measured."`
	WarmUp          time.Duration `default:"2s" help:"How long each phase runs before it is measured."`
	Recovery        time.Duration `default:"15s" help:"How long the way back to normal is watched."`
	Rounds          int           `default:"3" help:"Rounds in which the peak is found. Their median counts."`
}

// Help explains the phases.
func (c *benchOverloadCommand) Help() string {
	return "Finds the peak in a closed loop. Then three phases: an open loop at a steady part of the peak; an open loop at a multiple of it; a closed loop over a multiple of the connections. " +
		"After the last two it looks how soon the steady rate is served as before. The exit code is 1 when a goal is not met."
}

// Run measures and prints the results.
func (c *benchOverloadCommand) Run(ctx context.Context, p *process) error {
	cfg := bench.OverloadConfig{
		Config: c.config(p), Steady: c.Steady, Rates: c.Rates, ConnectionTimes: c.ConnectionTimes, Recovery: c.Recovery,
	}
	cfg.Scenarios, cfg.Duration, cfg.WarmUp, cfg.Rounds = []string{c.Scenario}, c.Duration, c.WarmUp, c.Rounds
	met, err := bench.Overload(ctx, cfg, p.stdout)
	if err != nil {
		return benchError(err)
	}
	if !met {
		return errNotWell
	}
	return nil
}
