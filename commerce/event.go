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

var eventNames = [...]string{
	"", "order.placed", "order.paid", "order.processing", "order.shipped", "order.delivered", "order.completed",
	"order.cancelled", "product.created", "product.updated", "product.archived",
}

// String returns the type's name in the API.
func (t EventType) String() string {
	if int(t) >= len(eventNames) {
		return ""
	}
	return eventNames[t]
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
