package commerce

// Status is the state of an order.
//
//	          pay            process          ship            deliver          complete
//	pending ───────► paid ───────► processing ───────► shipped ───────► delivered ───────► completed
//	   │              │                │
//	   └──────────────┴────────────────┴──► cancelled      (cancel; the stock goes back)
//
// Placing allocates units, shipping takes them off on_hand, cancelling gives the allocation back.
type Status uint8

// The states. The zero Status is none of them.
const (
	StatusPending Status = iota + 1
	StatusPaid
	StatusProcessing
	StatusShipped
	StatusDelivered
	StatusCompleted
	StatusCancelled
)

// StatusMax is the largest Status.
const StatusMax = StatusCancelled

// String returns the state's name in the API.
func (s Status) String() string {
	switch s {
	case StatusPending:
		return "pending"
	case StatusPaid:
		return "paid"
	case StatusProcessing:
		return "processing"
	case StatusShipped:
		return "shipped"
	case StatusDelivered:
		return "delivered"
	case StatusCompleted:
		return "completed"
	case StatusCancelled:
		return "cancelled"
	default:
		return ""
	}
}

// ParseStatus reads a state's name.
func ParseStatus(name string) (Status, bool) {
	for s := StatusPending; s <= StatusMax; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// CanBecome reports whether an order in state s may move to next.
func (s Status) CanBecome(next Status) bool {
	switch next {
	case StatusCancelled:
		return s >= StatusPending && s <= StatusProcessing
	case StatusPending:
		return false
	default:
		return s >= StatusPending && s < StatusCompleted && next == s+1
	}
}

// HoldsAllocation reports whether an order in this state has units allocated: what a verification
// adds up against the stock rows.
func (s Status) HoldsAllocation() bool {
	return s >= StatusPending && s <= StatusProcessing
}

// Next lists the states an order in state s may move to, for the texts of refusals.
func (s Status) Next() []Status {
	var out []Status
	for t := StatusPending; t <= StatusMax; t++ {
		if s.CanBecome(t) {
			out = append(out, t)
		}
	}
	return out
}
