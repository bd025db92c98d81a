package pgstore

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
)

// Lines of a product's ledger are in the order of their commits, which is nearly that of the orders' ids. The table
// ledger_lag bounds the difference: the id of an order that takes units is made at most so many milliseconds before that
// of any order before it in the ledger. Then a line tells how old all orders before it are, and how new all behind it
// (see ledgerReader). Clocks may jump and servers take turns: whoever writes a line that is further off writes that, too.
const (
	// lagMin is the smallest lag that is ever noted, in milliseconds: orders that are made at once are committed in any order.
	lagMin = 1000
	// lagGrowth is by how much more than is needed it is noted, so that it is noted seldom.
	lagGrowth = 2

	// sqlMade is when the id of an order was made, in milliseconds.
	sqlMade = `('x' || translate(left(order_id::text, 13), '-', ''))::bit(48)::bigint`

	// stmtLag notes a lag that is longer than the one before.
	stmtLag  = "lag"
	sqlLagTo = `UPDATE ledger_lag SET ms = greatest(ms, $1::bigint)`

	// sqlLagOfLedger notes the lag of a ledger that was loaded as it is.
	sqlLagOfLedger = `
UPDATE ledger_lag SET ms = greatest($1::bigint, (
	SELECT max(newest - made)
	  FROM (SELECT made, max(made) OVER (PARTITION BY product ORDER BY version) AS newest
			  FROM (SELECT product, version, ` + sqlMade + ` AS made
					  FROM stock_movements WHERE allocated_delta > 0 AND order_id IS NOT NULL) placed) lines))`
)

// lag watches how far a writer's lines are from the order of ids, in milliseconds.
type lag struct {
	newest int64 // when the newest id was made that may stand in the ledger
	noted  int64 // as the database has it, or less
	needed int64 // by the batch and those before it
}

// learn looks what was written before. No older writer may write any more. Without a row nothing is noted, and nobody
// who reads goes by it.
func (l *lag) learn(ctx context.Context, tx pgx.Tx) error {
	var newest [16]byte
	err := tx.QueryRow(ctx, `
		SELECT coalesce((SELECT ms FROM ledger_lag), $1::bigint),
			coalesce((SELECT id FROM orders ORDER BY id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')`, int64(math.MaxInt64)).
		Scan(&l.noted, &newest)
	l.newest = max(l.newest, commerce.ID(newest).Time().UnixMilli())
	return err
}

// add takes in a movement that is to be written behind those before.
func (l *lag) add(m *commerce.Movement) {
	if m.AllocatedDelta <= 0 || m.Order.IsZero() {
		return
	}
	made := m.Order.Time().UnixMilli()
	l.newest = max(l.newest, made)
	if late := l.newest - made; late > l.noted && late > l.needed {
		l.needed = lagGrowth * late
	}
}

// queue notes the lag with the batch that needs it.
func (l *lag) queue(p *pipeline) {
	if l.needed > l.noted {
		p.add(stmtLag, [][]byte{int8Param(l.needed)})
	}
}

// settle says that the batch is committed.
func (l *lag) settle() { l.noted = max(l.noted, l.needed) }
