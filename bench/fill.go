package bench

import (
	"context"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/persistence"
)

// Fill writes the past of a shop into an empty store: 10,000 products, and orders of a year. It is how a store
// gets old within a minute or two. Package history says what the past is like.
func Fill(ctx context.Context, store persistence.Store, orders int, seed uint64) error {
	past, err := history.New(history.Config{Orders: orders, Seed: seed})
	if err != nil {
		return err
	}
	return past.Write(ctx, store, nil)
}
