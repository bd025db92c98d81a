package actors

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// customers bounds what one customer may hold, against bots that buy for others: units of one product within a
// window of time, and orders that are not paid. Orders on their way count too, so that a thousand orders sent at
// once get no more than one after another.
//
// A customer's orders are read from the store when it first comes, and followed from then on; whoever rests is
// forgotten when others need the place. In a cluster a customer is counted where its orders are placed: one
// place must be its own for the limits to be exact.
type customers struct {
	store  persistence.Store
	limits customerLimits
	seed   maphash.Seed
	shards [customerShards]customerShard
}

type customerLimits struct {
	units  int64         // of one product, within the window; 0: any number
	window time.Duration // back from now
	open   int           // unpaid orders; 0: any number
	max    int           // customers in memory
}

const (
	customerShards = 64
	// unknownFor is how long an order counts whose outcome is not known; then the store tells. No batch is on its way longer.
	unknownFor = 15 * time.Second
	// customerOrdersMax bounds the orders that are read of one customer. Who has more within a window has
	// come to some limit.
	customerOrdersMax = 10 * persistence.PageMax
)

type customerShard struct {
	mu   sync.Mutex
	held map[string]*customer
}

// customer is what is known of one. Guarded by its shard's lock.
type customer struct {
	ready  chan struct{} // closed when its orders have been read, or could not be
	loaded bool
	moved  bool // one of its orders has moved while they were being read
	using  int  // commands that are under way
	orders map[commerce.ID]*heldOrder
	// doubt is when the last order was answered whose outcome is not known; zero: there is none.
	doubt time.Time
}

// doubtful reports whether the store must be asked what has become of an order, and can be.
func (c *customer) doubtful() bool {
	return !c.doubt.IsZero() && c.using == 0 && time.Since(c.doubt) > unknownFor
}

// heldOrder is an order that counts.
type heldOrder struct {
	placed  time.Time
	pending bool
	lines   []commerce.OrderLine
}

// newCustomers returns nil when nothing is limited.
func newCustomers(store persistence.Store, limits customerLimits) *customers {
	if limits.units == 0 && limits.open == 0 {
		return nil
	}
	c := &customers{store: store, limits: limits, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].held = make(map[string]*customer)
	}
	return c
}

func (c *customers) shard(name string) *customerShard {
	return &c.shards[maphash.String(c.seed, name)%customerShards]
}

