package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// PlaceOrder places an order: it returns when the order is durable. Refusals: validation_failed,
// not_found, insufficient_stock, price_changed, product_archived, currency_mismatch, the
// idempotency codes, customer_limit, overloaded, outcome_unknown, store_unavailable, quarantined.
func (e *Engine) PlaceOrder(cmd *commerce.PlaceOrder) (OrderReceipt, error) {
	if err := cmd.Validate(); err != nil {
		return OrderReceipt{}, e.refused(commerce.OperationPlaceOrder, err).err
	}
	lines, err := cmd.Merge()
	if err != nil {
		return OrderReceipt{}, e.refused(commerce.OperationPlaceOrder, err).err
	}
	c := newClaim(e, len(lines))
	c.operation, c.resource = commerce.OperationPlaceOrder, c.id
	if cmd.Key != "" {
		c.useKey(cmd.KeyID(), cmd.Hash())
	}
	c.placing = placing{cmd: cmd, lines: lines, terms: commerce.Terms{
		PaymentTimeout: e.config.PaymentTimeout, KeyTTL: e.config.KeyRetention, Key: c.key, Request: c.hash,
	}}
	c.purpose = &c.placing
	for i := range lines {
		c.requests[i] = grantRequest{id: c.id, quantity: lines[i].Quantity, line: &lines[i]}
	}
	if e.customers != nil {
		return e.placeLimited(c)
	}
	a := e.carry(c, func(i int) commerce.ID { return lines[i].Product })
	return OrderReceipt{Order: a.order, Replayed: a.replayed}, a.err
}

// placeLimited places an order within its customer's limits. One beyond them still goes the whole way when it
// has a key: it may be the retry of an order that was placed.
func (e *Engine) placeLimited(c *claim) (OrderReceipt, error) {
	customer, lines := c.placing.cmd.Caller.Customer, c.placing.lines
	ctx, cancel := e.reading(context.Background())
	defer cancel()
	if c.refusal = e.customers.take(ctx, customer, c.id, lines); c.refusal != nil {
		var limit *commerce.Error
		if !errors.As(c.refusal, &limit) {
			e.logger.Error("a customer's orders could not be read", "error", c.refusal)
			c.refusal = errUnavailable()
		}
	}
	taken := c.refusal == nil
	a := answer{err: errInternal(commerce.ID{})} // of a panic
	if taken {
		defer func() { e.customers.settle(customer, c.id, &a) }()
	}
	a = e.carry(c, func(i int) commerce.ID { return lines[i].Product })
	return OrderReceipt{Order: a.order, Replayed: a.replayed}, a.err
}

// carry takes capacity for a claim, finds its products, gives it a grain and waits for its answer.
func (e *Engine) carry(c *claim, product func(i int) commerce.ID) answer {
	if err := e.admission.begin(&c.command); err != nil {
		return e.refused(c.operation, err)
	}
	c.pid, c.expired = e.claims.take(), &c.expiry
	e.admission.watch(&c.command)
	if c.refusal == nil {
		c.refusal = c.stalled
	}
	for i := range c.requests {
		if c.refusal != nil {
			break
		}
		ref, err := e.find(product(i), c.deadline)
		if err != nil {
			c.refusal = e.refuseProduct(product(i), err)
			break
		}
		c.requests[i].ref, c.requests[i].deadline = ref, c.deadline
	}
	e.root.Send(c.pid, c)
	<-c.done
	return c.answer
}

func (e *Engine) refuseProduct(id commerce.ID, err error) error {
	if isNotFound(err) {
		return commerce.NoProduct(id)
	}
	e.logger.Error("a product could not be read", "product_id", id.String(), "error", err)
	return errUnavailable()
}

// TransitionOrder moves an order along its states; cancelling is one of them. It returns when the
// move is durable. Refusals: validation_failed, not_found, invalid_transition, the idempotency
// codes, overloaded, outcome_unknown, store_unavailable.
func (e *Engine) TransitionOrder(cmd *commerce.TransitionOrder) (OrderReceipt, error) {
	if err := cmd.Validate(); err != nil {
		return OrderReceipt{}, e.refused(commerce.OperationTransitionOrder, err).err
	}
	t := &transition{engine: e, cmd: cmd}
	t.operation, t.resource = commerce.OperationTransitionOrder, cmd.Order
	if cmd.Key != "" {
		t.useKey(commerce.NewKeyID(cmd.Caller, t.operation, cmd.Order, cmd.Key), cmd.Hash())
	}
	if err := e.admission.begin(&t.command); err != nil {
		return OrderReceipt{}, e.refused(t.operation, err).err
	}
	e.admission.watch(&t.command)
	e.root.Send(e.enterOrder(cmd.Order).pid, t)
	<-t.done
	return OrderReceipt{Order: t.answer.order, Replayed: t.answer.replayed}, t.answer.err
}

