package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	// scanPage is how many orders a scan reads at once: what it holds in memory.
	scanPage = 500
	// scanRestMax is how long visitors may take for a page before the server ends the transaction.
	scanRestMax = 5 * time.Minute
)

// errStopped ends a scan whose visitor has had enough.
var errStopped = errors.New("the scan was stopped")

// ScanOrders implements persistence.Store. It reads page after page in one transaction, whose snapshot the pages
// share: no statement is open while somebody visits.
func (s *Store) ScanOrders(ctx context.Context, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	var failed error // of visit: an end of a client's connection is not one of the database's
	visited := false
	err := s.read(ctx, "orders", func(conn *pgx.Conn) error {
		if visited {
			return fmt.Errorf("%w: the database's connection was lost in the middle of a scan", persistence.ErrUnavailable)
		}
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		return pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL idle_in_transaction_session_timeout = %d`, scanRestMax.Milliseconds()))
			if err != nil {
				return err
			}
			return scanOrders(ctx, conn, q, func(o *commerce.Order) error {
				visited = true
				if failed = visit(o); failed != nil {
					return errStopped
				}
				return ctx.Err()
			})
		})
	})
	if failed != nil {
		return failed
	}
	return err
}

func scanOrders(ctx context.Context, conn *pgx.Conn, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	q.Limit = scanPage
	page := make([]commerce.Order, scanPage) // used again for each
	for {
		at := 0
		orders, err := readOrdersInto(ctx, conn, &q, func(row pgx.CollectableRow) (*commerce.Order, error) {
			at++
			return &page[at-1], readOrderInto(&page[at-1], row)
		})
		if err != nil {
			return err
		}
		for _, o := range orders {
			if err := visit(o); err != nil {
				return err
			}
		}
		if len(orders) < scanPage {
			return nil
		}
		q.Before = orders[len(orders)-1].ID
	}
}
