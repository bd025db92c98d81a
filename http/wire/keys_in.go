package wire

import (
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// CreateKey is a wish for an API key.
type CreateKey struct {
	Name, Subject string
	Scopes        commerce.Scopes
	ExpiresAt     time.Time // zero: never
}

// scopesMax bounds the scopes that one wish names; there are not as many.
const scopesMax = 32

// CreateKey reads a wish for an API key: {"name","subject","scopes":[…],"expires_at"?}. Whether the key may be is
// not decided here.
func (d *Decoder) CreateKey(body []byte, into *CreateKey) error {
	d.start(body)
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "name":
				seen |= 1 << 0
				d.text(&into.Name)
			case "subject":
				seen |= 1 << 1
				d.text(&into.Subject)
			case "scopes":
				seen |= 1 << 2
				d.scopes(&into.Scopes)
			case "expires_at":
				d.moment(&into.ExpiresAt)
			default:
				d.unknown("")
			}
		}
		d.close()
		d.require(seen, "name", "subject", "scopes")
	}
	return d.finish(func() error { return nil })
}

func (d *Decoder) scopes(into *commerce.Scopes) {
	if !d.open('[') {
		return
	}
	for n := 0; d.more(']'); n++ {
		if n == scopesMax {
			d.stop("/scopes", "must hold at most "+strconv.Itoa(scopesMax)+" scopes")
			return
		}
		var name string
		if !d.text(&name) {
			continue
		}
		scope, err := commerce.ParseScope(name)
		if err != nil {
			d.fault(err.Error())
		}
		*into |= scope
	}
	d.close()
}

// moment reads a time, or null for none.
func (d *Decoder) moment(into *time.Time) {
	if d.null() {
		return
	}
	var text string
	if !d.text(&text) {
		return
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		d.fault("must be a time like 2026-07-14T09:00:00Z, or null")
		return
	}
	*into = at
}

// RotateKey reads how long a key's secret before lives on: {"grace_seconds"?}.
func (d *Decoder) RotateKey(body []byte, grace *int64) error {
	d.start(body)
	if d.open('{') {
		for d.more('}') && d.member() {
			if string(d.name) == "grace_seconds" {
				d.integer(grace)
			} else {
				d.unknown("")
			}
		}
		d.close()
	}
	return d.finish(func() error { return nil })
}
