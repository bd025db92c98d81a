package peer

import (
	"context"
	_ "embed" // the statement
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
)

// statementConnections is the best number of connections on two cores: see docs/benchmarks.md.
const statementConnections = 16

//go:embed statement.sql
var statementSQL string

// statement places each order by one SQL statement, which is its own transaction: one round trip, and rows of
// stock are locked for no longer than the database itself needs.
type statement struct{ *database }

func (s *statement) place(ctx context.Context, cmd *commerce.PlaceOrder) (receipt, error) {
	lines, err := cmd.Merge()
	if err != nil {
		return receipt{}, err
	}
	id, err := newOrderID()
	if err != nil {
		return receipt{}, err
	}
	rows, placed, err := s.run(ctx, cmd, lines, id)
	if err != nil {
		return receipt{}, fmt.Errorf("place an order: %w", err)
	}
	entry, refusal := decide(cmd, lines, rows, id)
	switch {
	case placed:
		return receipt{order: entry.Order.Row, id: id}, refusal
	case cmd.Key != "":
		// Nothing was written: the key is bound, or the order is refused. A bound key comes first.
		first, err := s.again(ctx, cmd)
		if errors.Is(err, pgx.ErrNoRows) {
			err = refusal
		}
		return first, err
	default:
		return receipt{}, refusal
	}
}

// run runs the statement. It returns the rows as they were before, and whether the order was placed.
func (s *statement) run(
	ctx context.Context, cmd *commerce.PlaceOrder, lines []commerce.OrderLine, id commerce.ID,
) (rows []stockRow, placed bool, err error) {
	products, quantities := wanted(lines)
	prices := make([]*int64, len(lines))
	for i := range lines {
		prices[i] = lines[i].Price
	}
	var key *[16]byte
	var hash []byte
	if cmd.Key != "" {
		bound, request := [16]byte(cmd.KeyID()), cmd.Hash()
		key, hash = &bound, request[:]
	}
	at := id.Time()
	found, err := s.pool.Query(ctx, statementSQL, products, quantities, prices, key, hash, [16]byte(id), cmd.Caller.Customer,
		at, at.Add(paymentTimeout), cmd.Note, addressFields(&cmd.Address), at.Add(keyTTL))
	if err != nil {
		return nil, false, err
	}
	rows, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (stockRow, error) { return scanStock(withPlaced{row, &placed}) })
	return rows, placed, err
}

// withPlaced is a row of stock with a boolean behind it.
type withPlaced struct {
	pgx.CollectableRow
	placed *bool
}

// Scan implements pgx.CollectableRow.
func (r withPlaced) Scan(into ...any) error { return r.CollectableRow.Scan(append(into, r.placed)...) }
