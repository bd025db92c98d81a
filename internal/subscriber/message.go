package subscriber

import (
	"errors"
	"fmt"
)

// What can be wrong with the message that follows another one.
var (
	ErrGap    = errors.New("an event was left out")
	ErrRepeat = errors.New("an event came twice")
)

// Message is what a subscriber reads of a message.
type Message struct {
	Type    string `json:"type"`
	OrderID string `json:"order_id"`
	Seq     uint64 `json:"seq"`
	Cursor  string `json:"cursor"`
	Data    struct {
		Status string `json:"status"`
	} `json:"data"`
}

// Follows returns nil when the message tells of the event of the order that comes right after event last.
// Else the error is ErrGap, ErrRepeat, or ErrAnswer when it is about another order.
func (m *Message) Follows(order string, last uint64) error {
	switch {
	case m.OrderID != order:
		return fmt.Errorf("%w: order %s: a message about order %s", ErrAnswer, order, m.OrderID)
	case m.Seq <= last:
		return fmt.Errorf("%w: order %s: event %d came again, after event %d", ErrRepeat, order, m.Seq, last)
	case m.Seq > last+1:
		return fmt.Errorf("%w: order %s: event %d came right after event %d", ErrGap, order, m.Seq, last)
	default:
		return nil
	}
}
