package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/internal/progress"
	"github.com/penstock-dev/penstock/persistence"
)

// seedCommand fills an empty store with the past of a made-up shop.
type seedCommand struct {
	Orders   int    `default:"1000000" help:"Orders to make up, with everything that became of them."`
	Days     int    `default:"365" help:"How many days ago the first one was placed."`
	Products int    `default:"10000" help:"Products to make up."`
	Seed     uint64 `default:"1" help:"Seed of all random choices. The same seed at the same moment makes up the same past."`
	IfEmpty  bool   `help:"Do nothing, instead of failing, when the store holds orders."`

	storeFlags
}

func newSeedCommand() seedCommand { return seedCommand{storeFlags: newStoreFlags()} }

// Help explains what is made up.
func (c *seedCommand) Help() string {
	return "For trying things out and for measuring. Old orders are completed or cancelled, those of the last days are on their way; " +
		"days and weeks have their rhythm, and a few products are wanted much. Everything is written through the store: \"penstock verify\" finds the books in order. " +
		"No server may use the store meanwhile."
}

// Run fills the store.
func (c *seedCommand) Run(ctx context.Context, p *process) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	past, err := history.New(history.Config{Orders: c.Orders, Products: c.Products, Days: c.Days, Seed: c.Seed})
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	store, err := c.open(ctx, p.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	empty, err := c.isEmpty(ctx, store)
	if err != nil || !empty {
		return err
	}
	bar := progress.Start(progress.Config{Out: p.stderr, Log: p.log, What: "making up a past", Unit: "orders"})
	begun := time.Now()
	err = past.Write(ctx, store, func(orders int) {
		bar.Set(int64(orders), float64(orders)/float64(max(c.Orders, 1)))
	})
	bar.Done()
	if err != nil {
		return err
	}
	p.printf("%s products and %s orders of %d days, in %s\n", progress.Count(int64(c.Products)), progress.Count(int64(c.Orders)),
		c.Days, time.Since(begun).Round(100*time.Millisecond))
	return nil
}

// isEmpty reports whether the store holds no orders. It says so when that is a mistake.
func (c *seedCommand) isEmpty(ctx context.Context, store persistence.Store) (bool, error) {
	orders, err := store.Orders(ctx, persistence.OrderQuery{Limit: 1})
	if err != nil {
		return false, fmt.Errorf("look into the store: %w", err)
	}
	if len(orders) == 0 || c.IfEmpty {
		return len(orders) == 0, nil
	}
	return false, &exitError{
		code: exitConfig, err: fmt.Errorf("%s holds orders", c.where()),
		hint: "A past can only be made up in an empty store.",
	}
}
