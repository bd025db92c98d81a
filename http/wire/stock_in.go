package wire

import "github.com/penstock-dev/penstock/commerce"

// AdjustStock reads a change of a product's units on hand: {"quantity_change","reason"?}. Caller,
// Key and Product are the caller's to set beforehand.
func (d *Decoder) AdjustStock(body []byte, cmd *commerce.AdjustStock) error {
	d.start(body)
	if d.open('{') {
		var seen fieldSet
		for d.more('}') && d.member() {
			switch string(d.name) {
			case "quantity_change":
				seen |= 1 << 0
				d.integer(&cmd.Delta)
			case "reason":
				var reason string
				if d.text(&reason) {
					cmd.Reason = commerce.Reason(reason)
				}
			default:
				d.unknown("")
			}
		}
		d.close()
		d.require(seen, "quantity_change")
	}
	return d.finish(cmd.Validate)
}
