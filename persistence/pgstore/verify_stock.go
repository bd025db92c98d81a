package pgstore

import (
	"context"
	"math/rand/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// sqlLedger looks at each line of the ledger beside the one before it.
const sqlLedger = `
SELECT f.kind, m.product::text, f.detail, count(*) OVER ()
  FROM (SELECT product, version, on_hand, allocated,
			lag(version, 1, 0::bigint) OVER line AS version_before,
			lag(on_hand, 1, 0::bigint) OVER line + on_hand_delta AS on_hand_sum,
			lag(allocated, 1, 0::bigint) OVER line + allocated_delta AS allocated_sum,
			max(made) OVER line - made AS late
		  FROM (SELECT *, CASE WHEN allocated_delta > 0 AND order_id IS NOT NULL THEN ` + sqlMade + ` END AS made
				  FROM stock_movements) stock_movements
		WINDOW line AS (PARTITION BY product ORDER BY version)) m
 CROSS JOIN (SELECT (SELECT ms FROM ledger_lag) AS lag) noted
 CROSS JOIN LATERAL (VALUES
	(late > lag, 'ledger_lag', format('line %s is of an order made %s ms before one of a line before; %s ms are noted', version, late, lag)),
	(version <> version_before + 1, 'ledger_gap', format('line %s follows line %s', version, version_before)),
	(on_hand <> on_hand_sum OR allocated <> allocated_sum, 'ledger_sum',
		format('line %s says on_hand %s, allocated %s; with its deltas the line before gives %s, %s',
			version, on_hand, allocated, on_hand_sum, allocated_sum)),
	(allocated < 0 OR on_hand < allocated OR on_hand > $2::bigint, 'stock_bounds',
		format('line %s: on_hand %s, allocated %s', version, on_hand, allocated))
	) AS f (wrong, kind, detail)
 WHERE (version <> version_before + 1 OR on_hand <> on_hand_sum OR allocated <> allocated_sum
		OR allocated < 0 OR on_hand < allocated OR on_hand > $2::bigint OR late > lag)
   AND f.wrong
 ORDER BY m.product, version LIMIT $1::bigint`

// checkLedger proves that each product's lines are numbered without a gap, and that each line's level is
// that of the line before and its own deltas; and that no line is further from the order of ids than is noted.
func (v *verifier) checkLedger(ctx context.Context) error {
	return v.check(ctx, "the ledger", sqlLedger, commerce.OnHandMax)
}

// sqlItems reads what orders say of products. $3 are the states in which an order holds its units, $4 is
// the one in which it has given them back; in all others they have left the building. total is the sum of
// the order's items, in each of its rows.
const sqlItems = `
SELECT o.id, o.status, o.total, i.product, i.quantity, i.total AS items_total,
	o.status = ANY ($3::smallint[]) AS held, CASE WHEN o.status = $4::smallint THEN 0 ELSE -i.quantity END AS on_hand_released
  FROM orders o
 CROSS JOIN LATERAL (
	SELECT product, quantity, sum(quantity * unit_price) OVER () AS total
	  FROM jsonb_to_recordset(o.detail::jsonb -> 'items') AS item (product uuid, quantity bigint, unit_price bigint)) i`

// sqlBooks puts side by side what stock, ledger and orders say of each product. Two lists of movements,
// that of the ledger and that which the orders call for, are compared by fingerprints: the sum of the
// hashes of all that one of them holds must be that of the other. $5 seeds the hashes, afresh each time, so
// that a difference would have to be very lucky to stay unseen.
const sqlBooks = `
WITH items AS (` + sqlItems + `),
asked AS (
	SELECT product, sum(quantity) FILTER (WHERE held) AS units, count(*) + count(*) FILTER (WHERE NOT held) AS movements,
		sum(uuid_hash_extended(id, hashint8extended(0, hashint8extended(quantity, $5::bigint))))
			+ coalesce(sum(uuid_hash_extended(id, hashint8extended(on_hand_released, hashint8extended(-quantity, $5::bigint))))
				FILTER (WHERE NOT held), 0) AS print,
		count(*) FILTER (WHERE items_total <> total) AS totals_wrong
	  FROM items GROUP BY product),
ledger AS (
	SELECT product, count(*) AS lines, sum(on_hand_delta) AS on_hand, sum(allocated_delta) AS allocated,
		count(order_id) AS movements,
		sum(uuid_hash_extended(order_id, hashint8extended(on_hand_delta, hashint8extended(allocated_delta, $5::bigint))))
			FILTER (WHERE order_id IS NOT NULL) AS print
	  FROM stock_movements GROUP BY product),
books AS (
	SELECT product, p.id IS NOT NULL AS exists, s.version IS NOT NULL AS in_stock, s.on_hand, s.allocated, s.version,
		coalesce(l.lines, 0) AS lines, coalesce(l.on_hand, 0) AS on_hand_sum, coalesce(l.allocated, 0) AS allocated_sum,
		coalesce(l.movements, 0) AS movements, coalesce(l.print, 0) AS print,
		coalesce(a.units, 0) AS units_asked, coalesce(a.movements, 0) AS movements_asked, coalesce(a.print, 0) AS print_asked,
		coalesce(a.totals_wrong, 0) AS totals_wrong
	  FROM (SELECT id AS product, id FROM products) p
	  FULL JOIN stock s USING (product)
	  FULL JOIN ledger l USING (product)
	  FULL JOIN asked a USING (product))
SELECT f.kind, product::text, f.detail, count(*) FILTER (WHERE f.kind <> 'order_total') OVER ()
  FROM books
 CROSS JOIN LATERAL (VALUES
	(NOT exists, 'product_missing', 'stock, ledger or orders name a product that has no row'),
	(exists AND NOT in_stock, 'stock_missing', 'the product has no stock row'),
	(allocated < 0 OR on_hand < allocated OR on_hand > $2::bigint, 'stock_bounds',
		format('on_hand %s, allocated %s', on_hand, allocated)),
	((on_hand, allocated, version) <> (on_hand_sum, allocated_sum, lines), 'stock_sum',
		format('the stock row says on_hand %s, allocated %s, version %s; the ledger adds up to %s, %s, and has %s lines',
			on_hand, allocated, version, on_hand_sum, allocated_sum, lines)),
	(allocated <> units_asked, 'allocated_sum',
		format('the stock row says %s units are allocated; orders hold %s', allocated, units_asked)),
	((movements, print) <> (movements_asked, print_asked), 'order_movements',
		format('orders call for %s movements, the ledger has %s of orders, and they are not the same', movements_asked, movements)),
	(totals_wrong > 0, 'order_total', '')
	) AS f (wrong, kind, detail)
 WHERE f.wrong
 ORDER BY product, kind LIMIT $1::bigint`

// checkBooks proves that stock is the sum of the ledger, that what is allocated is what orders hold, that
// each order has moved its units exactly once, and that totals are those of the items.
func (v *verifier) checkBooks(ctx context.Context) error {
	found, all, err := v.find(ctx, "stock, ledger and orders", sqlBooks,
		commerce.OnHandMax, holdingStatuses(), int16(commerce.StatusCancelled), rand.Int64())
	if err != nil {
		return err
	}
	totals := all > int64(len(found)) // what is not listed may be one
	var faults []persistence.Fault
	var products [][16]byte
	for _, f := range found {
		if f.Kind == "order_total" { // it is counted where the order is named
			totals = true
			continue
		}
		faults = append(faults, f)
		if f.Kind == "order_movements" && len(products) < nameProductsMax {
			id, err := commerce.ParseID(f.Entity)
			if err != nil {
				return err
			}
			products = append(products, id)
		}
	}
	v.note(faults, all)
	if totals {
		if err := v.check(ctx, "totals of orders", sqlTotals); err != nil {
			return err
		}
	}
	if len(products) == 0 {
		return nil
	}
	return v.check(ctx, "movements of orders", sqlMovements,
		products, holdingStatuses(), int16(commerce.StatusCancelled))
}

// nameProductsMax bounds the products for which the orders are named whose movements are wrong: all orders
// are read for it.
const nameProductsMax = 3

func holdingStatuses() (list []int16) {
	for s := commerce.StatusPending; s <= commerce.StatusMax; s++ {
		if s.HoldsAllocation() {
			list = append(list, int16(s))
		}
	}
	return list
}
