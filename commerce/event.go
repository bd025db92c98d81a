package commerce

import "time"

// EventType says what happened: a fact, in the past tense.
type EventType uint8

// The types of events. Their numbers are stored.
const (
	EventOrderPlaced EventType = iota + 1
	EventOrderPaid
	EventOrderProcessing
	EventOrderShipped
	EventOrderDelivered
	EventOrderCompleted
	EventOrderCancelled
	EventProductCreated
	EventProductUpdated
	EventProductArchived
)

// String returns the type's name in the API.
func (t EventType) String() string {
	switch t {
	case EventOrderPlaced:
		return "order.placed"
	case EventOrderPaid:
		return "order.paid"
	case EventOrderProcessing:
		return "order.processing"
	case EventOrderShipped:
		return "order.shipped"
	case EventOrderDelivered:
		return "order.delivered"
	case EventOrderCompleted:
		return "order.completed"
	case EventOrderCancelled:
		return "order.cancelled"
	case EventProductCreated:
		return "product.created"
	case EventProductUpdated:
		return "product.updated"
	case EventProductArchived:
		return "product.archived"
	default:
		return ""
	}
}

// Event is one committed fact about an order or a product: a line of its timeline, a live update
// and a message to the outside are the same row. Seq is the entity's version, so that the events
// of one entity are numbered 1, 2, 3 without a gap.
type Event struct {
	Entity ID
	Seq    uint64
	Type   EventType
	At     time.Time
	Actor  string // who asked for it; empty for the engine itself

	// Of orders:
	Status         Status
	Reason         string
	Note           string
	Carrier        string
	TrackingNumber string

	// Of products: the row after the change.
	Product *Product
}

func eventOf(s Status) EventType {
	return EventOrderPlaced + EventType(s-StatusPending)
}
