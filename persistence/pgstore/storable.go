package pgstore

import (
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/commerce"
)

// storable reports whether PostgreSQL can hold every text of an entry: it has no NUL, and only UTF-8.
// The edge lets no other text in; should it ever, one entry must not keep a whole batch from being
// written, nor be written differently from what it says: the careful way leaves that entry out.
func storable(e *commerce.Entry) bool {
	ok := true
	for i := range e.Movements {
		ok = ok && storableText(string(e.Movements[i].Reason)) && storableText(e.Movements[i].Actor)
	}
	if e.Audit != nil {
		ok = ok && storableAudit(e.Audit)
	}
	if ev := e.Event; ev != nil {
		for _, s := range [...]string{ev.Actor, ev.Reason, ev.Note, ev.Carrier, ev.TrackingNumber} {
			ok = ok && storableText(s)
		}
		ok = ok && (ev.Product == nil || storableProduct(ev.Product))
	}
	if e.Order != nil {
		ok = ok && storableOrder(e.Order.Row)
	}
	if e.Product != nil {
		ok = ok && storableProduct(e.Product.Row)
	}
	return ok
}

func storableAudit(r *commerce.AuditRecord) bool {
	for _, s := range [...]string{r.Actor, string(r.Action), r.Target, r.Before, r.After, r.Correlation} {
		if !storableText(s) {
			return false
		}
	}
	return true
}

func storableProduct(p *commerce.Product) bool {
	for _, s := range [...]string{p.Name, p.Description, p.Category, p.SKU, p.Attributes} {
		if !storableText(s) {
			return false
		}
	}
	return p.Attributes == "" || jsontext.Value(p.Attributes).IsValid()
}

func storableOrder(o *commerce.Order) bool {
	a := &o.Address
	for _, s := range [...]string{
		o.Customer, o.Note, o.Carrier, o.TrackingNumber, o.CancelReason,
		a.Recipient, a.Phone, a.Street, a.Street2, a.City, a.State, a.PostalCode, a.Country,
	} {
		if !storableText(s) {
			return false
		}
	}
	for i := range o.Items {
		if !storableText(o.Items[i].Name) || !storableText(o.Items[i].SKU) {
			return false
		}
	}
	return true
}

func storableText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
