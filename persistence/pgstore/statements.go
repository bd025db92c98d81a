package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The statements of a batch, in the order in which they take locks: writer, keys, orders, products,
// stock, the end of the audit log; the epochs of grants are proved last. Every parameter is cast: PostgreSQL would otherwise infer
// its type from whatever it meets first. Rows are unnested in the list of what is selected, array by array in step, and
// not by a call of unnest in FROM: that would store each array's rows first, and cost three times as much. stmtMoves and
// stmtNewStock, which are rarely used, call it there all the same.
const (
	// stmtTurn moves the writer from batch n to n+1. Nobody else can: it locks the row to the end.
	stmtTurn = "turn"
	sqlTurn  = `
WITH turned AS (
	UPDATE writers SET seq = $4::bigint, batch = $5::uuid, outcomes = $6::json
	 WHERE number = $1::bigint AND id = $2::uuid AND epoch = $3::bigint AND seq = $4::bigint - 1 RETURNING 1)
SELECT penstock_expect((SELECT count(*) FROM turned), 1, 'writers at their turn')`

	stmtKeys = "keys"
	sqlKeys  = `
INSERT INTO idempotency_keys (id, request, operation, resource, version, expires_at)
SELECT unnest($1::uuid[]), unnest($2::bytea[]), unnest($3::smallint[]), unnest($4::uuid[]), unnest($5::bigint[]), unnest($6::timestamptz[])`

	// stmtUnbind removes bindings that have expired, so that their keys can be bound anew.
	stmtUnbind = "unbind"
	sqlUnbind  = `DELETE FROM idempotency_keys WHERE id = ANY ($1::uuid[])`

	stmtPlaced = "placed"
	sqlPlaced  = `
INSERT INTO orders (id, customer, status, total, currency, placed_at, updated_at, expires_at,
	carrier, tracking_number, cancel_reason, version, detail)
SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::smallint[]), unnest($4::bigint[]), unnest($5::text[]),
	unnest($6::timestamptz[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]),
	unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::bigint[]), unnest($13::json[])`

	stmtTransitions = "transitions"
	sqlTransitions  = `
WITH moved AS (
	UPDATE orders o SET status = u.status, updated_at = u.updated_at, carrier = u.carrier,
		tracking_number = u.tracking_number, cancel_reason = u.cancel_reason, version = u.version
	  FROM (SELECT unnest($1::uuid[]) AS id, unnest($2::bigint[]) AS expect, unnest($3::smallint[]) AS status,
			unnest($4::timestamptz[]) AS updated_at, unnest($5::text[]) AS carrier, unnest($6::text[]) AS tracking_number,
			unnest($7::text[]) AS cancel_reason, unnest($8::bigint[]) AS version) u
	 WHERE o.id = u.id AND o.version = u.expect RETURNING 1)
SELECT penstock_expect((SELECT count(*) FROM moved), cardinality($1), 'orders at the version expected')`

	stmtCreateProduct = "create_product"
	sqlCreateProduct  = `
INSERT INTO products (id, name, description, category, sku, price, currency, attributes, archived, version, created_at, updated_at)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::text, $8::json, $9::boolean, $10::bigint,
	$11::timestamptz, $12::timestamptz)`

	stmtUpdateProduct = "update_product"
	sqlUpdateProduct  = `
WITH changed AS (
	UPDATE products SET name = $2::text, description = $3::text, category = $4::text, sku = $5::text, price = $6::bigint,
		currency = $7::text, attributes = $8::json, archived = $9::boolean, version = $10::bigint,
		created_at = $11::timestamptz, updated_at = $12::timestamptz
	 WHERE id = $1::uuid AND version = $13::bigint RETURNING 1)
SELECT penstock_expect((SELECT count(*) FROM changed), 1, 'products at the version expected')`

	stmtNewStock = "new_stock"
	sqlNewStock  = `INSERT INTO stock (product, on_hand, allocated, version) SELECT id, 0, 0, 0 FROM unnest($1::uuid[]) id`

	// stmtStock adds each product's deltas to the row that the writer knows; stmtLines writes lines whose
	// levels follow from it.
	stmtStock = "stock"
	sqlStock  = `
WITH moved AS (
	UPDATE stock s SET on_hand = s.on_hand + u.on_hand, allocated = s.allocated + u.allocated, version = s.version + u.lines
	  FROM (SELECT unnest($1::uuid[]) AS product, unnest($2::bigint[]) AS expect, unnest($3::bigint[]) AS on_hand,
			unnest($4::bigint[]) AS allocated, unnest($5::bigint[]) AS lines) u
	 WHERE s.product = u.product AND s.version = u.expect RETURNING 1)
SELECT penstock_expect((SELECT count(*) FROM moved), cardinality($1), 'products at the version expected')`

	stmtLines = "ledger"
	sqlLines  = `
INSERT INTO stock_movements (product, version, order_id, on_hand_delta, allocated_delta, on_hand, allocated,
	reason, actor, at, epoch, writer, batch)
SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::bigint[]), unnest($5::bigint[]),
	unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::timestamptz[]),
	unnest($11::bigint[]), $12::bigint, $13::bigint`

	// stmtMoves does both when the writer does not know all rows. It applies each product's deltas at once and writes the ledger. A line's level is the row
	// after the batch less what the lines behind it in the batch move: its product's place in the
	// sorted list of products ($5) leads to that row. The rows are the statement's answer.
	stmtMoves = "moves"
	sqlMoves  = `
WITH moved AS (
	UPDATE stock s SET on_hand = s.on_hand + u.on_hand, allocated = s.allocated + u.allocated, version = s.version + u.lines
	  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS u (product, on_hand, allocated, lines)
	 WHERE s.product = u.product
	RETURNING s.product, s.on_hand, s.allocated, s.version),
rows AS MATERIALIZED (
	SELECT array_agg(on_hand ORDER BY product) AS on_hand, array_agg(allocated ORDER BY product) AS allocated,
		array_agg(version ORDER BY product) AS version, penstock_expect(count(*), cardinality($1), 'products') AS expected
	  FROM moved),
ledger AS (
	INSERT INTO stock_movements (product, version, order_id, on_hand_delta, allocated_delta, on_hand, allocated,
		reason, actor, at, epoch, writer, batch)
	SELECT ($1::uuid[])[l.place], rows.version[l.place] - l.lines_after, l.order_id, l.on_hand_delta, l.allocated_delta,
		rows.on_hand[l.place] - l.on_hand_after, rows.allocated[l.place] - l.allocated_after,
		l.reason, l.actor, l.at, l.epoch, $16::bigint, $17::bigint
	  FROM rows, unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
		$12::text[], $13::text[], $14::timestamptz[], $15::bigint[])
		AS l (place, lines_after, order_id, on_hand_delta, allocated_delta, on_hand_after, allocated_after, reason, actor, at, epoch))
SELECT product, on_hand, allocated, version FROM moved`

	stmtEvents = "events"
	sqlEvents  = `
INSERT INTO order_events (entity, seq, type, at, actor, data, writer, batch)
SELECT unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::timestamptz[]), unnest($5::text[]),
	unnest($6::json[]), $7::bigint, $8::bigint`

	// stmtAudit appends to the audit log. $11 and $12 are where the writer takes it to end, $13 and $14 where it
	// ends then. A row that somebody has removed is made anew, and the verification of the log finds what that was for.
	stmtAudit = "audit"
	sqlAudit  = `
WITH moved AS (
	INSERT INTO audit_head AS h (seq, hash) VALUES ($13::bigint, $14::bytea)
	ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE h.seq = $11::bigint AND h.hash = $12::bytea
	RETURNING 1),
written AS (
	INSERT INTO audit_log (seq, at, actor, action, target, before, after, correlation, previous, hash)
	SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
		$9::bytea[], $10::bytea[]))
SELECT penstock_expect((SELECT count(*) FROM moved), 1, 'audit logs at the end that was known')`

	// stmtEpochs proves that the partitions that granted units still have the epochs they had then. It
	// must be the last statement: a new owner raises the epoch first and reads stock afterwards, so that
	// it sees this batch's movements, or this batch sees its epoch.
	stmtEpochs = "epochs"
	//
	// $1 has an epoch for each partition, 0 where nothing was granted. The table is read whole: its 256
	// rows cost less than finding some fifty of them by key, one after another.
	sqlEpochs = `
SELECT penstock_expect(count(*) FILTER (WHERE ($1::bigint[])[id + 1] NOT IN (0, epoch)), 0, 'partitions with another epoch than their grants')
  FROM partitions`

	// stmtCommit ends the careful way's transaction.
	stmtCommit = "commit"
	sqlCommit  = `COMMIT`
)

