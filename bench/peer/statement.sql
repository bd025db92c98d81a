-- One order: $1 products, sorted; $2 how many of each; $3 what the caller believes that each costs, or null; $4 key, or
-- null; $5 digest of the request; $6 order; $7 customer; $8 placed at; $9 expires at; $10 note; $11 address; $12 when the
-- key expires. Locks stock in the order of products, then binds the key; everything else depends on that. Answers what the
-- rows were before, and whether the order was placed.
WITH wanted AS (
	SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (product, quantity, price)
), locked AS MATERIALIZED (
	SELECT s.product, p.name, p.sku, p.price, p.currency, p.archived, s.on_hand, s.allocated, s.version, w.quantity,
	       NOT p.archived AND s.on_hand - s.allocated >= w.quantity AND coalesce(w.price, p.price) = p.price AS fits
	  FROM stock s JOIN products p ON p.id = s.product JOIN wanted w ON w.product = s.product
	 WHERE s.product = ANY ($1::uuid[])
	 ORDER BY s.product FOR UPDATE OF s
), fate AS (
	SELECT 1 FROM locked HAVING count(*) FILTER (WHERE fits) = cardinality($1::uuid[]) AND min(currency) = max(currency)
), bound AS (
	INSERT INTO idempotency_keys AS k (id, request, order_id, expires_at)
	SELECT $4::uuid, $5::bytea, $6::uuid, $12::timestamptz FROM fate WHERE $4::uuid IS NOT NULL
	ON CONFLICT (id) DO UPDATE SET request = excluded.request, order_id = excluded.order_id, expires_at = excluded.expires_at
	 WHERE k.expires_at < now()
	RETURNING 1
), go AS MATERIALIZED (
	SELECT 1 FROM bound UNION ALL SELECT 1 FROM fate WHERE $4::uuid IS NULL
), sold AS (
	UPDATE stock s SET allocated = l.allocated + l.quantity, version = l.version + 1
	  FROM locked l, go WHERE s.product = l.product
), ledger AS (
	INSERT INTO stock_movements (product, version, order_id, on_hand_delta, allocated_delta, on_hand, allocated, reason, actor, at)
	SELECT l.product, l.version + 1, $6::uuid, 0, l.quantity, l.on_hand, l.allocated + l.quantity, 'order_placed', $7::text, $8::timestamptz
	  FROM locked l, go
), placed AS (
	INSERT INTO orders (id, customer, status, total, currency, placed_at, updated_at, expires_at, carrier, tracking_number,
		cancel_reason, version, note, address, products, names, skus, quantities, prices)
	SELECT $6::uuid, $7::text, 1, sum(l.price * l.quantity), min(l.currency), $8::timestamptz, $8::timestamptz, $9::timestamptz, '', '', '', 1,
	       $10::text, $11::text[], array_agg(l.product), array_agg(l.name), array_agg(l.sku), array_agg(l.quantity), array_agg(l.price)
	  FROM locked l, go HAVING count(*) > 0
), told AS (
	INSERT INTO order_events (order_id, seq, type, at, actor, reason)
	SELECT $6::uuid, 1, 1, $8::timestamptz, $7::text, '' FROM go
)
SELECT l.product, l.name, l.sku, l.price, l.currency, l.archived, l.on_hand, l.allocated, l.version, EXISTS (SELECT FROM go)
  FROM locked l ORDER BY l.product
