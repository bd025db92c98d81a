package commerce

import "time"

// Stock is the committed state of one product's units. OnHand counts the units in the building,
// Allocated those of them that belong to orders not yet shipped. Version counts its movements.
type Stock struct {
	Product   ID
	OnHand    int64
	Allocated int64
	Version   uint64
}

// Available is what may still be sold.
func (s Stock) Available() int64 { return s.OnHand - s.Allocated }

// Valid is the invariant of every committed row: on_hand >= allocated >= 0.
func (s Stock) Valid() bool {
	return s.Allocated >= 0 && s.OnHand >= s.Allocated && s.OnHand <= OnHandMax
}

// Reason says why units moved: a word of the ledger.
type Reason string

// The reasons the engine itself writes. A merchant's stock change brings its own word.
const (
	ReasonInitial Reason = "initial"
	ReasonPlaced  Reason = "order_placed"
	ReasonShipped Reason = "order_shipped"
	ReasonCancel  Reason = "order_cancelled"
	ReasonAdjust  Reason = "adjustment"
)

// engine reports whether only the engine may write the reason.
func (r Reason) engine() bool {
	switch r {
	case ReasonInitial, ReasonPlaced, ReasonShipped, ReasonCancel:
		return true
	default:
		return false
	}
}

// ReasonUnpaid is why the engine cancels an order that was not paid in time.
const ReasonUnpaid = "payment_timeout"

// Movement is one line of the ledger: how an entry changes one product's units. OnHandDelta and
// AllocatedDelta are what the entry asks for; Level is what the store computed in the commit.
type Movement struct {
	Product        ID
	Order          ID // zero when no order caused it
	OnHandDelta    int64
	AllocatedDelta int64
	Reason         Reason
	Actor          string
	At             time.Time
	// Epoch is that of the product's partition when the units were granted. A store refuses the
	// grant of an epoch that has passed.
	Epoch uint64
	// Level is the row after this movement; its Version is the movement's number in the ledger.
	// The store fills it in.
	Level Stock
}

// after returns the row after the movement, valid or not.
func (s Stock) after(m *Movement) Stock {
	return Stock{
		Product:   s.Product,
		OnHand:    s.OnHand + m.OnHandDelta, // deltas and rows are within ±OnHandMax: no overflow
		Allocated: s.Allocated + m.AllocatedDelta,
		Version:   s.Version + 1,
	}
}
