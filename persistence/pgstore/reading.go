package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Each read is one statement, prepared once on each connection. It sees what had been committed when it
// began, and reads that come one after another never see less than those before.

// Product implements persistence.Store.
func (s *Store) Product(ctx context.Context, id commerce.ID) (p *commerce.Product, err error) {
	err = s.read(ctx, "product", func(conn *pgx.Conn) (err error) {
		p, err = readProduct(conn.QueryRow(ctx, `SELECT `+productColumns+` FROM products p WHERE p.id = $1`, [16]byte(id)))
		return err
	})
	return p, err
}

// ProductBySKU implements persistence.Store.
func (s *Store) ProductBySKU(ctx context.Context, sku string) (p *commerce.Product, err error) {
	err = s.read(ctx, "SKU", func(conn *pgx.Conn) (err error) {
		p, err = readProduct(conn.QueryRow(ctx,
			`SELECT `+productColumns+` FROM products p WHERE p.sku = $1 AND p.sku <> ''`, sku))
		return err
	})
	return p, err
}

// Products implements persistence.Store.
func (s *Store) Products(ctx context.Context, after commerce.ID, limit int) (list []persistence.ProductRow, err error) {
	err = s.read(ctx, "products", func(conn *pgx.Conn) (err error) {
		list, err = query(ctx, conn, readProductRow, `SELECT `+productRowColumns+`
			FROM products p LEFT JOIN stock s ON s.product = p.id AND s.product > $1
			WHERE p.id > $1 ORDER BY p.id LIMIT $2`, [16]byte(after), page(limit))
		return err
	})
	return list, err
}

// Stock implements persistence.Store.
func (s *Store) Stock(ctx context.Context, product commerce.ID) (commerce.Stock, error) {
	row := commerce.Stock{Product: product}
	err := s.read(ctx, "stock", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT on_hand, allocated, version FROM stock WHERE product = $1`, [16]byte(product)).
			Scan(&row.OnHand, &row.Allocated, &row.Version)
	})
	if err != nil {
		return commerce.Stock{}, err
	}
	return row, nil
}

// Order implements persistence.Store.
func (s *Store) Order(ctx context.Context, id commerce.ID) (o *commerce.Order, err error) {
	err = s.read(ctx, "order", func(conn *pgx.Conn) (err error) {
		o, err = readOrder(conn.QueryRow(ctx, `SELECT `+orderColumns+` FROM orders o WHERE o.id = $1`, [16]byte(id)))
		return err
	})
	return o, err
}

// Events implements persistence.Store.
func (s *Store) Events(ctx context.Context, entity commerce.ID, after uint64, limit int) (list []commerce.Event, err error) {
	err = s.read(ctx, "events", func(conn *pgx.Conn) (err error) {
		list, err = query(ctx, conn, readEventRow, `SELECT `+eventColumns+` FROM order_events e
			WHERE e.entity = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3`, [16]byte(entity), number(after), page(limit))
		return err
	})
	return list, err
}

// Movements implements persistence.Store.
func (s *Store) Movements(ctx context.Context, product commerce.ID, before uint64, limit int) (list []commerce.Movement, err error) {
	if before == 0 {
		before = numberMax
	}
	err = s.read(ctx, "movements", func(conn *pgx.Conn) (err error) {
		list, err = query(ctx, conn, readMovementRow, `SELECT `+movementColumns+` FROM stock_movements m
			WHERE m.product = $1 AND m.version < $2 ORDER BY m.version DESC LIMIT $3`,
			[16]byte(product), number(before), page(limit))
		return err
	})
	return list, err
}

// Movement implements persistence.Store.
func (s *Store) Movement(ctx context.Context, product commerce.ID, version uint64) (m commerce.Movement, err error) {
	err = s.read(ctx, "movement", func(conn *pgx.Conn) (err error) {
		m, err = readMovement(conn.QueryRow(ctx,
			`SELECT `+movementColumns+` FROM stock_movements m WHERE m.product = $1 AND m.version = $2`,
			[16]byte(product), number(version)))
		return err
	})
	return m, err
}

// Keys implements persistence.Store. Whether a binding has expired is told by this process's clock, which
// is also that of the batches.
func (s *Store) Keys(ctx context.Context, ids []commerce.KeyID) (bound []commerce.KeyBinding, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	array := make(pgtype.FlatArray[[16]byte], len(ids))
	for i, id := range ids {
		array[i] = id
	}
	err = s.read(ctx, "keys", func(conn *pgx.Conn) (err error) {
		bound, err = query(ctx, conn, readKeyRow, `SELECT `+keyColumns+` FROM idempotency_keys k
			WHERE k.id = ANY ($1) AND k.expires_at > $2`, array, time.Now())
		return err
	})
	return bound, err
}

// query reads the rows that a statement returns.
func query[T any](
	ctx context.Context, conn *pgx.Conn, read pgx.RowToFunc[T], sql string, args ...any,
) (list []T, err error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows(list, rows, read)
}

// page bounds a limit that a caller gave.
func page(limit int) int64 { return int64(max(0, min(limit, persistence.PageMax))) }

// numberMax is the largest number of a version, as the database counts them.
const numberMax = 1<<63 - 1

// number turns a version or sequence number that a caller gave into one that the database can compare.
func number(n uint64) int64 { return int64(min(n, numberMax)) }
