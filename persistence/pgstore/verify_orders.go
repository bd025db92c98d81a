package pgstore

import (
	"context"

	"github.com/penstock-dev/penstock/commerce"
)

// sqlTotals names the orders whose total is wrong.
const sqlTotals = `
SELECT 'order_total', o.id::text, format('the order says %s, its items add up to %s', o.total, i.total), count(*) OVER ()
  FROM orders o
 CROSS JOIN LATERAL (
	SELECT coalesce(sum(quantity * unit_price), 0) AS total
	  FROM jsonb_to_recordset(o.detail::jsonb -> 'items') AS item (quantity bigint, unit_price bigint)) i
 WHERE o.total <> i.total
 ORDER BY o.id LIMIT $1::bigint`

// sqlMovements names the orders whose movements of the products $2 are not those that they call for.
const sqlMovements = `
WITH items AS (` + sqlItems + `),
movements AS (
	SELECT product, id AS order_id, 0 AS on_hand, quantity AS allocated, 1 AS asked, 0 AS found FROM items
	UNION ALL
	SELECT product, id, on_hand_released, -quantity, 1, 0 FROM items WHERE NOT held
	UNION ALL
	SELECT product, order_id, on_hand_delta, allocated_delta, 0, 1 FROM stock_movements WHERE order_id IS NOT NULL)
SELECT 'order_movements', order_id::text,
	format('the ledger of product %s has %s lines of on_hand %s, allocated %s for this order, which calls for %s',
		product, sum(found), on_hand, allocated, sum(asked)), count(*) OVER ()
  FROM movements WHERE product = ANY ($2::uuid[])
 GROUP BY product, order_id, on_hand, allocated HAVING sum(asked) <> sum(found)
 ORDER BY order_id, product LIMIT $1::bigint`

// sqlTimelines reads each entity's events in order, beside its row. $2 are the pairs of types that may
// follow each other, as numbers; $3 are the names of the types, and $4 the first type of products.
const sqlTimelines = `
WITH lines AS (
	SELECT entity, seq, type, lag(seq, 1, 0::bigint) OVER line AS seq_before, lag(type, 1, 0::smallint) OVER line AS type_before
	  FROM order_events
	WINDOW line AS (PARTITION BY entity ORDER BY seq)),
timelines AS (
	SELECT entity, count(*) AS events, max(seq) AS last, (max(seq * 256 + type) & 255)::int AS last_type,
		min(seq) FILTER (WHERE seq <> seq_before + 1) AS gap, min(seq_before) FILTER (WHERE seq <> seq_before + 1) AS gap_before,
		min((seq * 256 + type) * 256 + type_before) FILTER (WHERE NOT type_before * 256 + type = ANY ($2::int[])) AS illegal
	  FROM lines GROUP BY entity),
rows AS (
	SELECT id, version, status FROM orders
	UNION ALL
	SELECT id, version, NULL FROM products)
SELECT f.kind, coalesce(t.entity, r.id)::text, f.detail, count(*) OVER ()
  FROM timelines t FULL JOIN rows r ON r.id = t.entity
 CROSS JOIN LATERAL (SELECT CASE WHEN t.entity IS NULL THEN 'it has no events'
		ELSE format('its events end with %s at %s', ($3::text[])[last_type], last) END) AS said (last_event)
 CROSS JOIN LATERAL (VALUES
	(gap IS NOT NULL, 'event_gap', format('event %s follows event %s', gap, gap_before)),
	(illegal IS NOT NULL, 'event_order', format('event %s is %s, after %s', illegal >> 16,
		($3::text[])[(illegal >> 8 & 255)::int], coalesce(($3::text[])[(illegal & 255)::int], 'none'))),
	(r.id IS NULL, 'event_orphan', format('there is no such order or product; it has %s events', events)),
	(status IS NOT NULL AND (version, status) IS DISTINCT FROM (last, last_type), 'order_events',
		format('the order is at version %s with %s; %s', version, ($3::text[])[status], last_event)),
	(r.id IS NOT NULL AND status IS NULL AND (version, true) IS DISTINCT FROM (last, last_type >= $4::smallint), 'event_gap',
		format('the product is at version %s; %s', version, last_event))
	) AS f (wrong, kind, detail)
 WHERE (t.entity IS NULL OR r.id IS NULL OR gap IS NOT NULL OR illegal IS NOT NULL OR version <> last
		OR coalesce(status <> last_type, last_type < $4::smallint))
   AND f.wrong
 ORDER BY 2, 1 LIMIT $1::bigint`

// checkTimelines proves that the events of every order and product are numbered from 1 to its version,
// that each order's states follow each other as they may, and that the last one is the order's own.
func (v *verifier) checkTimelines(ctx context.Context) error {
	return v.check(ctx, "events", sqlTimelines, legalTypes(), typeNames(), int16(commerce.EventProductCreated))
}

// legalTypes lists which type of event may follow which: 256 × the type before, 0 for none, + the type.
func legalTypes() (list []int32) {
	add := func(before, next commerce.EventType) { list = append(list, int32(before)<<8|int32(next)) }
	add(0, commerce.EventOrderPlaced)
	for s := commerce.StatusPending; s <= commerce.StatusMax; s++ {
		for _, next := range s.Next() {
			add(typeOf(s), typeOf(next))
		}
	}
	add(0, commerce.EventProductCreated)
	changes := []commerce.EventType{commerce.EventProductUpdated, commerce.EventProductArchived}
	for _, next := range changes {
		add(commerce.EventProductCreated, next)
		for _, before := range changes {
			add(before, next)
		}
	}
	return list
}

// typeOf returns the type of the event that brings an order into a state. Both are stored as the same
// number.
func typeOf(s commerce.Status) commerce.EventType {
	return commerce.EventOrderPlaced + commerce.EventType(s-commerce.StatusPending)
}

func typeNames() (names []string) {
	for t := commerce.EventOrderPlaced; t <= commerce.EventProductArchived; t++ {
		names = append(names, t.String())
	}
	return names
}