// take counts an order that is about to be placed. Every take that returns nil is settled. Refusal:
// customer_limit; every other error is the store's.
func (c *customers) take(ctx context.Context, name string, id commerce.ID, lines []commerce.OrderLine) error {
	shard := c.shard(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	held, err := c.known(ctx, shard, name)
	if err != nil {
		return err
	}
	if err := c.check(held, lines, time.Now()); err != nil {
		return err
	}
	held.using++
	held.orders[id] = &heldOrder{placed: id.Time(), pending: true, lines: lines}
	return nil
}

// known returns a customer whose orders have been read. REQUIRES: the shard is locked; it is unlocked
// meanwhile.
func (c *customers) known(ctx context.Context, shard *customerShard, name string) (*customer, error) {
	for {
		held := shard.held[name]
		switch {
		case held == nil, held.loaded && held.doubtful():
			held = &customer{ready: make(chan struct{}), orders: make(map[commerce.ID]*heldOrder)}
			c.makeRoom(shard)
			shard.held[name] = held
			if err := c.load(ctx, shard, name, held); err != nil {
				return nil, err
			}
		case held.loaded:
			return held, nil
		default: // somebody else reads them
			shard.mu.Unlock()
			select {
			case <-held.ready:
			case <-ctx.Done():
			}
			shard.mu.Lock()
			if ctx.Err() != nil {
				return nil, fmt.Errorf("wait for a customer's orders: %w", ctx.Err())
			}
		}
	}
}

// makeRoom forgets customers that rest, in no order, when there are too many.
func (c *customers) makeRoom(shard *customerShard) {
	for name, held := range shard.held {
		if len(shard.held) < max(c.limits.max/customerShards, 1) {
			return
		}
		if held.loaded && held.using == 0 {
			delete(shard.held, name)
		}
	}
}

// load reads a customer's orders, once more if one of them has moved meanwhile. REQUIRES: as known.
func (c *customers) load(ctx context.Context, shard *customerShard, name string, held *customer) error {
	for {
		held.moved = false
		shard.mu.Unlock()
		orders, err := c.read(ctx, name)
		shard.mu.Lock()
		if err != nil {
			delete(shard.held, name)
			close(held.ready)
			return err
		}
		if held.moved {
			continue
		}
		for _, o := range orders {
			held.orders[o.ID] = newHeldOrder(o)
		}
		held.loaded = true
		close(held.ready)
		return nil
	}
}

// read returns the customer's orders that count.
func (c *customers) read(ctx context.Context, name string) ([]*commerce.Order, error) {
	var counted []*commerce.Order
	for _, q := range []persistence.OrderQuery{
		{Customer: name, From: time.Now().Add(-c.limits.window), Limit: persistence.PageMax},
		{Customer: name, Status: commerce.StatusPending, Limit: persistence.PageMax},
	} {
		for read := 0; read < customerOrdersMax; {
			page, err := c.store.Orders(ctx, q)
			if err != nil {
				return nil, wrapStore("read a customer's orders", err)
			}
			for _, o := range page {
				if o.Status != commerce.StatusCancelled {
					counted = append(counted, o)
				}
			}
			if read += len(page); len(page) < persistence.PageMax {
				break
			}
			q.Before = page[len(page)-1].ID
		}
	}
	return counted, nil
}

func newHeldOrder(o *commerce.Order) *heldOrder {
	held := &heldOrder{placed: o.PlacedAt, pending: o.Status == commerce.StatusPending}
	for i := range o.Items {
		held.lines = append(held.lines, commerce.OrderLine{Product: o.Items[i].Product, Quantity: o.Items[i].Quantity})
	}
	return held
}

// check refuses an order that would go beyond a limit, and drops what counts no more.
func (c *customers) check(held *customer, lines []commerce.OrderLine, now time.Time) error {
	units := make(map[commerce.ID]int64, len(lines))
	open := 0
	for id, o := range held.orders {
		recent := now.Sub(o.placed) < c.limits.window
		if !recent && !o.pending {
			delete(held.orders, id)
			continue
		}
		if o.pending {
			open++
		}
		for i := range o.lines {
			if recent {
				units[o.lines[i].Product] += o.lines[i].Quantity
			}
		}
	}
	if c.limits.open > 0 && open >= c.limits.open {
		return commerce.Errorf(commerce.CodeCustomerLimit,
			"you have %d orders that are not paid, as many as a customer may; pay or cancel one first", open)
	}
	for i := range lines {
		left := c.limits.units - units[lines[i].Product]
		if c.limits.units > 0 && lines[i].Quantity > left {
			return &commerce.Error{
				Code: commerce.CodeCustomerLimit, Product: lines[i].Product, Available: max(left, 0),
				Detail: fmt.Sprintf("a customer may order %d units of product %s within %s; you can have %d more now",
					c.limits.units, lines[i].Product, c.limits.window, max(left, 0)),
			}
		}
	}
	return nil
}

// settle ends what take began. An order that was not placed does not count any more.
func (c *customers) settle(name string, id commerce.ID, a *answer) {
	shard := c.shard(name)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	held := shard.held[name]
	held.using--
	switch {
	case errors.Is(a.err, &commerce.Error{Code: commerce.CodeOutcomeUnknown}):
		held.doubt = time.Now()
	case a.err != nil || a.replayed:
		delete(held.orders, id)
	}
}

// follow is told of an order that has moved, also where nothing is limited.
func (c *customers) follow(o *commerce.Order) {
	if c == nil {
		return
	}
	shard := c.shard(o.Customer)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	held := shard.held[o.Customer]
	if held == nil {
		return
	}
	held.moved = true
	known := held.orders[o.ID]
	switch {
	case known == nil:
	case o.Status == commerce.StatusCancelled:
		delete(held.orders, o.ID)
	default:
		known.pending = o.Status == commerce.StatusPending
	}
}
