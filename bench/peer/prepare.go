package peer

import (
	"context"
	_ "embed" // the schema
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/commerce"
)

//go:embed schema.sql
var schemaSQL string

//go:embed indexes.sql
var indexesSQL string

const (
	// chunkOrders is how many orders are copied at once.
	chunkOrders = 10_000
	// chunksAhead is how many chunks are made up while one is being copied.
	chunksAhead = 2
)

// Prepare makes the books of a peer on PostgreSQL in an empty database and fills them with a past. Both peers
// have the same books: a copy of the database does for the other one. progress is told the orders so far; it may be
// nil.
func Prepare(ctx context.Context, url string, past *history.History, progress func(orders int)) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("prepare a peer: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, schemaSQL); err != nil {
		return fmt.Errorf("make a peer's tables: %w", err)
	}
	if err := copyPast(ctx, conn, past, progress); err != nil {
		return fmt.Errorf("copy a past into a peer's tables: %w", err)
	}
	if _, err := conn.Exec(ctx, indexesSQL); err != nil {
		return fmt.Errorf("make a peer's indexes: %w", err)
	}
	return nil
}

// copyPast copies everything. What is next is made up meanwhile.
func copyPast(ctx context.Context, conn *pgx.Conn, past *history.History, progress func(orders int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan *books, chunksAhead)
	var failed, copied error
	go func() {
		defer close(chunks)
		failed = makeBooks(past, func(b *books) bool {
			select {
			case chunks <- b:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	orders := 0
	for b := range chunks {
		if copied != nil {
			continue
		}
		if copied = b.copy(ctx, conn); copied != nil {
			cancel()
		} else if orders += len(b.orders); progress != nil {
			progress(orders)
		}
	}
	return errors.Join(copied, failed)
}

// books are rows on their way into the tables.
type books struct {
	products, stock, movements, orders, events, keys [][]any
}

// copy copies the rows.
func (b *books) copy(ctx context.Context, conn *pgx.Conn) error {
	for _, t := range []struct {
		name    string
		columns []string
		rows    [][]any
	}{
		{"products", []string{"id", "name", "description", "category", "sku", "price", "currency", "attributes", "archived", "version", "created_at", "updated_at"}, b.products},
		{"stock", []string{"product", "on_hand", "allocated", "version"}, b.stock},
		{"stock_movements", []string{"product", "version", "order_id", "on_hand_delta", "allocated_delta", "on_hand", "allocated", "reason", "actor", "at"}, b.movements},
		{"orders", []string{
			"id", "customer", "status", "total", "currency", "placed_at", "updated_at", "expires_at", "carrier", "tracking_number",
			"cancel_reason", "version", "note", "address", "products", "names", "skus", "quantities", "prices",
		}, b.orders},
		{"order_events", []string{"order_id", "seq", "type", "at", "actor", "reason"}, b.events},
		{"idempotency_keys", []string{"id", "request", "order_id", "expires_at"}, b.keys},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return err
		}
	}
	return nil
}

// makeBooks turns a past into rows and gives them away in chunks, until give returns false. Rows of stock come
// last.
func makeBooks(past *history.History, give func(*books) bool) error {
	b := new(books)
	levels := make(map[commerce.ID]*commerce.Stock)
	for entry := range past.Products(0) {
		p := entry.Product.Row
		b.products = append(b.products, []any{
			[16]byte(p.ID), p.Name, p.Description, p.Category, p.SKU, p.Price.Amount, p.Price.Currency.String(), p.Attributes,
			p.Archived, int64(p.Version), p.CreatedAt, p.UpdatedAt,
		})
		levels[p.ID] = &commerce.Stock{Product: p.ID}
		b.move(levels, entry)
	}
	for entries, err := range past.Orders(0) {
		if err != nil {
			return err
		}
		b.add(levels, entries)
		if len(b.orders) == chunkOrders {
			if !give(b) {
				return nil
			}
			b = new(books)
		}
	}
	for _, s := range levels {
		b.stock = append(b.stock, []any{[16]byte(s.Product), s.OnHand, s.Allocated, int64(s.Version)})
	}
	give(b)
	return nil
}

// add adds the rows of an order: as it is now, and all that happened to it.
func (b *books) add(levels map[commerce.ID]*commerce.Stock, entries []*commerce.Entry) {
	for _, e := range entries {
		b.move(levels, e)
		b.events = append(b.events, []any{
			[16]byte(e.Event.Entity), int64(e.Event.Seq), int16(e.Event.Type), e.Event.At, e.Event.Actor, e.Event.Reason,
		})
		if k := e.Key; k != nil {
			b.keys = append(b.keys, []any{[16]byte(k.ID), k.Request[:], [16]byte(k.Resource), k.ExpiresAt})
		}
	}
	o := entries[len(entries)-1].Order.Row
	products, names, skus := make([][16]byte, len(o.Items)), make([]string, len(o.Items)), make([]string, len(o.Items))
	quantities, prices := make([]int64, len(o.Items)), make([]int64, len(o.Items))
	for i := range o.Items {
		item := &o.Items[i]
		products[i], names[i], skus[i], quantities[i], prices[i] = item.Product, item.Name, item.SKU, item.Quantity, item.UnitPrice
	}
	b.orders = append(b.orders, []any{
		[16]byte(o.ID), o.Customer, int16(o.Status), o.Total.Amount, o.Total.Currency.String(), o.PlacedAt, o.UpdatedAt, o.ExpiresAt,
		o.Carrier, o.TrackingNumber, o.CancelReason, int64(o.Version), o.Note, addressFields(&o.Address), products, names, skus, quantities, prices,
	})
}

// move adds the lines of the ledger that an entry writes.
func (b *books) move(levels map[commerce.ID]*commerce.Stock, entry *commerce.Entry) {
	for i := range entry.Movements {
		m := &entry.Movements[i]
		s := levels[m.Product]
		s.OnHand += m.OnHandDelta
		s.Allocated += m.AllocatedDelta
		s.Version++
		var order any
		if !m.Order.IsZero() {
			order = [16]byte(m.Order)
		}
		b.movements = append(b.movements, []any{
			[16]byte(m.Product), int64(s.Version), order, m.OnHandDelta, m.AllocatedDelta, s.OnHand, s.Allocated, string(m.Reason), m.Actor, m.At,
		})
	}
}
