package pgstore

import (
	"context"

	"github.com/penstock-dev/penstock/commerce"
)

// sqlKeyOrphans compares idempotency keys with what they name: $2 are the operations on orders, $3 those
// on products, $4 is the one whose version is a line of the ledger.
const sqlKeyOrphans = `
SELECT 'key_orphan', k.resource::text, format('key %s %s', replace(k.id::text, '-', ''),
		CASE WHEN k.operation = ANY ($2::smallint[])
				THEN format('names version %s of an order that %s', k.version, coalesce('is at ' || o.version, 'does not exist'))
			WHEN NOT k.operation = ANY ($3::smallint[]) THEN 'is of unknown operation ' || k.operation
			WHEN p.id IS NULL THEN 'names a product that does not exist'
			ELSE format('names line %s of a ledger that ends at %s', k.version, coalesce(s.version, 0)) END),
	count(*) OVER ()
  FROM idempotency_keys k
  LEFT JOIN orders o ON o.id = k.resource
  LEFT JOIN products p ON p.id = k.resource
  LEFT JOIN stock s ON s.product = k.resource
 WHERE CASE WHEN k.operation = ANY ($2::smallint[]) THEN k.version > coalesce(o.version, 0) OR o.id IS NULL
	WHEN NOT k.operation = ANY ($3::smallint[]) THEN true
	ELSE p.id IS NULL OR (k.operation = $4::smallint AND k.version > coalesce(s.version, 0)) END
 ORDER BY k.resource, k.id LIMIT $1::bigint`

// sqlKeyDoubles finds orders that more than one key placed: $2 is the operation.
const sqlKeyDoubles = `
SELECT 'key_double', resource::text, format('%s keys placed this order', count(*)), count(*) OVER ()
  FROM idempotency_keys WHERE operation = $2::smallint
 GROUP BY resource HAVING count(*) > 1
 ORDER BY resource LIMIT $1::bigint`

// checkKeys proves that idempotency keys point at what exists, and that no order was placed by two keys.
func (v *verifier) checkKeys(ctx context.Context) error {
	err := v.check(ctx, "what keys name", sqlKeyOrphans,
		[]int16{int16(commerce.OperationPlaceOrder), int16(commerce.OperationTransitionOrder)},
		[]int16{int16(commerce.OperationCreateProduct), int16(commerce.OperationAdjustStock)},
		int16(commerce.OperationAdjustStock))
	if err != nil {
		return err
	}
	return v.check(ctx, "keys of orders", sqlKeyDoubles, int16(commerce.OperationPlaceOrder))
}
