package pgstore

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// orderDetail is what never changes of an order, as it is stored: readable by people and by SQL.
// appendOrderDetail writes it.
type orderDetail struct {
	Items   []itemDetail  `json:"items"`
	Address addressDetail `json:"address"`
	Note    string        `json:"note"`
}

type itemDetail struct {
	Product   string `json:"product"`
	Name      string `json:"name"`
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

type addressDetail struct {
	Recipient  string `json:"recipient"`
	Phone      string `json:"phone"`
	Street     string `json:"street"`
	Street2    string `json:"street2"`
	City       string `json:"city"`
	State      string `json:"state"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
}

// appendOrderDetail is on the way of every order: it is written by hand, and leaves out what is empty.
func appendOrderDetail(b []byte, o *commerce.Order) []byte {
	b = append(b, `{"items":[`...)
	for i := range o.Items {
		item := &o.Items[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"product":"`...)
		b = item.Product.AppendText(b)
		b = append(b, '"')
		b = appendField(b, "name", item.Name)
		b = appendField(b, "sku", item.SKU)
		b = append(b, `,"quantity":`...)
		b = strconv.AppendInt(b, item.Quantity, 10)
		b = append(b, `,"unit_price":`...)
		b = strconv.AppendInt(b, item.UnitPrice, 10)
		b = append(b, '}')
	}
	b = append(b, `],"address":{"street":`...)
	b = appendQuoted(b, o.Address.Street)
	for _, field := range [...]struct{ name, value string }{
		{"street2", o.Address.Street2},
		{"city", o.Address.City},
		{"state", o.Address.State},
		{"postal_code", o.Address.PostalCode},
		{"country", o.Address.Country},
		{"recipient", o.Address.Recipient},
		{"phone", o.Address.Phone},
	} {
		b = appendField(b, field.name, field.value)
	}
	b = append(b, '}')
	b = appendField(b, "note", o.Note)
	return append(b, '}')
}

// appendField appends a field that follows another one, unless its value is empty.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendQuoted(b, value)
}

// appendQuoted appends a JSON string. The error of AppendQuote is of text that is not UTF-8, which it
// has replaced; such text does not come here: see storable.
func appendQuoted(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// readOrderDetail fills in what an order's detail says.
func readOrderDetail(o *commerce.Order, b []byte) error {
	var d orderDetail
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("detail of order %s: %w", o.ID, err)
	}
	o.Note, o.Address = d.Note, commerce.Address(d.Address)
	o.Items = make([]commerce.Item, len(d.Items))
	for i := range d.Items {
		item := &d.Items[i]
		product, err := commerce.ParseID(item.Product)
		if err != nil {
			return fmt.Errorf("detail of order %s: product %q: %w", o.ID, item.Product, err)
		}
		o.Items[i] = commerce.Item{
			Product: product, Name: item.Name, SKU: item.SKU, Quantity: item.Quantity, UnitPrice: item.UnitPrice,
		}
	}
	return nil
}
