package salesbook

import (
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Tally gathers what commands change of the sums, in the order in which they come. Its zero value is empty.
type Tally struct {
	buckets []Bucket
	items   []item
}

// item is a change of a product's sum, before the product has a number.
type item struct {
	name      Name
	quarter   persistence.Quarter
	units     int64
	revenue   int64
	cancelled int64
}

// Name is what a number stands for.
type Name struct {
	Product  commerce.ID
	Currency commerce.Currency
}

// Change moves an order from one status to another; From is zero when it is being placed.
type Change struct {
	Placed   persistence.Quarter
	Total    commerce.Money
	From, To commerce.Status
}

// MovesItems reports whether the change is one of products' sums too: then Item is to be called for each item.
func (c *Change) MovesItems() bool { return c.From == 0 || c.To == commerce.StatusCancelled }

// Order notes what a change does to an order's buckets.
func (t *Tally) Order(c *Change) {
	if c.From != 0 {
		t.bucket(c, c.From, -1, -c.Total.Amount)
	}
	t.bucket(c, c.To, 1, c.Total.Amount)
}

// bucket adds to a bucket. Orders that are placed one after another mostly fall into the same one.
func (t *Tally) bucket(c *Change, s commerce.Status, orders, amount int64) {
	key := NewBucketKey(c.Placed, c.Total.Currency, s)
	if last := len(t.buckets) - 1; last >= 0 && t.buckets[last].Key == key {
		t.buckets[last].Orders += orders
		t.buckets[last].Amount = t.buckets[last].Amount.Add(persistence.SumOf(amount))
		return
	}
	t.buckets = append(t.buckets, Bucket{Key: key, Orders: orders, Amount: persistence.SumOf(amount)})
}

// Item notes what a change does to the sums of one of the order's products.
func (t *Tally) Item(c *Change, product commerce.ID, quantity, unitPrice int64) {
	i := item{name: Name{product, c.Total.Currency}, quarter: c.Placed}
	switch {
	case c.From == 0 && c.To == commerce.StatusCancelled:
		i.cancelled = quantity
	case c.From == 0:
		i.units, i.revenue = quantity, quantity*unitPrice
	case c.To == commerce.StatusCancelled:
		i.units, i.revenue, i.cancelled = -quantity, -quantity*unitPrice, quantity
	default:
		return
	}
	t.items = append(t.items, i)
}

// Len is how many changes of sums the tally holds.
func (t *Tally) Len() int { return len(t.buckets) + len(t.items) }

// Add appends what another tally holds.
func (t *Tally) Add(more *Tally) {
	t.buckets = append(t.buckets, more.buckets...)
	t.items = append(t.items, more.items...)
}

// Reset empties the tally and keeps its memory.
func (t *Tally) Reset() { t.buckets, t.items = t.buckets[:0], t.items[:0] }

// Names calls visit with the name of each item; one may come more than once.
func (t *Tally) Names(visit func(Name)) {
	for i := range t.items {
		visit(t.items[i].name)
	}
}

// Buckets appends the tally's changes of buckets to a list, and does not add them up.
func (t *Tally) Buckets(list []Bucket) []Bucket { return append(list, t.buckets...) }

// Products appends the tally's changes of products' sums to a list, and does not add them up. number tells the
// number of a product; false leaves it out.
func (t *Tally) Products(list []ProductSum, number func(Name) (Number, bool)) []ProductSum {
	for k := range t.items {
		i := &t.items[k]
		n, ok := number(i.name)
		if !ok {
			continue
		}
		list = append(list, i.sum(n))
	}
	return list
}

func (i *item) sum(n Number) ProductSum {
	return ProductSum{
		Key: NewProductKey(i.quarter, n), Units: i.units, Revenue: persistence.SumOf(i.revenue), Cancelled: i.cancelled,
	}
}
