package persistence

import (
	"context"

	"github.com/penstock-dev/penstock/commerce"
)

// OrderScanner reads many orders on one view of the store.
type OrderScanner interface {
	// ScanOrders calls visit with the orders that the query selects, newest first, as they stood at one moment
	// not before the call. Its Limit does not count. An order, and all it holds, is visit's until
	// it returns. An error of visit ends the
	// scan and is returned as it is; the end of the context ends it too.
	//
	// The store keeps the past alive for as long as a scan runs: whoever scans bounds its time.
	ScanOrders(ctx context.Context, q OrderQuery, visit func(*commerce.Order) error) error
}
