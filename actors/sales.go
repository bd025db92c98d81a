package actors

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// SalesSums is what some orders come to, in one currency.
type SalesSums struct {
	Orders   int64           // all of them
	Revenue  persistence.Sum // of those that are not cancelled
	ByStatus [commerce.StatusMax + 1]StatusSums
}

// StatusSums is the part of the orders that are in one status now.
type StatusSums struct {
	Orders int64
	Amount persistence.Sum
}

// Average returns the revenue of an order that is not cancelled, to the nearest minor unit; 0 when there is none.
func (s *SalesSums) Average() persistence.Sum {
	return s.Revenue.Mean(s.Orders - s.ByStatus[commerce.StatusCancelled].Orders)
}

// CancellationRate returns the part of the orders that are cancelled, from 0 to 1; 0 when there are none.
func (s *SalesSums) CancellationRate() float64 {
	if s.Orders == 0 {
		return 0
	}
	return float64(s.ByStatus[commerce.StatusCancelled].Orders) / float64(s.Orders)
}

func (s *SalesSums) add(c *persistence.SalesCell) {
	s.Orders += c.Orders
	if c.Status != commerce.StatusCancelled {
		s.Revenue = s.Revenue.Add(c.Amount)
	}
	if int(c.Status) < len(s.ByStatus) {
		part := &s.ByStatus[c.Status]
		part.Orders += c.Orders
		part.Amount = part.Amount.Add(c.Amount)
	}
}

// CurrencySales is what the orders in one currency come to, in all and in each interval.
type CurrencySales struct {
	Currency  commerce.Currency
	All       SalesSums
	Intervals []SalesSums
}

// ProductSums is what was sold of a product.
type ProductSums struct {
	Units     int64
	Revenue   persistence.Sum
	Cancelled int64 // units of orders that were cancelled
}

func (s *ProductSums) add(c *persistence.ProductCell) {
	s.Units += c.Units
	s.Revenue = s.Revenue.Add(c.Revenue)
	s.Cancelled += c.Cancelled
}

// CurrencyProductSales is what was sold of a product in one currency, in all and in each interval.
type CurrencyProductSales struct {
	Currency  commerce.Currency
	All       ProductSums
	Intervals []ProductSums
}

// TopProduct is a product with what was sold of it.
type TopProduct struct {
	persistence.ProductSales
	Name, SKU string // as they are now
}

// Intervals cuts a range into intervals: the first from bounds[0] up to bounds[1], and so on. They may be empty.
type Intervals struct {
	bounds []persistence.Quarter
	index  []uint16 // of each quarter hour's interval
}

// IntervalsMax bounds the intervals of one answer.
const IntervalsMax = 1 << 16

// NewIntervals makes intervals. REQUIRES: the bounds do not fall, and there are two or more of them, but no more than
// IntervalsMax.
func NewIntervals(bounds []persistence.Quarter) *Intervals {
	i := &Intervals{bounds: bounds, index: make([]uint16, bounds[len(bounds)-1]-bounds[0])}
	for n := range i.Len() {
		for q := bounds[n]; q < bounds[n+1]; q++ {
			i.index[q-bounds[0]] = uint16(n)
		}
	}
	return i
}

// Len is how many there are.
func (i *Intervals) Len() int { return len(i.bounds) - 1 }

// Range is all of them.
func (i *Intervals) Range() persistence.SalesRange {
	return persistence.SalesRange{From: i.bounds[0], To: i.bounds[len(i.bounds)-1]}
}

// of returns the interval of a quarter hour in the range.
func (i *Intervals) of(q persistence.Quarter) int { return int(i.index[q-i.bounds[0]]) }

// Sales sums up the orders that were placed in some intervals, by currency in their order. Refusal:
// store_unavailable while older orders are being added up.
func (e *Engine) Sales(ctx context.Context, in *Intervals) ([]CurrencySales, error) {
	var all byCurrency[CurrencySales]
	err := e.store.Sales(ctx, in.Range(), func(c persistence.SalesCell) {
		sales, isNew := all.of(c.Currency)
		if isNew {
			*sales = CurrencySales{Currency: c.Currency, Intervals: make([]SalesSums, in.Len())}
		}
		sales.All.add(&c)
		sales.Intervals[in.of(c.Quarter)].add(&c)
	})
	return all.sorted(), salesError(err)
}

// ProductSales sums up what was sold of a product in some intervals, by currency in their order. Refusals: not_found;
// store_unavailable while older orders are being added up.
func (e *Engine) ProductSales(ctx context.Context, product commerce.ID, in *Intervals) ([]CurrencyProductSales, error) {
	if _, err := e.Product(ctx, product); err != nil {
		return nil, err
	}
	var all byCurrency[CurrencyProductSales]
	err := e.store.ProductSales(ctx, product, in.Range(), func(c persistence.ProductCell) {
		sales, isNew := all.of(c.Currency)
		if isNew {
			*sales = CurrencyProductSales{Currency: c.Currency, Intervals: make([]ProductSums, in.Len())}
		}
		sales.All.add(&c)
		sales.Intervals[in.of(c.Quarter)].add(&c)
	})
	return all.sorted(), salesError(err)
}

// TopProducts returns the products that sold most, with their names: by currency, the best first. Refusal:
// store_unavailable while older orders are being added up.
func (e *Engine) TopProducts(ctx context.Context, q persistence.TopQuery) ([]TopProduct, error) {
	sales, err := e.store.TopProducts(ctx, q)
	if err != nil {
		return nil, salesError(err)
	}
	top := make([]TopProduct, len(sales))
	for i := range sales {
		top[i].ProductSales = sales[i]
		row, err := e.Product(ctx, sales[i].Product)
		if err != nil {
			return nil, err
		}
		top[i].Name, top[i].SKU = row.Product.Name, row.Product.SKU
	}
	return top, nil
}

// ScanOrders calls visit with the orders that a query selects and the principal may see, newest first, as
// they stood at one moment. Refusal: forbidden.
func (e *Engine) ScanOrders(
	ctx context.Context, by *commerce.Principal, q persistence.OrderQuery, visit func(*commerce.Order) error,
) error {
	var err error
	if q.Customer, err = by.Sees(q.Customer); err != nil {
		return err
	}
	return e.store.ScanOrders(ctx, q, visit)
}

// salesRetryAfter is when to ask again while older orders are being added up.
const salesRetryAfter = 5 * time.Second

func salesError(err error) error {
	if errors.Is(err, persistence.ErrSalesPending) {
		return &commerce.Error{
			Code: commerce.CodeStoreUnavailable, RetryAfter: salesRetryAfter,
			Detail: "the store is still adding up the orders it had before it kept sums of sales; try again",
		}
	}
	return err
}
