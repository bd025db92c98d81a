package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Messages of subscriptions all begin alike: what happened, to which order, its number and when.

// MessageOrder is the type of the message that shows an order as it is; that of an update is its event's.
const MessageOrder = "order"

// MessageStart is the type of the first message of those who follow all orders.
const MessageStart = "start"

// AppendOrderMessage appends the message that shows an order as it is. Its number is the order's version:
// updates follow it.
func AppendOrderMessage(dst []byte, o *commerce.Order) []byte {
	dst = appendMessage(dst, MessageOrder, o.ID, o.Version)
	dst = fieldTime(dst, "at", o.UpdatedAt)
	return append(AppendOrder(field(dst, "data"), o), '}')
}

// AppendUpdate appends the message of an order's event.
func AppendUpdate(dst []byte, e *commerce.Event) []byte {
	return append(appendUpdate(dst, e), '}', '}')
}

// AppendFeedUpdate appends the message of an event for those who follow all orders: it says whose order it
// is, and where to go on.
func AppendFeedUpdate(dst []byte, e *persistence.StreamEvent) []byte {
	dst = appendUpdate(dst, &e.Event)
	dst = fieldText(dst, "customer_id", e.Customer)
	dst = append(dst, '}')
	dst = append(field(dst, "cursor"), '"')
	dst = AppendStreamCursor(dst, e.Position)
	return append(dst, '"', '}')
}

// AppendStart appends the first message of those who follow all orders: where they start.
func AppendStart(dst []byte, from persistence.Position) []byte {
	dst = append(dst, `{"type":"`+MessageStart+`","cursor":"`...)
	dst = AppendStreamCursor(dst, from)
	return append(dst, '"', '}')
}

func appendMessage(dst []byte, kind string, order commerce.ID, seq uint64) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, kind...)
	dst = append(dst, '"')
	dst = fieldID(dst, "order_id", order)
	return fieldUint(dst, "seq", seq)
}

// appendUpdate appends all but the ends of the data and of the message.
func appendUpdate(dst []byte, e *commerce.Event) []byte {
	dst = appendMessage(dst, e.Type.String(), e.Entity, e.Seq)
	dst = fieldTime(dst, "at", e.At)
	dst = append(field(dst, "data"), `{"status":`...)
	dst = appendText(dst, e.Status.String())
	dst = fieldText(dst, "note", e.Note)
	dst = fieldText(dst, "reason", e.Reason)
	dst = fieldText(dst, "carrier", e.Carrier)
	dst = fieldText(dst, "tracking_number", e.TrackingNumber)
	return fieldText(dst, "actor", e.Actor)
}

// cursorStream tells the cursors of the stream of events from those of lists.
const cursorStream = 's'

var errBadStreamCursor = errors.New("must be the cursor of a message, unchanged")

// AppendStreamCursor appends the text of a position in the stream of events, opaque to clients.
func AppendStreamCursor(dst []byte, p persistence.Position) []byte {
	b := make([]byte, 0, 1+3*binary.MaxVarintLen64+len(p.Entity))
	b = append(b, cursorStream)
	b = binary.AppendUvarint(b, p.Writer)
	b = binary.AppendUvarint(b, p.Batch)
	b = append(b, p.Entity[:]...)
	b = binary.AppendUvarint(b, p.Seq)
	return base64.RawURLEncoding.AppendEncode(dst, b)
}

// ParseStreamCursor returns the position that a cursor stands for. It accepts exactly what was made.
func ParseStreamCursor(s string) (p persistence.Position, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 || b[0] != cursorStream {
		return p, errBadStreamCursor
	}
	b = b[1:]
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			err = errBadStreamCursor
			return 0
		}
		b = b[size:]
		return n
	}
	p.Writer, p.Batch = number(), number()
	if err == nil {
		b = b[copy(p.Entity[:], b):]
		p.Seq = number()
	}
	if err != nil || len(b) > 0 || p.Writer > math.MaxInt64 || p.Batch > math.MaxInt64 || string(AppendStreamCursor(nil, p)) != s {
		return persistence.Position{}, errBadStreamCursor
	}
	return p, nil
}
