package pebblestore

import (
	"context"
	"errors"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

// boundOrder is what a key's binding says of an order.
type boundOrder struct {
	order   commerce.ID
	version uint64
	places  bool
}

// bindingsMax is how many bindings are compared with the orders at a time: it bounds the memory, at
// the price of reading the orders' keys once for each such group.
const bindingsMax = 1 << 20

// readBindings checks that idempotency keys point at what exists, and that no order was placed by
// two keys.
func (v *verifier) readBindings(ctx context.Context) error {
	var group []boundOrder
	var failed error
	err := v.scan(ctx, tableBindings, func(key, value []byte) error {
		v.report.Keys++
		k, err := decodeBinding(commerce.KeyID(lastID(key)), value)
		if err != nil {
			return err
		}
		switch k.Operation {
		case commerce.OperationPlaceOrder, commerce.OperationTransitionOrder:
			group = append(group, boundOrder{
				order: k.Resource, version: k.Version, places: k.Operation == commerce.OperationPlaceOrder,
			})
		case commerce.OperationCreateProduct, commerce.OperationAdjustStock:
			if p := v.products[k.Resource]; p == nil || p.version == 0 {
				v.fault("key_orphan", k.Resource, "key %x names a product that does not exist", k.ID)
			} else if k.Operation == commerce.OperationAdjustStock && k.Version > p.current().Version {
				v.fault("key_orphan", k.Resource, "key %x names line %d of a ledger that ends at %d", k.ID, k.Version, p.current().Version)
			}
		default:
			v.fault("key_orphan", k.Resource, "key %x is of unknown operation %d", k.ID, k.Operation)
		}
		if len(group) == bindingsMax {
			failed = errors.Join(failed, v.compareBindings(ctx, group))
			group = group[:0]
		}
		return nil
	})
	return errors.Join(err, failed, v.compareBindings(ctx, group))
}

func (v *verifier) compareBindings(ctx context.Context, group []boundOrder) error {
	slices.SortFunc(group, func(a, b boundOrder) int { return a.order.Compare(b.order) })
	orphan := func(b *boundOrder) {
		v.fault("key_orphan", b.order, "a key names version %d of an order that has none such", b.version)
	}
	at := 0
	err := v.scan(ctx, tableOrders, func(key, value []byte) error {
		id := lastID(key)
		for ; at < len(group) && group[at].order.Compare(id) < 0; at++ {
			orphan(&group[at])
		}
		places := 0
		for ; at < len(group) && group[at].order == id; at++ {
			if group[at].places {
				places++
			}
			if version, err := rowHead(value); err != nil || group[at].version > version {
				orphan(&group[at])
			}
		}
		if places > 1 {
			v.fault("key_double", id, "%d keys placed this order", places)
		}
		return nil
	})
	for ; at < len(group); at++ {
		orphan(&group[at])
	}
	return err
}
