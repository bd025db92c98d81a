package wire

import (
	"strconv"

	"github.com/penstock-dev/penstock/commerce"
)

// PlaceOrder reads an order:
//
//	{"items":[{"product_id","quantity","price"?}],"shipping_address":{…},"note"?}
//
// Caller and Key are the caller's to set beforehand.
func (d *Decoder) PlaceOrder(body []byte, cmd *commerce.PlaceOrder) error {
	if readPlainOrder(body, cmd) {
		return nil
	}
	return d.strictOrder(body, cmd)
}

// strictOrder is PlaceOrder for bodies of any form.
func (d *Decoder) strictOrder(body []byte, cmd *commerce.PlaceOrder) error {
	d.start(body)
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "items":
				seen |= 1 << 0
				d.items(cmd)
			case "shipping_address":
				seen |= 1 << 1
				d.address(&cmd.Address)
			case "note":
				d.text(&cmd.Note)
			default:
				d.unknown("")
			}
		}
		d.close()
		d.require(seen, "items", "shipping_address")
	}
	return d.finish(cmd.Validate)
}

// itemsGuess is the room made for the items of an order before they are counted.
const itemsGuess = 4

func (d *Decoder) items(cmd *commerce.PlaceOrder) {
	if !d.open('[') {
		return
	}
	cmd.Lines = make([]commerce.OrderLine, 0, itemsGuess)
	for d.more(']') {
		if len(cmd.Lines) == commerce.OrderItemsMax {
			d.stop("/items", "must hold at most "+strconv.Itoa(commerce.OrderItemsMax)+" items")
			return
		}
		cmd.Lines = append(cmd.Lines, commerce.OrderLine{})
		d.item(&cmd.Lines[len(cmd.Lines)-1])
	}
	d.close()
}

func (d *Decoder) item(line *commerce.OrderLine) {
	if !d.open('{') {
		return
	}
	var seen fieldSet
	for d.more('}') && d.member() {
		switch string(d.name) {
		case "product_id":
			seen |= 1 << 0
			d.id(&line.Product)
		case "quantity":
			seen |= 1 << 1
			d.integer(&line.Quantity)
		case "price":
			price := new(int64)
			if d.integer(price) {
				line.Price = price
			}
		default:
			d.unknown("")
		}
	}
	d.close()
	d.require(seen, "product_id", "quantity")
}

func (d *Decoder) address(a *commerce.Address) {
	if !d.open('{') {
		return
	}
	var seen fieldSet
	for d.more('}') && d.member() {
		switch string(d.name) {
		case "street":
			seen |= 1 << 0
			d.text(&a.Street)
		case "city":
			seen |= 1 << 1
			d.text(&a.City)
		case "postal_code":
			seen |= 1 << 2
			d.text(&a.PostalCode)
		case "recipient":
			d.text(&a.Recipient)
		case "phone":
			d.text(&a.Phone)
		case "street2":
			d.text(&a.Street2)
		case "state":
			d.text(&a.State)
		case "country":
			d.text(&a.Country)
		default:
			d.unknown("")
		}
	}
	d.close()
	d.require(seen, "street", "city", "postal_code")
}

// Transition reads a step of an order: {"to","note"?,"carrier"?,"tracking_number"?,"reason"?}.
func (d *Decoder) Transition(body []byte, cmd *commerce.TransitionOrder) error {
	d.start(body)
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "to":
				seen |= 1 << 0
				d.status(&cmd.To)
			default:
				d.transitionText(cmd)
			}
		}
		d.close()
		d.require(seen, "to")
	}
	return d.finish(cmd.Validate)
}

// status reads a state's name. A name that is none leaves the state at zero, which commerce
// refuses with the list of states.
func (d *Decoder) status(into *commerce.Status) {
	var name string
	if d.text(&name) {
		*into, _ = commerce.ParseStatus(name)
	}
}

// Cancel reads why an order is cancelled: {"reason"?}.
func (d *Decoder) Cancel(body []byte, cmd *commerce.TransitionOrder) error {
	cmd.To = commerce.StatusCancelled
	d.start(body)
	if d.open('{') {
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "reason":
				d.text(&cmd.Reason)
			default:
				d.unknown("")
			}
		}
		d.close()
	}
	return d.finish(cmd.Validate)
}
