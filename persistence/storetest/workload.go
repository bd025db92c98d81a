package storetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Workload makes ids, products, orders and batches: always the same ones for the same seed. It is
// for one goroutine.
type Workload struct {
	rng   *rand.Rand
	clock time.Time
	count uint32

	// Epoch stands in the movements it makes: the writer's.
	Epoch uint64
	// Terms are those of the orders it makes.
	Terms commerce.Terms
}

// NewWorkload returns a workload whose time starts now, in milliseconds: stores compare expiries
// with their own clocks.
func NewWorkload(seed uint64) *Workload {
	return &Workload{
		rng:   rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)),
		clock: time.Now().UTC().Truncate(time.Millisecond),
		Terms: commerce.Terms{PaymentTimeout: 15 * time.Minute, KeyTTL: 24 * time.Hour},
	}
}

// Now returns the workload's time.
func (w *Workload) Now() time.Time { return w.clock }

// Advance moves the workload's time on.
func (w *Workload) Advance(d time.Duration) { w.clock = w.clock.Add(d) }

// ID returns a UUID of version 7 greater than all before it, made at the workload's time.
func (w *Workload) ID() commerce.ID {
	id := commerce.IDFloor(w.clock)
	w.count++
	id[6], id[7] = 0x70, 0
	binary.BigEndian.PutUint32(id[8:], 0x80000000|w.count)
	binary.BigEndian.PutUint32(id[12:], w.rng.Uint32())
	return id
}

// Product returns an entry that makes a product with units on hand. The SKU may be empty.
func (w *Workload) Product(sku string, onHand int64) *commerce.Entry {
	c := commerce.CreateProduct{
		Caller: commerce.Trusted("merchant"), Name: "a lamp", Description: "It gives light.", Category: "lamps", SKU: sku,
		Price:      commerce.Money{Amount: 1000 + w.rng.Int64N(100_000), Currency: commerce.DefaultCurrency()},
		Attributes: `{"colour":"red"}`, OnHand: onHand,
	}
	return c.NewEntry(w.ID(), w.Epoch, w.Terms.KeyTTL)
}

// Line is one line of an order.
type Line struct {
	Product  *commerce.Product
	Quantity int64
}

// Order returns an entry that places an order. The key may be empty.
func (w *Workload) Order(customer, key string, lines ...Line) *commerce.Entry {
	c := commerce.PlaceOrder{
		Caller: commerce.Trusted(customer), Key: key, Note: "ring twice",
		Address: commerce.Address{
			Recipient: "Kim Minji", Street: "12 Teheran-ro", City: "Seoul", PostalCode: "06234", Country: "KR",
		},
	}
	products := make(map[commerce.ID]*commerce.Product, len(lines))
	for _, l := range lines {
		c.Lines = append(c.Lines, commerce.OrderLine{Product: l.Product.ID, Quantity: l.Quantity})
		products[l.Product.ID] = l.Product
	}
	merged, err := c.Merge()
	if err != nil {
		panic(err) // the test asks for what commerce refuses
	}
	offers := make([]commerce.Offer, len(merged))
	for i := range merged {
		offers[i] = commerce.Offer{Product: products[merged[i].Product], Epoch: w.Epoch}
	}
	e, err := c.NewEntry(w.ID(), merged, offers, w.Terms)
	if err != nil {
		panic(err)
	}
	return e
}

// Transition returns an entry that moves an order on.
func (w *Workload) Transition(o *commerce.Order, to commerce.Status, key string) *commerce.Entry {
	c := commerce.TransitionOrder{Caller: commerce.Trusted("clerk"), Key: key, Order: o.ID, To: to, Reason: "as asked"}
	e, err := c.NewEntry(o, w.clock, func(commerce.ID) uint64 { return w.Epoch }, w.Terms.KeyTTL)
	if err != nil {
		panic(err)
	}
	return e
}

// Adjust returns an entry that changes a product's units on hand.
func (w *Workload) Adjust(product commerce.ID, delta int64, key string) *commerce.Entry {
	c := commerce.AdjustStock{Caller: commerce.Trusted("merchant"), Key: key, Product: product, Delta: delta, Reason: "counted again"}
	return c.NewEntry(w.clock, w.Epoch, w.Terms.KeyTTL)
}

// Batch numbers a batch.
func (w *Workload) Batch(seq uint64, entries ...*commerce.Entry) *persistence.Batch {
	b := &persistence.Batch{Seq: seq, At: w.clock, Entries: entries}
	binary.BigEndian.PutUint64(b.ID[:], w.rng.Uint64())
	binary.BigEndian.PutUint64(b.ID[8:], w.rng.Uint64())
	return b
}

// SKU returns a SKU that no other call returns.
func (w *Workload) SKU() string {
	w.count++
	return fmt.Sprintf("SKU-%06d", w.count)
}
