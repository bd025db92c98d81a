package peer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-dev/penstock/commerce"
)

// rowLockConnections is the best number of connections on two cores: see docs/benchmarks.md.
const rowLockConnections = 16

// rowLock places each order in a transaction of its own. It binds the key and locks the rows of stock in the order
// of their ids, so that two orders cannot deadlock; it looks whether there is enough; and it writes what changes. That is two
// round trips: what needs no answer in between goes together.
type rowLock struct{ *database }

// stockRow is what is sold, locked.
type stockRow struct {
	product *commerce.Product
	stock   commerce.Stock
}

func (r *rowLock) place(ctx context.Context, cmd *commerce.PlaceOrder) (receipt, error) {
	lines, err := cmd.Merge()
	if err != nil {
		return receipt{}, err
	}
	id, err := newOrderID()
	if err != nil {
		return receipt{}, err
	}
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return receipt{}, err
	}
	order, bound, err := r.transact(ctx, conn, cmd, lines, id)
	conn.Release()
	switch {
	case err != nil:
		return receipt{}, err
	case bound:
		return r.again(ctx, cmd)
	default:
		return receipt{order: order, id: id}, nil
	}
}

// transact places an order, unless its key is bound.
func (r *rowLock) transact(
	ctx context.Context, conn *pgxpool.Conn, cmd *commerce.PlaceOrder, lines []commerce.OrderLine, id commerce.ID,
) (order *commerce.Order, bound bool, err error) {
	rows, bound, err := lockRows(ctx, conn, cmd, lines, id)
	if err == nil && !bound {
		var entry *commerce.Entry
		if entry, err = decide(cmd, lines, rows, id); err == nil {
			return entry.Order.Row, false, writeOrder(ctx, conn, entry, rows)
		}
	}
	if _, rollback := conn.Exec(ctx, "ROLLBACK"); rollback != nil && err == nil {
		err = fmt.Errorf("roll back: %w", rollback)
	}
	return nil, bound, err
}

// lockRows begins a transaction, binds the key and locks the rows of stock.
func lockRows(
	ctx context.Context, conn *pgxpool.Conn, cmd *commerce.PlaceOrder, lines []commerce.OrderLine, id commerce.ID,
) (rows []stockRow, bound bool, err error) {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	if cmd.Key != "" {
		hash := cmd.Hash()
		batch.Queue(`INSERT INTO idempotency_keys AS k (id, request, order_id, expires_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET request = excluded.request, order_id = excluded.order_id, expires_at = excluded.expires_at
			WHERE k.expires_at < now()`, [16]byte(cmd.KeyID()), hash[:], [16]byte(id), id.Time().Add(keyTTL)).
			Exec(func(tag pgconn.CommandTag) error {
				bound = tag.RowsAffected() == 0
				return nil
			})
	}
	products, _ := wanted(lines)
	batch.Queue(`SELECT s.product, p.name, p.sku, p.price, p.currency, p.archived, s.on_hand, s.allocated, s.version
		FROM stock s JOIN products p ON p.id = s.product WHERE s.product = ANY ($1) ORDER BY s.product FOR UPDATE OF s`, products).
		Query(func(found pgx.Rows) error {
			rows, err = pgx.CollectRows(found, scanStock)
			return err
		})
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, false, fmt.Errorf("lock stock: %w", err)
	}
	return rows, bound, nil
}

func scanStock(row pgx.CollectableRow) (stockRow, error) {
	p := new(commerce.Product)
	var s commerce.Stock
	var currency string
	err := row.Scan((*[16]byte)(&p.ID), &p.Name, &p.SKU, &p.Price.Amount, &currency, &p.Archived, &s.OnHand, &s.Allocated, &s.Version)
	copy(p.Price.Currency[:], currency)
	s.Product = p.ID
	return stockRow{p, s}, err
}

// decide says what becomes of an order, by the rules of commerce.
func decide(cmd *commerce.PlaceOrder, lines []commerce.OrderLine, rows []stockRow, id commerce.ID) (*commerce.Entry, error) {
	if len(rows) < len(lines) {
		return nil, notFound()
	}
	offers := make([]commerce.Offer, len(lines))
	for i := range lines {
		if refusal := lines[i].Check(rows[i].product); refusal != nil {
			return nil, refusal
		}
		if available := rows[i].stock.Available(); available < lines[i].Quantity {
			return nil, insufficient(lines[i].Product, available)
		}
		offers[i] = commerce.Offer{Product: rows[i].product}
	}
	return cmd.NewEntry(id, lines, offers, terms())
}

// writeOrder writes an order that has been decided, and commits.
func writeOrder(ctx context.Context, conn *pgxpool.Conn, entry *commerce.Entry, rows []stockRow) error {
	o := entry.Order.Row
	n := len(o.Items)
	products, quantities, prices := make([][16]byte, n), make([]int64, n), make([]int64, n)
	onHand, allocated, versions := make([]int64, n), make([]int64, n), make([]int64, n)
	names, skus := make([]string, n), make([]string, n)
	for i := range o.Items {
		item, stock := &o.Items[i], &rows[i].stock
		products[i], quantities[i], prices[i], names[i], skus[i] = item.Product, item.Quantity, item.UnitPrice, item.Name, item.SKU
		onHand[i], allocated[i], versions[i] = stock.OnHand, stock.Allocated+item.Quantity, int64(stock.Version+1)
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE stock s SET allocated = u.allocated, version = u.version
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS u (product, allocated, version) WHERE s.product = u.product`,
		products, allocated, versions)
	batch.Queue(`INSERT INTO stock_movements (product, version, order_id, on_hand_delta, allocated_delta, on_hand, allocated, reason, actor, at)
		SELECT u.product, u.version, $1, 0, u.quantity, u.on_hand, u.allocated, $2, $3, $4
		  FROM unnest($5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]) AS u (product, version, quantity, on_hand, allocated)`,
		[16]byte(o.ID), string(commerce.ReasonPlaced), o.Customer, o.PlacedAt, products, versions, quantities, onHand, allocated)
	batch.Queue(`INSERT INTO orders (id, customer, status, total, currency, placed_at, updated_at, expires_at, carrier, tracking_number,
			cancel_reason, version, note, address, products, names, skus, quantities, prices)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, '', '', '', 1, $8, $9, $10, $11, $12, $13, $14)`,
		[16]byte(o.ID), o.Customer, int16(o.Status), o.Total.Amount, o.Total.Currency.String(), o.PlacedAt, o.ExpiresAt, o.Note,
		addressFields(&o.Address), products, names, skus, quantities, prices)
	batch.Queue(`INSERT INTO order_events (order_id, seq, type, at, actor, reason) VALUES ($1, 1, $2, $3, $4, '')`,
		[16]byte(o.ID), int16(commerce.EventOrderPlaced), o.PlacedAt, o.Customer)
	batch.Queue("COMMIT")
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write an order: %w", err)
	}
	return nil
}
