package persistence

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// ErrSalesPending says that the store is adding up sales of orders that it had before it kept such sums. They will be
// there soon; nothing else waits for them.
var ErrSalesPending = errors.New("the sales of older orders are still being added up")

// SalesReader reads sums over orders by the time they were placed. They are exact: whatever Commit has answered is
// in the sums that any later read returns, and each read shows one state of the store.
//
// An order counts for the quarter hour in which it was placed, whatever happens to it later: a transition
// moves it from one status to another, there. A product's units and revenue are those of orders that are not
// cancelled; the units of cancelled ones are counted apart.
type SalesReader interface {
	// Sales calls visit with the sums of a range, in any order. One quarter hour, status and currency may come
	// in several parts, of which some may be negative; together they are the sum. ErrSalesPending.
	Sales(ctx context.Context, r SalesRange, visit func(SalesCell)) error
	// TopProducts returns the products that sold most in a range, for each currency apart: sorted by currency,
	// then the best first, then by id. Products of which nothing was sold are left out. ErrSalesPending.
	TopProducts(ctx context.Context, q TopQuery) ([]ProductSales, error)
	// ProductSales calls visit with the sums of one product, as Sales does. ErrSalesPending.
	ProductSales(ctx context.Context, product commerce.ID, r SalesRange, visit func(ProductCell)) error
}

// QuarterHour is the finest stretch of time by which sales are kept: the offsets of all time zones are
// multiples of it.
const QuarterHour = 15 * time.Minute

// Quarter numbers the quarter hours of UTC since 1970.
type Quarter int32

// QuartersADay is how many quarter hours a day of UTC has.
const QuartersADay = 96

// QuarterOf returns the quarter hour in which a time lies.
func QuarterOf(t time.Time) Quarter {
	const seconds = int64(QuarterHour / time.Second)
	s := t.Unix()
	if s < 0 {
		s -= seconds - 1
	}
	return Quarter(s / seconds)
}

// Time returns the beginning of the quarter hour, in UTC.
func (q Quarter) Time() time.Time { return time.Unix(int64(q)*int64(QuarterHour/time.Second), 0).UTC() }

// SalesRange is a range of quarter hours, To not included.
type SalesRange struct {
	From, To Quarter
}

// Holds reports whether a quarter hour lies in the range.
func (r SalesRange) Holds(q Quarter) bool { return q >= r.From && q < r.To }

// SalesCell sums up orders that were placed in one quarter hour, in one currency, and are in one status now.
type SalesCell struct {
	Quarter  Quarter
	Status   commerce.Status
	Currency commerce.Currency
	Orders   int64
	Amount   Sum // of their totals
}

// ProductCell sums up what was sold of a product by orders placed in one quarter hour.
type ProductCell struct {
	Quarter   Quarter
	Currency  commerce.Currency
	Units     int64
	Revenue   Sum
	Cancelled int64 // units of orders that were cancelled
}

// TopQuery selects the products that sold most.
type TopQuery struct {
	SalesRange
	ByRevenue bool              // else by units
	Currency  commerce.Currency // zero: every currency apart
	Limit     int               // products a currency, 1 to PageMax
}

// ProductSales is what was sold of one product, in one currency.
type ProductSales struct {
	Product   commerce.ID
	Currency  commerce.Currency
	Units     int64
	Revenue   Sum
	Cancelled int64 // units of orders that were cancelled
}
