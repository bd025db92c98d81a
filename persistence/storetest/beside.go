package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// readersBeside moves one unit to and fro between two products, in one entry each time an order is
// placed and cancelled, while readers look on.
func readersBeside(b *bundle) {
	p := b.product(100)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wait.Go(func() { errs[i] = watch(b, p, stop) })
	}
	for i := range 60 {
		placed := b.w.Order("ann", fmt.Sprint(i), Line{p, 2})
		refused := b.w.Order("ben", fmt.Sprint(i), Line{p, 101})
		b.commit(placed, refused)
		if i%2 == 0 {
			b.move(placed.Order.Row, commerce.StatusCancelled)
		}
	}
	close(stop)
	wait.Wait()
	require.NoError(b, errors.Join(errs...))
}

func watch(b *bundle, p *commerce.Product, stop <-chan struct{}) error {
	for last := uint64(0); ; {
		select {
		case <-stop:
			return nil
		default:
		}
		row, err := b.store.Stock(b.Context(), p.ID)
		if err != nil {
			return err
		}
		if row.Version < last {
			return fmt.Errorf("stock went back from version %d to %d", last, row.Version)
		}
		last = row.Version
		lines, err := b.store.Movements(b.Context(), p.ID, 0, 1)
		if err != nil {
			return err
		}
		if lines[0].Level.Version < row.Version {
			return fmt.Errorf("the ledger ends at %d, the stock row was at %d", lines[0].Level.Version, row.Version)
		}
		orders, err := b.store.Orders(b.Context(), persistence.OrderQuery{Customer: "ben", Limit: 1})
		if err != nil || len(orders) > 0 {
			return fmt.Errorf("a refused order was seen: %v, %w", orders, err)
		}
		orders, err = b.store.Orders(b.Context(), persistence.OrderQuery{Customer: "ann", Limit: 1})
		if err != nil {
			return err
		}
		for _, o := range orders {
			events, err := b.store.Events(b.Context(), o.ID, 0, 10)
			if err != nil || uint64(len(events)) < o.Version {
				return fmt.Errorf("order at version %d has %d events: %w", o.Version, len(events), err)
			}
		}
		report, err := b.store.Verify(b.Context(), nil)
		if err != nil || !report.OK() {
			return fmt.Errorf("verify beside a writer: %v, %w", report, err)
		}
	}
}
