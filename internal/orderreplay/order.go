package orderreplay

import (
	"fmt"
	"iter"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/csvfile"
)

// The columns of a file of orders: one line for each product of an order, the lines of an order one
// after another.
const (
	columnOrder    = "order_id"  // the idempotency key
	columnPlacedAt = "placed_at" // RFC 3339
	columnProduct  = "product_id"
	columnQuantity = "quantity"
	columnPrice    = "unit_price_minor"
)

func columns() csvfile.Spec {
	return csvfile.Spec{Required: []string{columnOrder, columnPlacedAt, columnProduct, columnQuantity, columnPrice}}
}

// order is one order of a file.
type order struct {
	key   string
	lines []line
}

type line struct {
	sku      string
	quantity int64
	price    int64 // minor units
}

// group gathers consecutive lines of one order. It ends at the first error.
func group(rows iter.Seq2[csvfile.Row, error]) iter.Seq2[order, error] {
	return func(yield func(order, error) bool) {
		var current order
		for row, err := range rows {
			var key string
			var next line
			if err == nil {
				key, next, err = parse(row)
			}
			if err == nil && key == current.key && len(current.lines) == commerce.OrderItemsMax {
				err = row.Fault("", fmt.Sprintf("an order has at most %d lines", commerce.OrderItemsMax))
			}
			if err != nil {
				yield(order{}, err)
				return
			}
			if key != current.key && current.key != "" {
				if !yield(current, nil) {
					return
				}
				current = order{}
			}
			current.key = key
			current.lines = append(current.lines, next)
		}
		if current.key != "" {
			yield(current, nil)
		}
	}
}

func parse(row csvfile.Row) (key string, l line, err error) {
	if key, err = row.Text(columnOrder); err != nil {
		return "", l, err
	}
	if !validKey(key) {
		return "", l, row.Fault(columnOrder, fmt.Sprintf("must be 1 to %d visible ASCII characters", commerce.IdempotencyKeyMax))
	}
	at, err := row.Text(columnPlacedAt)
	if err != nil {
		return "", l, err
	}
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		return "", l, row.Fault(columnPlacedAt, "must be a time like 2016-10-10T15:59:00Z")
	}
	if l.sku, err = row.Text(columnProduct); err != nil {
		return "", l, err
	}
	if l.quantity, err = row.Int(columnQuantity, 1, commerce.QuantityMax); err != nil {
		return "", l, err
	}
	l.price, err = row.Int(columnPrice, 0, commerce.PriceMax)
	return key, l, err
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= commerce.IdempotencyKeyMax
}

// command returns the command that places the order, or the SKU that no product has.
func (o *order) command(products map[string]commerce.ID) (cmd *commerce.PlaceOrder, unknown string) {
	// The files hold no addresses: people's are none of our business. Every order goes here.
	cmd = &commerce.PlaceOrder{Key: o.key, Address: commerce.Address{
		Recipient: "Replay", Street: "1 Weir Lane", City: "Millbrook", PostalCode: "00001", Country: "KR",
	}}
	for i := range o.lines {
		l := &o.lines[i]
		id, known := products[l.sku]
		if !known {
			return nil, l.sku
		}
		cmd.Lines = append(cmd.Lines, commerce.OrderLine{Product: id, Quantity: l.quantity, Price: &l.price})
	}
	return cmd, ""
}
