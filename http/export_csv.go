package http

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// exportColumns are the columns of a row, in the order of exportRow.set.
func exportColumns() []string {
	return []string{
		"id", "status", "customer_id", "placed_at", "updated_at", "currency", "total_amount", "units", "items",
		"recipient", "phone", "street", "street2", "city", "state", "postal_code", "country", "note",
		"carrier", "tracking_number", "cancel_reason", "version", "cursor",
	}
}

// exportRow is a row while it is written. It is used again for the next one.
type exportRow struct {
	buf   []byte
	cells []exportCell
}

// exportCell is a value of a row, by where it ends. Texts are what people have written, and are not to be trusted by a
// spreadsheet.
type exportCell struct {
	end    int
	isText bool
}

// cell ends a value that has been appended to r.buf.
func (r *exportRow) cell(buf []byte) {
	r.buf = buf
	r.cells = append(r.cells, exportCell{end: len(buf)})
}

func (r *exportRow) text(s string) {
	r.buf = append(r.buf, s...)
	r.cells = append(r.cells, exportCell{end: len(r.buf), isText: true})
}

// time adds a time as the API writes it, without the quotation marks.
func (r *exportRow) time(t time.Time) {
	at := len(r.buf)
	buf := wire.AppendTime(r.buf, t)
	r.cell(append(buf[:at], buf[at+1:len(buf)-1]...))
}

// set fills the row with an order, in the order of exportColumns.
func (r *exportRow) set(o *commerce.Order) {
	r.buf, r.cells = r.buf[:0], r.cells[:0]
	var units int64
	for i := range o.Items {
		units += o.Items[i].Quantity
	}
	r.cell(o.ID.AppendText(r.buf))
	r.cell(append(r.buf, o.Status.String()...))
	r.text(o.Customer)
	r.time(o.PlacedAt)
	r.time(o.UpdatedAt)
	r.cell(append(r.buf, o.Total.Currency[:]...))
	r.cell(strconv.AppendInt(r.buf, o.Total.Amount, 10))
	r.cell(strconv.AppendInt(r.buf, units, 10))
	r.cell(wire.AppendItems(r.buf, o))
	a := &o.Address
	for _, s := range [...]string{
		a.Recipient, a.Phone, a.Street, a.Street2, a.City, a.State, a.PostalCode, a.Country,
		o.Note, o.Carrier, o.TrackingNumber, o.CancelReason,
	} {
		r.text(s)
	}
	r.cell(strconv.AppendUint(r.buf, o.Version, 10))
	r.cell(wire.AppendOrderCursor(r.buf, o.ID))
}

// csvExporter writes rows as RFC 4180 has them: fields with a comma, a quotation mark or a line's end are quoted, and
// lines end with CR LF.
type csvExporter struct {
	out  *bufio.Writer
	row  exportRow
	line []byte
}

// newCSVExporter writes the header, if it is wanted, and before it a byte order mark.
func newCSVExporter(out *bufio.Writer, bom, header bool) (*csvExporter, error) {
	x := &csvExporter{out: out}
	if !header {
		return x, nil
	}
	if bom {
		x.line = append(x.line, "\uFEFF"...)
	}
	x.line = append(x.line, strings.Join(exportColumns(), ",")...)
	x.line = append(x.line, "\r\n"...)
	_, err := out.Write(x.line)
	return x, err
}

func (x *csvExporter) order(o *commerce.Order) error {
	x.row.set(o)
	x.line = x.line[:0]
	from := 0
	for i, c := range x.row.cells {
		if i > 0 {
			x.line = append(x.line, ',')
		}
		value := x.row.buf[from:c.end]
		x.line = appendField(x.line, value, c.isText && isFormula(value))
		from = c.end
	}
	x.line = append(x.line, "\r\n"...)
	_, err := x.out.Write(x.line)
	return err
}

func (x *csvExporter) end() error { return nil }

func (x *csvExporter) close() error { return nil }

// isFormula reports whether a spreadsheet might compute a text instead of showing it. Characters of full width count:
// some programs take them for the narrow ones.
func isFormula(text []byte) bool {
	first, _ := utf8.DecodeRune(text)
	switch first {
	case '=', '+', '-', '@', '\t', '\r', '\n', '\uFF1D', '\uFF0B', '\uFF0D', '\uFF20':
		return true
	default:
		return false
	}
}

// appendField appends a field, quoted if it must be. An apostrophe before it makes a spreadsheet take it for text.
func appendField(dst, text []byte, apostrophe bool) []byte {
	quoted := bytes.ContainsAny(text, "\",\r\n")
	if quoted {
		dst = append(dst, '"')
	}
	if apostrophe {
		dst = append(dst, '\'')
	}
	if !quoted {
		return append(dst, text...)
	}
	for {
		before, after, found := bytes.Cut(text, []byte{'"'})
		dst = append(dst, before...)
		if !found {
			return append(dst, '"')
		}
		dst = append(dst, `""`...)
		text = after
	}
}
