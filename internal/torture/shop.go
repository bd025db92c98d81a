package torture

import (
	"errors"

	"github.com/penstock-dev/penstock/commerce"
)

// Shop is an engine as one client sees it. Refusals are *commerce.Error.
type Shop interface {
	PlaceOrder(cmd *commerce.PlaceOrder) (OrderAnswer, error)
	TransitionOrder(cmd *commerce.TransitionOrder) (OrderAnswer, error)
	AdjustStock(cmd *commerce.AdjustStock) (StockAnswer, error)
	Product(id commerce.ID) (ProductAnswer, error)
}

// OrderAnswer is what a client is told of an order.
type OrderAnswer struct {
	ID       commerce.ID
	Status   commerce.Status
	Version  uint64
	Lines    []commerce.OrderLine // sorted by product, without prices
	Replayed bool
}

// StockAnswer is what a client is told of a stock change: the level that it reached.
type StockAnswer struct {
	Level    commerce.Stock
	Replayed bool
}

// ProductAnswer is what a client is told of a product.
type ProductAnswer struct {
	ID       commerce.ID
	Name     string
	Version  uint64 // of the product's own row
	Stock    commerce.Stock
	Replayed bool
}

// Errors of clients.
var (
	// ErrLost: no answer came. The command may have been carried out.
	ErrLost = errors.New("no answer")
	// ErrAnswer: the answer is not one that the API promises.
	ErrAnswer = errors.New("unexpected answer")

	// errFenced: another server has taken the store over.
	errFenced = errors.New("taken over by another server")
)

// code returns the code of a refusal, or "".
func code(err error) commerce.Code {
	if refusal, ok := errors.AsType[*commerce.Error](err); ok {
		return refusal.Code
	}
	return ""
}

// inDoubt reports whether the command behind the error may have been carried out.
func inDoubt(err error) bool {
	return errors.Is(err, ErrLost) || code(err) == commerce.CodeOutcomeUnknown
}

// undone reports whether the error promises that the command was not carried out, for a reason
// that has nothing to do with the command.
func undone(err error) bool {
	return code(err) == commerce.CodeOverloaded || code(err) == commerce.CodeStoreUnavailable
}
