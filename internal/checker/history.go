package checker

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/penstock-dev/penstock/commerce"
)

// Kind says what an operation was, and how it ended.
type Kind uint8

// The kinds of operations.
const (
	// Applied is a change that was acknowledged.
	Applied Kind = iota + 1
	// Refused is a change that was refused for want of units, which changes nothing.
	Refused
	// Unknown is a change without an answer: it may take effect at any later time, or never.
	Unknown
	// Read saw the stock row.
	Read
)

// Never is the Return of an operation that never returned.
const Never int64 = math.MaxInt64

// Operation is one operation on one product. Placing an order of several products is one
// operation on each of them, when it is placed; when it is refused, on the product that was short.
type Operation struct {
	Kind Kind
	// Actor is who gave the command, a name of its own for every command: the ledger repeats it,
	// so that Resolve finds the command's line.
	Actor string
	// OnHand and Allocated are the deltas that a change asks for.
	OnHand    int64
	Allocated int64
	// Level is the row that a Read saw, or the row right after an Applied change as its answer or
	// the ledger tells; Version 0 means that nothing tells it.
	Level commerce.Stock
	// Available is what a refusal said was left.
	Available int64
	// Call and Return are moments of a Clock; Return is Never when no answer came.
	Call, Return int64
}

// String describes the operation for a report.
func (o *Operation) String() string {
	if o == nil {
		return "nobody"
	}
	when := fmt.Sprintf("called at %d, answered at %d", o.Call, o.Return)
	if o.Return == Never {
		when = fmt.Sprintf("called at %d, never answered", o.Call)
	}
	change := fmt.Sprintf("change of on_hand %+d, allocated %+d", o.OnHand, o.Allocated)
	if o.Actor != "" {
		when += " by " + o.Actor
	}
	switch o.Kind {
	case Applied:
		if o.Level.Version != 0 {
			return fmt.Sprintf("%s, which reached %s, %s", change, describe(o.Level), when)
		}
		return change + ", " + when
	case Refused:
		return fmt.Sprintf("%s, refused with %d available, %s", change, o.Available, when)
	case Read:
		return fmt.Sprintf("read of %s, %s", describe(o.Level), when)
	default:
		return change + ", outcome unknown, " + when
	}
}

func describe(s commerce.Stock) string {
	return fmt.Sprintf("{on_hand %d, allocated %d, version %d}", s.OnHand, s.Allocated, s.Version)
}

// Clock numbers the moments of a history. Numbers are unique and follow real time, which wall
// clocks promise neither of.
type Clock struct{ last atomic.Int64 }

// Now returns the next moment.
func (c *Clock) Now() int64 { return c.last.Add(1) }

// Recorder gathers the operations of many clients, by product.
type Recorder struct {
	Clock Clock
	mu    struct {
		sync.Mutex
		operations map[commerce.ID][]Operation
	}
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder {
	r := new(Recorder)
	r.mu.operations = make(map[commerce.ID][]Operation)
	return r
}

// Add notes one finished operation of a product.
func (r *Recorder) Add(product commerce.ID, o Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.operations[product] = append(r.mu.operations[product], o)
}

// Operations returns what was noted of a product. The caller owns the slice once all clients have
// stopped.
func (r *Recorder) Operations(product commerce.ID) []Operation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.operations[product]
}
