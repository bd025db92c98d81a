package peer

import (
	"context"
	"errors"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The names of the peers.
const (
	RowLock   = "rowlock"
	Statement = "statement"
	Redis     = "redis"
)

// errNotServed says that a peer does not do what is asked.
var errNotServed = errors.New("this peer does not serve that")

// shop is what a peer does. Refusals are *commerce.Error.
type shop interface {
	// place places an order, or answers the first one again when its key is bound.
	place(ctx context.Context, cmd *commerce.PlaceOrder) (receipt, error)
	product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error)
	products(ctx context.Context, q *productQuery) (productPage, error)
	search(ctx context.Context, words string, offset, limit int) (productPage, error)
	// orders returns a customer's newest orders.
	orders(ctx context.Context, customer string, limit int) ([]*commerce.Order, error)
	close()
}

// receipt is a placed order: the order, or already its JSON.
type receipt struct {
	order    *commerce.Order
	encoded  []byte
	id       commerce.ID
	replayed bool
}

// productQuery asks for a page of products.
type productQuery struct {
	category      string // empty: all
	sort          productSort
	offset, limit int
}

// productSort is an order of products.
type productSort int

const (
	sortNewest productSort = iota
	sortOldest
	sortPrice
	sortPriceDown
	sortName
	sortsMax
)

// parseSort reads the word of a sort; every other one is the newest first.
func parseSort(word []byte) productSort {
	switch string(word) {
	case "oldest":
		return sortOldest
	case "price":
		return sortPrice
	case "-price":
		return sortPriceDown
	case "name":
		return sortName
	default:
		return sortNewest
	}
}

// productPage is a page of products, and how many there are in all.
type productPage struct {
	rows  []persistence.ProductRow
	total int
}

func notFound() error {
	return &commerce.Error{Code: commerce.CodeNotFound, Detail: "there is no such product"}
}

// insufficient refuses an order of more units than there are.
func insufficient(product commerce.ID, available int64) error {
	return &commerce.Error{
		Code: commerce.CodeInsufficientStock, Product: product, Available: available,
		Detail: "there are not enough units of product " + product.String(),
	}
}

// mismatched refuses a key that was used for another order.
func mismatched() error {
	return &commerce.Error{Code: commerce.CodeIdempotencyMismatch, Detail: "the key was used for another request"}
}
