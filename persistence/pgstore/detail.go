package pgstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// orderDetail is what never changes of an order, as it is stored: readable by people and by SQL.
// detailWriter writes it.
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

// detailWriter writes an order's detail. It is on the way of every order: written by hand, it leaves out
// what is empty.
type detailWriter struct {
	buf []byte
	// unstorable says that some text was not one that PostgreSQL can hold: see storable.
	unstorable bool
}

func (w *detailWriter) order(o *commerce.Order) {
	w.raw(`{"items":[`)
	for i := range o.Items {
		item := &o.Items[i]
		if i > 0 {
			w.raw(",")
		}
		w.raw(`{"product":"`)
		w.buf = item.Product.AppendText(w.buf)
		w.raw(`"`)
		w.field(`,"name":`, item.Name)
		w.field(`,"sku":`, item.SKU)
		w.raw(`,"quantity":`)
		w.buf = strconv.AppendInt(w.buf, item.Quantity, 10)
		w.raw(`,"unit_price":`)
		w.buf = strconv.AppendInt(w.buf, item.UnitPrice, 10)
		w.raw("}")
	}
	a := &o.Address
	w.raw(`],"address":{"street":`)
	w.quoted(a.Street)
	w.field(`,"street2":`, a.Street2)
	w.field(`,"city":`, a.City)
	w.field(`,"state":`, a.State)
	w.field(`,"postal_code":`, a.PostalCode)
	w.field(`,"country":`, a.Country)
	w.field(`,"recipient":`, a.Recipient)
	w.field(`,"phone":`, a.Phone)
	w.raw("}")
	w.field(`,"note":`, o.Note)
	w.raw("}")
}

func (w *detailWriter) raw(s string) { w.buf = append(w.buf, s...) }

// field writes a field, unless its value is empty.
func (w *detailWriter) field(name, value string) {
	if value != "" {
		w.raw(name)
		w.quoted(value)
	}
}

// quoted writes a JSON string. What is not UTF-8 is replaced and NUL is escaped, which the server would
// take: but neither is the text that was given.
func (w *detailWriter) quoted(s string) {
	var err error
	w.buf, err = jsontext.AppendQuote(w.buf, s)
	w.unstorable = w.unstorable || err != nil || strings.IndexByte(s, 0) >= 0
}

// readOrderDetail fills in what an order's detail says.
func readOrderDetail(o *commerce.Order, b []byte) error {
	var d orderDetail
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("detail of order %s: %w", o.ID, err)
	}
	o.Note, o.Address = d.Note, commerce.Address(d.Address)
	o.Items = slices.Grow(o.Items[:0], len(d.Items))[:len(d.Items)]
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