// prepareBatches prepares the statements of batches on a writer's connection, in one round trip.
func prepareBatches(ctx context.Context, conn *pgx.Conn) (err error) {
	statements := []struct{ name, sql string }{
		{stmtTurn, sqlTurn},
		{stmtLag, sqlLagTo},
		{stmtKeys, sqlKeys},
		{stmtUnbind, sqlUnbind},
		{stmtPlaced, sqlPlaced},
		{stmtTransitions, sqlTransitions},
		{stmtCreateProduct, sqlCreateProduct},
		{stmtUpdateProduct, sqlUpdateProduct},
		{stmtNewStock, sqlNewStock},
		{stmtStock, sqlStock},
		{stmtLines, sqlLines},
		{stmtMoves, sqlMoves},
		{stmtEvents, sqlEvents},
		{stmtAudit, sqlAudit},
		{stmtEpochs, sqlEpochs},
		{stmtCommit, sqlCommit},
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	defer func() { err = errors.Join(err, pipeline.Close()) }()
	for _, s := range statements {
		pipeline.SendPrepare(s.name, s.sql, nil)
	}
	if err := pipeline.Sync(); err != nil {
		return fmt.Errorf("prepare statements: %w", err)
	}
	for _, s := range statements {
		if _, err := pipeline.GetResults(); err != nil {
			return fmt.Errorf("prepare %s: %w", s.name, err)
		}
	}
	return nil
}
