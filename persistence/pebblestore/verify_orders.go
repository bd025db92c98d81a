package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// readOrders goes through orders and events side by side: both are sorted by id.
func (v *verifier) readOrders(ctx context.Context) error {
	events, err := v.snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: []byte{tableEvents}, UpperBound: []byte{tableEvents + 1},
	})
	if err != nil {
		return err
	}
	t := timeline{verifier: v, events: events, valid: events.First()}
	err = v.scan(ctx, tableOrders, func(key, value []byte) error {
		v.report.Orders++
		id := lastID(key)
		view, err := viewOrder(value)
		if err != nil {
			return err
		}
		if err := v.addOrder(id, view); err != nil {
			return err
		}
		t.skipTo(id)
		t.check(id, &view)
		v.tally.Reset()
		if err := tallyOrder(&v.tally, 0, value); err != nil {
			return err
		}
		v.sales.Tell(&v.tally)
		return nil
	})
	t.skipTo(commerce.ID(bytes.Repeat([]byte{0xff}, len(commerce.ID{}))))
	return errors.Join(err, events.Error(), events.Close())
}

// addOrder adds what an order says to the books of its products and of the indexes.
func (v *verifier) addOrder(id commerce.ID, view orderView) error {
	v.buf = append(statusPrefix(v.buf[:0], view.status), id[:]...)
	v.statuses.tell(v.hash(v.buf))
	v.buf = append(customerPrefix(v.buf[:0], view.customer), id[:]...)
	v.customers.tell(v.hash(v.buf))
	for range view.count {
		product, quantity, err := view.item()
		if err != nil {
			return err
		}
		v.buf = append(productPrefix(v.buf[:0], product), id[:]...)
		v.placements.tell(v.hash(v.buf))
		p := v.product(product)
		if view.status.HoldsAllocation() {
			p.allocated += quantity
		}
		p.movements.tell(v.movementHash(product, id, 0, quantity))
		switch release(view.status) {
		case commerce.StatusShipped:
			p.movements.tell(v.movementHash(product, id, -quantity, -quantity))
		case commerce.StatusCancelled:
			p.movements.tell(v.movementHash(product, id, 0, -quantity))
		}
	}
	return nil
}

// release returns the state in which an order that is in state s has let go of its units; zero when
// it still holds them.
func release(s commerce.Status) commerce.Status {
	switch {
	case s.HoldsAllocation():
		return 0
	case s == commerce.StatusCancelled:
		return commerce.StatusCancelled
	default:
		return commerce.StatusShipped
	}
}

// timeline reads the events, entity by entity.
type timeline struct {
	*verifier
	events *pebble.Iterator
	valid  bool
}

// current returns the event the timeline stands at.
func (t *timeline) current() (entity commerce.ID, seq uint64) {
	entity, seq, err := splitNumbered(t.events.Key())
	if err != nil {
		t.corrupt(t.events.Key(), err)
	}
	return entity, seq
}

func (t *timeline) next() {
	t.report.Events++
	t.rows++
	t.valid = t.events.Next()
}

// skipTo reads the events of entities before an order: they must be products'.
func (t *timeline) skipTo(order commerce.ID) {
	var stray commerce.ID
	for ; t.valid; t.next() {
		entity, seq := t.current()
		if entity.Compare(order) >= 0 {
			return
		}
		p := t.products[entity]
		switch {
		case p != nil && seq == p.events+1:
			p.events = seq
		case p != nil:
			t.fault("event_gap", entity, "event %d follows event %d", seq, p.events)
			p.events = seq
		case entity != stray:
			t.fault("event_orphan", entity, "event %d is of an order or a product that does not exist", seq)
			stray = entity
		}
	}
}

// check reads the events of an order: numbered 1 to its version, each state following the one
// before, the last one the order's own. An order without a first event has the one that placing it
// means.
func (t *timeline) check(order commerce.ID, view *orderView) {
	var seq uint64
	var status commerce.Status
	if entity, number := t.peek(); entity != order || number > 1 {
		seq, status = 1, commerce.StatusPending
		t.report.Events++
	}
	for ; t.valid; t.next() {
		entity, number := t.current()
		if entity != order {
			break
		}
		if number != seq+1 {
			t.fault("event_gap", order, "event %d follows event %d", number, seq)
		}
		typ, next, err := eventHead(t.events.Value())
		if err != nil {
			t.corrupt(t.events.Key(), err)
		}
		legal := (seq == 0 && next == commerce.StatusPending) || (seq > 0 && status.CanBecome(next))
		if told := int(typ) - int(commerce.EventOrderPlaced); !legal || told != int(next)-int(commerce.StatusPending) {
			t.fault("event_order", order, "event %d is %q and says %q, after %q", number, typ, next, status)
		}
		seq, status = number, next
	}
	if seq != view.version || status != view.status {
		t.fault("order_events", order, "the order is %q at version %d; its events end with %q at %d",
			view.status, view.version, status, seq)
	}
}

// peek is current, and zero at the end.
func (t *timeline) peek() (entity commerce.ID, seq uint64) {
	if !t.valid {
		return commerce.ID{}, 0
	}
	return t.current()
}

// The search for the orders behind a difference is bounded: in the lines of a product, and in how
// many products it is made for, since each reads all orders.
const (
	nameLinesMax    = 1 << 20
	nameProductsMax = 3
)

// nameOrder finds an order whose movements of a product are not what they should be: the books of
// the two do not balance.
func (v *verifier) nameOrder(ctx context.Context, product commerce.ID, p *productBooks) error {
	v.named++
	if v.named > nameProductsMax || p.movements.toldCount+p.movements.heldCount > nameLinesMax {
		v.fault("order_movements", product, "orders call for %d movements, the ledger has %d of orders, and they are not the same",
			p.movements.toldCount, p.movements.heldCount)
		return nil
	}
	difference := make(map[commerce.ID]uint64) // order → told minus held
	err := v.eachLine(ctx, product, func(row []byte) {
		var line commerce.Movement
		d := decoder{b: row}
		if d.movementHead(&line); !line.Order.IsZero() {
			difference[line.Order] -= v.movementHash(product, line.Order, line.OnHandDelta, line.AllocatedDelta)
		}
	})
	if err != nil {
		return err
	}
	err = v.scan(ctx, tableOrders, func(key, value []byte) error {
		id := lastID(key)
		o, err := decodeOrder(id, value)
		if err != nil || o.Quantity(product) == 0 {
			return err
		}
		quantity := o.Quantity(product)
		difference[id] += v.movementHash(product, id, 0, quantity)
		switch release(o.Status) {
		case commerce.StatusShipped:
			difference[id] += v.movementHash(product, id, -quantity, -quantity)
		case commerce.StatusCancelled:
			difference[id] += v.movementHash(product, id, 0, -quantity)
		}
		return nil
	})
	var wrong []commerce.ID
	for order, d := range difference {
		if d != 0 {
			wrong = append(wrong, order)
		}
	}
	slices.SortFunc(wrong, commerce.ID.Compare)
	for _, order := range wrong {
		v.fault("order_movements", order, "the ledger of product %s does not hold this order's movements, each once", product)
	}
	return err
}
