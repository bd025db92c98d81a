package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
)

// BoundKeys implements persistence.Store.
func (s *Store) BoundKeys(ctx context.Context, after commerce.KeyID, limit int) (bound []commerce.KeyBinding, err error) {
	err = s.read(ctx, "keys", func(conn *pgx.Conn) (err error) {
		bound, err = query(ctx, conn, readKeyRow, `SELECT `+keyColumns+` FROM idempotency_keys k
			WHERE k.id > $1 AND k.expires_at > $2 ORDER BY k.id LIMIT $3`, [16]byte(after), time.Now(), page(limit))
		return err
	})
	return bound, err
}
