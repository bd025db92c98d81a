package pgstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Table is a table that a Loader fills.
type Table string

// The tables.
const (
	TableProducts  Table = "products"
	TableStock     Table = "stock"
	TableMovements Table = "stock_movements"
	TableOrders    Table = "orders"
	TableEvents    Table = "order_events"
	TableKeys      Table = "idempotency_keys"
	TableAccess    Table = "access_keys"
	TableAudit     Table = "audit_log"
)

// Rows gathers rows of one table as COPY takes them, in its binary format, and adds up their digest.
type Rows struct {
	table  Table
	writer int64
	buf    []byte
	count  int
	sum    uint64
}

// NewRows returns room for rows of a table.
func (l *Loader) NewRows(table Table) *Rows {
	return &Rows{table: table, writer: l.writer, buf: copyHeader()}
}

// copyHeader is what a stream in COPY's binary format begins with: a signature, no flags, no extension.
func copyHeader() []byte {
	return append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0, 0, 0, 0, 0)
}

// Len is how many rows there are.
func (r *Rows) Len() int { return r.count }

// Size is how much memory they take, in bytes.
func (r *Rows) Size() int { return len(r.buf) }

// Digest tells what the rows say.
func (r *Rows) Digest() Digest { return Digest{Rows: int64(r.count), Sum: r.sum} }

// reader returns the whole stream.
func (r *Rows) reader() io.Reader {
	return io.MultiReader(bytes.NewReader(r.buf), strings.NewReader("\xff\xff")) // the end of the data
}

// row appends a row whose fields fill adds in the order of the table's columns. Its digest is that of its
// bytes, the names of writer and batch apart: a store does not tell them.
func (r *Rows) row(fill func()) {
	columns := len(r.table.columns())
	if r.table.written() {
		columns += 2
	}
	r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(columns))
	from := len(r.buf)
	fill()
	sum := sha256.Sum256(r.buf[from:])
	r.sum ^= binary.BigEndian.Uint64(sum[:])
	r.count++
	if r.table.written() {
		r.int8(r.writer)
		r.int8(0)
	}
}

// Product adds a product.
func (r *Rows) Product(p *commerce.Product) {
	r.row(func() {
		r.uuid(p.ID)
		r.text(p.Name)
		r.text(p.Description)
		r.text(p.Category)
		r.text(p.SKU)
		r.int8(p.Price.Amount)
		r.bytes(p.Price.Currency[:])
		r.textOrNull(p.Attributes)
		r.bool(p.Archived)
		r.int8(int64(p.Version))
		r.time(p.CreatedAt)
		r.time(p.UpdatedAt)
	})
}

// Stock adds a product's stock row.
func (r *Rows) Stock(s commerce.Stock) {
	r.row(func() {
		r.uuid(s.Product)
		r.int8(s.OnHand)
		r.int8(s.Allocated)
		r.int8(int64(s.Version))
	})
}

// Movement adds a line of the ledger.
func (r *Rows) Movement(m *commerce.Movement) {
	r.row(func() {
		r.uuid(m.Product)
		r.int8(int64(m.Level.Version))
		if m.Order.IsZero() {
			r.null()
		} else {
			r.uuid(m.Order)
		}
		r.int8(m.OnHandDelta)
		r.int8(m.AllocatedDelta)
		r.int8(m.Level.OnHand)
		r.int8(m.Level.Allocated)
		r.text(string(m.Reason))
		r.text(m.Actor)
		r.time(m.At)
		r.int8(int64(m.Epoch))
	})
}

// Order adds an order.
func (r *Rows) Order(o *commerce.Order) {
	r.row(func() {
		r.uuid(o.ID)
		r.text(o.Customer)
		r.int2(int16(o.Status))
		r.int8(o.Total.Amount)
		r.bytes(o.Total.Currency[:])
		r.time(o.PlacedAt)
		r.time(o.UpdatedAt)
		r.time(o.ExpiresAt)
		r.text(o.Carrier)
		r.text(o.TrackingNumber)
		r.text(o.CancelReason)
		r.int8(int64(o.Version))
		at := len(r.buf)
		w := detailWriter{buf: append(r.buf, 0, 0, 0, 0)}
		w.order(o)
		r.buf = w.buf
		binary.BigEndian.PutUint32(r.buf[at:], uint32(len(r.buf)-at-4))
	})
}

// Event adds an event.
func (r *Rows) Event(e *commerce.Event) error {
	data, err := encodeEvent(e)
	if err != nil {
		return err
	}
	r.row(func() {
		r.uuid(e.Entity)
		r.int8(int64(e.Seq))
		r.int2(int16(e.Type))
		r.time(e.At)
		r.text(e.Actor)
		r.textOrNull(string(data))
	})
	return nil
}

// Key adds an idempotency key.
func (r *Rows) Key(k *commerce.KeyBinding) {
	r.row(func() {
		r.uuid(k.ID)
		r.bytes(k.Request[:])
		r.int2(int16(k.Operation))
		r.uuid(k.Resource)
		r.int8(int64(k.Version))
		r.time(k.ExpiresAt)
	})
}

// AccessKey adds an access key.
func (r *Rows) AccessKey(k *persistence.AccessKey) {
	r.row(func() {
		r.uuid(k.ID)
		r.text(k.Name)
		r.text(k.Subject)
		r.int8(int64(k.Scopes))
		r.bytes(appendSecrets(nil, k.Secrets))
		r.time(k.CreatedAt)
		r.timeOrNull(k.ExpiresAt)
		r.timeOrNull(k.RevokedAt)
		r.int8(int64(k.Version))
	})
}

// Audit adds a record of the audit log, as it was sealed.
func (r *Rows) Audit(record *commerce.AuditRecord) {
	r.row(func() {
		r.int8(int64(record.Seq))
		r.time(record.At)
		r.text(record.Actor)
		r.text(string(record.Action))
		r.text(record.Target)
		r.text(record.Before)
		r.text(record.After)
		r.text(record.Correlation)
		r.bytes(record.Previous[:])
		r.bytes(record.Hash[:])
	})
}

// A field is its length and its bytes, as the type's send function writes them; null is the length -1.

func (r *Rows) bytes(b []byte) {
	r.buf = append(binary.BigEndian.AppendUint32(r.buf, uint32(len(b))), b...)
}

func (r *Rows) text(s string) {
	r.buf = append(binary.BigEndian.AppendUint32(r.buf, uint32(len(s))), s...)
}

func (r *Rows) textOrNull(s string) {
	if s == "" {
		r.null()
		return
	}
	r.text(s)
}

func (r *Rows) timeOrNull(at time.Time) {
	if at.IsZero() {
		r.null()
		return
	}
	r.time(at)
}

func (r *Rows) null()             { r.buf = append(r.buf, 0xff, 0xff, 0xff, 0xff) }
func (r *Rows) uuid(id [16]byte)  { r.bytes(id[:]) }
func (r *Rows) time(at time.Time) { r.int8(sinceY2K(at)) }

func (r *Rows) int2(v int16) {
	r.buf = binary.BigEndian.AppendUint16(append(r.buf, 0, 0, 0, 2), uint16(v))
}

func (r *Rows) int8(v int64) {
	r.buf = binary.BigEndian.AppendUint64(append(r.buf, 0, 0, 0, 8), uint64(v))
}

func (r *Rows) bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	r.buf = append(r.buf, 0, 0, 0, 1, b)
}
