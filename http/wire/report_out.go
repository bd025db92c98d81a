package wire

import "github.com/penstock-dev/penstock/persistence"

// AppendReport appends what a verification found.
func AppendReport(dst []byte, r *persistence.Report) []byte {
	dst = append(dst, `{"ok":`...)
	dst = appendBool(dst, r.OK())
	dst = fieldInt(dst, "products", r.Products)
	dst = fieldInt(dst, "orders", r.Orders)
	dst = fieldInt(dst, "movements", r.Movements)
	dst = fieldInt(dst, "events", r.Events)
	dst = fieldInt(dst, "keys", r.Keys)
	dst = fieldInt(dst, "faults_total", r.FaultsAll)
	dst = append(field(dst, "faults"), '[')
	for i := range r.Faults {
		if i > 0 {
			dst = append(dst, ',')
		}
		fault := &r.Faults[i]
		dst = append(dst, `{"kind":`...)
		dst = appendText(dst, fault.Kind)
		dst = fieldText(dst, "entity", fault.Entity)
		dst = fieldText(dst, "detail", fault.Detail)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = fieldTime(dst, "at", r.At)
	return append(dst, '}')
}
