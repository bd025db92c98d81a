package checker

import (
	"errors"
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/penstock-dev/penstock/commerce"
)

// LinearizableMax bounds the operations of one product that Linearizable takes: the search is
// exponential in the worst case.
const LinearizableMax = 2000

// Errors of Linearizable.
var (
	// ErrNotLinearizable: no order of the operations explains the answers.
	ErrNotLinearizable = errors.New("history is not linearizable")
	// ErrUndecided: the search did not end in time.
	ErrUndecided = errors.New("history is not decided in time")
)

// Linearizable reports whether some order of the operations, starting from the row initial,
// explains every answer and respects real time. It returns nil, ErrNotLinearizable with the
// operation the longest explanation gets stuck at, or ErrUndecided after timeout.
func Linearizable(initial commerce.Stock, operations []Operation, timeout time.Duration) error {
	if len(operations) > LinearizableMax {
		return fmt.Errorf("%w: %d operations, at most %d", ErrUndecided, len(operations), LinearizableMax)
	}
	history := make([]porcupine.Operation, len(operations))
	for i := range operations {
		o := &operations[i]
		history[i] = porcupine.Operation{ClientId: i, Input: o, Call: o.Call, Return: o.Return}
	}
	switch porcupine.CheckOperationsTimeout(model(initial), history, timeout) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%w: %d operations in %s", ErrUndecided, len(operations), timeout)
	}
	// Only now, because keeping the longest explanations makes the search dearer.
	_, info := porcupine.CheckOperationsVerbose(model(initial), history, timeout)
	return fmt.Errorf("%w: %s", ErrNotLinearizable, stuckAt(operations, &info))
}

func model(initial commerce.Stock) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, _ any) (bool, any) {
			next, ok := step(state.(commerce.Stock), input.(*Operation))
			return ok, next
		},
		// One product has one state for each of its versions, mostly: without a hash the search
		// compares every state it comes to with all those before.
		Hash: func(state any) uint64 {
			row := state.(commerce.Stock)
			return row.Version<<40 ^ uint64(row.OnHand)<<20 ^ uint64(row.Allocated)
		},
	}
}

// step is the sequential specification of a product's stock.
//
// An Unknown operation that does not fit here changes nothing. That loses no error: its interval
// never ends, so that placing it after everything else is always open to the search.
func step(row commerce.Stock, o *Operation) (commerce.Stock, bool) {
	next := row
	next.OnHand += o.OnHand
	next.Allocated += o.Allocated
	next.Version++
	switch o.Kind {
	case Applied:
		return next, next.Valid() && (o.Level.Version == 0 || o.Level == next)
	case Refused:
		return row, !next.Valid() && o.Available == row.Available()
	case Unknown:
		if next.Valid() {
			return next, true
		}
		return row, true
	default:
		return row, o.Level == row
	}
}

// stuckAt describes the operation that returned first among those that the longest explanation
// leaves out: where to start looking.
func stuckAt(operations []Operation, info *porcupine.LinearizationInfo) string {
	var longest []int
	for _, partition := range info.PartialLinearizations() {
		for _, partial := range partition {
			if len(partial) > len(longest) {
				longest = partial
			}
		}
	}
	explained := make([]bool, len(operations))
	for _, i := range longest {
		explained[i] = true
	}
	stuck := -1
	for i := range operations {
		if !explained[i] && (stuck < 0 || operations[i].Return < operations[stuck].Return) {
			stuck = i
		}
	}
	if stuck < 0 {
		return "no operation stands out"
	}
	return fmt.Sprintf("%d of %d operations explained; stuck at %s", len(longest), len(operations), operations[stuck].String())
}