// enterOrder finds the order's grain, or starts it, and counts a request in.
func (e *Engine) enterOrder(id commerce.ID) *grainHandle {
	for {
		found, resident := e.orders.Load(id)
		if resident && found.(*grainHandle).enter() {
			return found.(*grainHandle)
		}
		handle := new(grainHandle)
		handle.enter()
		handle.pid = e.root.Spawn(actor.PropsFromProducer(func() actor.Actor {
			return &orderGrain{engine: e, id: id, handle: handle}
		}, actor.WithMailbox(ownMailbox)))
		if resident && e.orders.CompareAndSwap(id, found, handle) {
			return handle
		}
		if !resident {
			if _, raced := e.orders.LoadOrStore(id, handle); !raced {
				return handle
			}
		}
		e.root.Stop(handle.pid)
	}
}

// CreateProduct puts a product into the catalogue. Refusals: validation_failed, sku_taken, the
// idempotency codes, overloaded, outcome_unknown, store_unavailable.
func (e *Engine) CreateProduct(cmd *commerce.CreateProduct) (ProductReceipt, error) {
	const operation = commerce.OperationCreateProduct
	if err := cmd.Validate(); err != nil {
		return ProductReceipt{}, e.refused(operation, err).err
	}
	id := newID()
	d := &direct{
		engine: e, entry: cmd.NewEntry(id, e.epoch(id), e.config.KeyRetention),
		receipt: func(entry *commerce.Entry) answer {
			return answer{product: entry.Product.Row, stock: entry.Movements[0].Level}
		},
	}
	d.operation, d.resource = operation, id
	d.setKey()
	a := d.run()
	return ProductReceipt{Product: a.product, Stock: a.stock, Replayed: a.replayed}, a.err
}

// UpdateProduct changes or archives a product. It never touches stock. Refusals:
// validation_failed, not_found, precondition_failed, sku_taken, overloaded, outcome_unknown,
// store_unavailable.
func (e *Engine) UpdateProduct(cmd *commerce.UpdateProduct) (ProductReceipt, error) {
	const operation = operationUpdateProduct
	ref, err := e.find(cmd.Product, time.Now().Add(e.config.CommandTimeout))
	if err != nil {
		return ProductReceipt{}, e.refused(operation, e.refuseProduct(cmd.Product, err)).err
	}
	entry, err := cmd.NewEntry(ref.product.Load(), rowTime())
	if err != nil {
		return ProductReceipt{}, e.refused(operation, err).err
	}
	d := &direct{engine: e, entry: entry, receipt: func(entry *commerce.Entry) answer {
		return answer{product: entry.Product.Row, stock: *ref.stock.Load()}
	}}
	d.operation, d.resource = operation, cmd.Product
	a := d.run()
	return ProductReceipt{Product: a.product, Stock: a.stock}, a.err
}

// operationUpdateProduct counts edits in the metrics. They take no idempotency key, because the
// version they expect makes a repeat harmless.
const operationUpdateProduct = commerce.OperationAdjustStock + 1

// AdjustStock changes a product's units on hand, all or nothing. A negative change is a grant like
// an order's. Refusals: validation_failed, not_found, insufficient_stock, the idempotency codes,
// overloaded, outcome_unknown, store_unavailable, quarantined.
func (e *Engine) AdjustStock(cmd *commerce.AdjustStock) (StockReceipt, error) {
	const operation = commerce.OperationAdjustStock
	if err := cmd.Validate(); err != nil {
		return StockReceipt{}, e.refused(operation, err).err
	}
	var a answer
	if cmd.Delta < 0 {
		a = e.removeStock(cmd)
	} else {
		d := &direct{
			engine: e, entry: cmd.NewEntry(rowTime(), e.epoch(cmd.Product), e.config.KeyRetention),
			receipt: func(entry *commerce.Entry) answer { return answer{movement: entry.Movements[0]} },
		}
		d.operation, d.resource = operation, cmd.Product
		d.setKey()
		a = d.run()
	}
	return StockReceipt{Movement: a.movement, Replayed: a.replayed}, a.err
}

func (e *Engine) removeStock(cmd *commerce.AdjustStock) answer {
	c := newClaim(e, 1)
	c.purpose = &removing{cmd: cmd, keyTTL: e.config.KeyRetention}
	c.requests[0] = grantRequest{id: c.id, quantity: -cmd.Delta}
	c.operation, c.resource = commerce.OperationAdjustStock, cmd.Product
	if cmd.Key != "" {
		c.useKey(commerce.NewKeyID(cmd.Caller, c.operation, cmd.Product, cmd.Key), cmd.Hash())
	}
	return e.carry(c, func(int) commerce.ID { return cmd.Product })
}

// setKey takes the command's key from its entry.
func (d *direct) setKey() {
	if key := d.entry.Key; key != nil {
		d.useKey(key.ID, key.Request)
	}
}

// find returns a product's ref, read from the store if need be.
func (e *Engine) find(product commerce.ID, deadline time.Time) (*productRef, error) {
	if ref := e.catalogue.find(product); ref != nil && ref.loaded() {
		return ref, nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return e.catalogue.load(ctx, product)
}

// reading bounds a read by the time a command may take.
func (e *Engine) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.config.CommandTimeout)
}
