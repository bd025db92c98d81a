package wire

import (
	"github.com/penstock-dev/penstock/commerce"
)

// AppendOrder appends an order. expires_at is there while the order is pending, and optional
// address fields when they were given; everything else always is.
func AppendOrder(dst []byte, o *commerce.Order) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, o.ID)
	dst = fieldText(dst, "status", o.Status.String())
	dst = fieldText(dst, "customer_id", o.Customer)
	dst = AppendItems(field(dst, "items"), o)
	dst = fieldInt(dst, "total_amount", o.Total.Amount)
	dst = fieldCurrency(dst, o.Total.Currency)
	dst = appendAddress(field(dst, "shipping_address"), &o.Address)
	dst = fieldText(dst, "note", o.Note)
	dst = fieldTime(dst, "placed_at", o.PlacedAt)
	dst = fieldTime(dst, "updated_at", o.UpdatedAt)
	if o.Status == commerce.StatusPending {
		dst = fieldTime(dst, "expires_at", o.ExpiresAt)
	}
	dst = fieldText(dst, "carrier", o.Carrier)
	dst = fieldText(dst, "tracking_number", o.TrackingNumber)
	dst = fieldText(dst, "cancel_reason", o.CancelReason)
	dst = fieldUint(dst, "version", o.Version)
	return append(dst, '}')
}

// AppendItems appends the list of an order's items.
func AppendItems(dst []byte, o *commerce.Order) []byte {
	dst = append(dst, '[')
	for i := range o.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendItem(dst, &o.Items[i])
	}
	return append(dst, ']')
}

func appendItem(dst []byte, item *commerce.Item) []byte {
	dst = append(dst, `{"product_id":`...)
	dst = appendID(dst, item.Product)
	dst = fieldText(dst, "name", item.Name)
	dst = fieldText(dst, "sku", item.SKU)
	dst = fieldInt(dst, "quantity", item.Quantity)
	dst = fieldInt(dst, "unit_price", item.UnitPrice)
	// The total was computed with bounds when the order was placed; a line is no more than it.
	dst = fieldInt(dst, "line_total", item.UnitPrice*item.Quantity)
	return append(dst, '}')
}

func appendAddress(dst []byte, a *commerce.Address) []byte {
	dst = append(dst, `{"street":`...)
	dst = appendText(dst, a.Street)
	dst = fieldText(dst, "city", a.City)
	dst = fieldText(dst, "postal_code", a.PostalCode)
	dst = fieldSome(dst, "recipient", a.Recipient)
	dst = fieldSome(dst, "phone", a.Phone)
	dst = fieldSome(dst, "street2", a.Street2)
	dst = fieldSome(dst, "state", a.State)
	dst = fieldSome(dst, "country", a.Country)
	return append(dst, '}')
}

// AppendOrders appends a page of orders. next is the cursor of the page after it, or "".
func AppendOrders(dst []byte, orders []*commerce.Order, next string) []byte {
	dst = append(dst, `{"orders":[`...)
	for i, o := range orders {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendOrder(dst, o)
	}
	dst = append(dst, ']')
	dst = appendCursor(dst, next)
	return append(dst, '}')
}

// AppendTracking appends an order's timeline.
func AppendTracking(dst []byte, o *commerce.Order, events []commerce.Event) []byte {
	dst = append(dst, `{"order_id":`...)
	dst = appendID(dst, o.ID)
	dst = fieldText(dst, "status", o.Status.String())
	dst = fieldText(dst, "carrier", o.Carrier)
	dst = fieldText(dst, "tracking_number", o.TrackingNumber)
	dst = append(field(dst, "events"), '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEvent(dst, &events[i])
	}
	return append(dst, ']', '}')
}

func appendEvent(dst []byte, e *commerce.Event) []byte {
	dst = append(dst, `{"type":`...)
	dst = appendText(dst, e.Type.String())
	dst = fieldUint(dst, "seq", e.Seq)
	dst = fieldText(dst, "status", e.Status.String())
	dst = fieldTime(dst, "at", e.At)
	dst = fieldText(dst, "note", e.Note)
	dst = fieldText(dst, "reason", e.Reason)
	dst = fieldText(dst, "carrier", e.Carrier)
	dst = fieldText(dst, "tracking_number", e.TrackingNumber)
	dst = fieldText(dst, "actor", e.Actor)
	return append(dst, '}')
}

// AppendPlaceOrder appends the body that asks for an order: what Decoder.PlaceOrder reads. It is
// for clients.
func AppendPlaceOrder(dst []byte, cmd *commerce.PlaceOrder) []byte {
	dst = append(dst, `{"items":[`...)
	for i := range cmd.Lines {
		line := &cmd.Lines[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"product_id":`...)
		dst = appendID(dst, line.Product)
		dst = fieldInt(dst, "quantity", line.Quantity)
		if line.Price != nil {
			dst = fieldInt(dst, "price", *line.Price)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = appendAddress(field(dst, "shipping_address"), &cmd.Address)
	dst = fieldSome(dst, "note", cmd.Note)
	return append(dst, '}')
}

// AppendTransition appends the body that moves an order along: what Decoder.Transition reads. It
// is for clients.
func AppendTransition(dst []byte, cmd *commerce.TransitionOrder) []byte {
	dst = append(dst, `{"to":`...)
	dst = appendText(dst, cmd.To.String())
	dst = fieldSome(dst, "note", cmd.Note)
	dst = fieldSome(dst, "carrier", cmd.Carrier)
	dst = fieldSome(dst, "tracking_number", cmd.TrackingNumber)
	dst = fieldSome(dst, "reason", cmd.Reason)
	return append(dst, '}')
}
