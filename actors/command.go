package actors

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// retryAfterShort is what a caller is told to wait when the engine is busy or stalled.
const retryAfterShort = time.Second

// answer is what a command is told. One of its parts is set, as the operation asks.
type answer struct {
	order    *commerce.Order
	product  *commerce.Product
	stock    commerce.Stock
	movement commerce.Movement
	replayed bool
	err      error
}

// commandState says how far a command is.
//
//	waiting ──submit──► submitted ──finish──► over
//	   └──── finish, or the deadline ───────────┘
//
// What leaves waiting by its deadline has done nothing; what leaves submitted by it may have been
// written, and is answered outcome_unknown.
type commandState = int32

const (
	stateWaiting commandState = iota
	stateSubmitted
	stateOver
)

// command is one accepted command: who waits for its answer and until when, and what it holds of
// the node's limits. It is never reused, so a late message about it can do no harm.
type command struct {
	operation commerce.Operation
	resource  commerce.ID // of outcome_unknown: the order or product whose fate is open
	keyed     bool
	key       commerce.KeyID
	hash      commerce.RequestHash
	stalled   error // why it cannot be carried out, only looked up; nil otherwise
	deadline  time.Time

	// pid is the actor that must hear when the deadline passes while the command waits; nil when
	// nobody must.
	pid     *actor.PID
	expired any // the message it is sent

	state  atomic.Int32
	answer answer // written by whoever moves state to over, read after done
	done   chan struct{}

	slot deadlineSlot
}

// useKey gives the command its idempotency key.
func (c *command) useKey(key commerce.KeyID, hash commerce.RequestHash) {
	c.keyed, c.key, c.hash = true, key, hash
}

// submit moves the command to the committer's side of the deadline; false says that it is over.
func (c *command) submit() bool {
	return c.state.CompareAndSwap(stateWaiting, stateSubmitted)
}

// over reports whether the command has been answered.
func (c *command) over() bool { return c.state.Load() == stateOver }

// finish answers the command, unless its deadline already has. It reports whether it did.
func (c *command) finish(a answer) bool {
	if c.state.Swap(stateOver) == stateOver {
		return false
	}
	c.answer = a
	c.done <- struct{}{}
	return true
}

// expire answers a command whose deadline has passed, unless it has been answered. waited says that
// it had not been handed over, so that its actor must be told to give back what it holds.
func (c *command) expire() (answered, waited bool) {
	if c.state.CompareAndSwap(stateWaiting, stateOver) {
		c.answer = answer{err: errDeadline()}
		c.done <- struct{}{}
		return true, true
	}
	return c.finish(answer{err: c.errUnknown()}), false
}

func errDeadline() error {
	return &commerce.Error{
		Code: commerce.CodeOverloaded, RetryAfter: retryAfterShort,
		Detail: "the command waited too long and was given up; nothing was done, try again",
	}
}

// errUnknown says that the command's fate is open, and names what it would have made or changed.
func (c *command) errUnknown() error {
	e := &commerce.Error{
		Code: commerce.CodeOutcomeUnknown, RetryAfter: retryAfterShort,
		Detail: "the command may or may not have been carried out; " +
			"send it again with the same Idempotency-Key, or read what it changes, to learn the truth",
	}
	switch c.operation {
	case commerce.OperationPlaceOrder, commerce.OperationTransitionOrder:
		e.Order = c.resource
	default:
		e.Product = c.resource
	}
	return e
}

func errUnavailable() *commerce.Error {
	return &commerce.Error{
		Code: commerce.CodeStoreUnavailable, RetryAfter: retryAfterShort,
		Detail: "the store cannot write at the moment; nothing was done, try again",
	}
}

// errInternal is told after a panic; product is the one whose grain failed, if one did.
func errInternal(product commerce.ID) *commerce.Error {
	return &commerce.Error{
		Code: commerce.CodeInternal, Product: product, Detail: "an internal error; nothing was done",
	}
}

func errDraining() error {
	return &commerce.Error{
		Code: commerce.CodeOverloaded, RetryAfter: retryAfterShort,
		Detail: "this server is shutting down; nothing was done, try again",
	}
}

func errMismatch() error {
	return commerce.Errorf(commerce.CodeIdempotencyMismatch,
		"this Idempotency-Key was used for a different request; use a new key for a new request")
}

// outcomeError is what a command is told whose entry the store did not apply.
func outcomeError(o *commerce.Outcome) error {
	switch o.Kind {
	case commerce.KeyMismatch:
		return errMismatch()
	case commerce.VersionConflict:
		return commerce.Errorf(commerce.CodePrecondition, "it has been changed meanwhile; read it again, then decide")
	case commerce.SKUTaken:
		return &commerce.Error{
			Code: commerce.CodeSKUTaken, Product: o.Stock.Product,
			Detail: "another product, " + o.Stock.Product.String() + ", has this SKU",
		}
	case commerce.UnknownProduct:
		return commerce.NoProduct(o.Stock.Product)
	case commerce.Insufficient:
		return &commerce.Error{
			Code: commerce.CodeInsufficientStock, Product: o.Stock.Product, Available: o.Stock.Available(),
			Detail: fmt.Sprintf("of product %s, %d units are left", o.Stock.Product, o.Stock.Available()),
		}
	case commerce.Overstocked:
		return &commerce.Error{
			Code: commerce.CodeValidation, Product: o.Stock.Product, Detail: "the request is not valid",
			Violations: []commerce.Violation{{
				Pointer: "/quantity_change",
				Detail: fmt.Sprintf("a product may have at most %d units on hand, and this one has %d",
					commerce.OnHandMax, o.Stock.OnHand),
			}},
		}
	case commerce.Unstorable:
		return commerce.Errorf(commerce.CodeValidation, "some text of the request cannot be stored: it has a NUL character, or is not UTF-8")
	default: // a stale grant: its partition has another owner now
		return &commerce.Error{
			Code: commerce.CodeOverloaded, RetryAfter: retryAfterShort, Product: o.Stock.Product,
			Detail: "the product is being moved; nothing was done, try again",
		}
	}
}
