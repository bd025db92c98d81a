package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// recordVersion is the first byte of a journal record.
const recordVersion = 1

// The parts an applied entry has.
const (
	partKey = 1 << iota
	partOrder
	partProduct
	partEvent
)

// appendRecord writes a decided batch: what became of each entry and, of those that apply, the rows
// as the tables will hold them. Reading it is all that a tail, a fold and a restart need.
func appendRecord(b []byte, batch *persistence.Batch, epoch uint64, outcomes []commerce.Outcome) []byte {
	b = append(b, recordVersion)
	b = append(b, batch.ID[:]...)
	b = appendTime(b, batch.At)
	b = binary.AppendUvarint(b, epoch)
	b = binary.AppendUvarint(b, uint64(len(batch.Entries)))
	for i, e := range batch.Entries {
		o := &outcomes[i]
		b = append(b, byte(o.Kind))
		switch o.Kind {
		case commerce.Applied:
			b = appendApplied(b, e)
		case commerce.Replay, commerce.KeyMismatch:
			b = append(b, o.Key.ID[:]...)
			b = appendSizedBinding(b, &o.Key)
		default:
			b = append(b, o.Stock.Product[:]...)
			b = appendSizedStock(b, o.Stock)
		}
	}
	return b
}

func appendSizedBinding(b []byte, k *commerce.KeyBinding) []byte {
	b, from := openSized(b)
	return closeSized(appendBinding(b, k), from)
}

func appendSizedStock(b []byte, s commerce.Stock) []byte {
	b, from := openSized(b)
	return closeSized(appendStock(b, s), from)
}

func appendApplied(b []byte, e *commerce.Entry) []byte {
	parts := byte(0)
	if e.Key != nil {
		parts |= partKey
	}
	if e.Order != nil {
		parts |= partOrder
	}
	if e.Product != nil {
		parts |= partProduct
	}
	if e.Event != nil {
		parts |= partEvent
	}
	b = append(b, parts)
	if k := e.Key; k != nil {
		b = append(b, k.ID[:]...)
		b = appendSizedBinding(b, k)
	}
	var from int
	if c := e.Order; c != nil {
		b = append(b, c.Row.ID[:]...)
		b = append(b, flag(c.Expect == 0), byte(c.PreviousStatus))
		b, from = openSized(b)
		b = closeSized(appendOrder(b, c.Row), from)
	}
	if c := e.Product; c != nil {
		b = append(b, c.Row.ID[:]...)
		b = append(b, flag(c.Expect == 0))
		b = appendText(b, c.PreviousSKU)
		b, from = openSized(b)
		b = closeSized(appendProduct(b, c.Row), from)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Movements)))
	for i := range e.Movements {
		m := &e.Movements[i]
		b = append(b, m.Product[:]...)
		b = binary.AppendUvarint(b, m.Level.Version)
		b, from = openSized(b)
		b = closeSized(appendMovement(b, m), from)
	}
	if v := e.Event; v != nil {
		b = append(b, v.Entity[:]...)
		b = binary.AppendUvarint(b, v.Seq)
		b, from = openSized(b)
		b = closeSized(appendEvent(b, v), from)
	}
	return b
}

// record is a journal record being read: first its head, then entry by entry with next. Everything
// it hands out aliases the stored bytes.
type record struct {
	batchID [16]byte
	epoch   uint64
	entries int // how many next will read

	d decoder
}

func readRecord(b []byte) (record, error) {
	r := record{d: decoder{b: b}}
	if v := r.d.byte(); v != recordVersion {
		r.d.fail()
	}
	copy(r.batchID[:], r.d.take(uint64(len(r.batchID))))
	r.d.time()
	r.epoch = r.d.uvarint()
	r.entries = r.d.count(1)
	if r.entries > persistence.BatchEntriesMax {
		r.d.fail()
	}
	if err := r.d.err(); err != nil {
		return record{}, fmt.Errorf("read head of journal record: %w", err)
	}
	return r, nil
}

// recordEntry is one entry of a record. Its slices alias the record, and movements is reused by
// the next call of next.
type recordEntry struct {
	outcome commerce.Outcome
	parts   byte

	key     commerce.KeyID
	binding []byte

	order          commerce.ID
	orderIsNew     bool
	previousStatus commerce.Status
	orderRow       []byte

	product     commerce.ID
	previousSKU []byte
	productRow  []byte

	movements []recordMovement

	entity   commerce.ID
	eventSeq uint64
	eventRow []byte
}

func (e *recordEntry) has(part byte) bool { return e.parts&part != 0 }

// from returns the state in which the entry found its order; zero when it is new.
func (e *recordEntry) from() commerce.Status {
	if e.orderIsNew {
		return 0
	}
	return e.previousStatus
}

type recordMovement struct {
	product commerce.ID
	version uint64
	row     []byte
}

// next reads the next entry into e.
func (r *record) next(e *recordEntry) error {
	*e = recordEntry{movements: e.movements[:0]}
	d := &r.d
	e.outcome.Kind = commerce.OutcomeKind(d.byte())
	var err error
	switch e.outcome.Kind {
	case commerce.Applied:
		r.applied(e)
	case commerce.Replay, commerce.KeyMismatch:
		copy(e.key[:], d.take(uint64(len(e.key))))
		e.outcome.Key, err = decodeBinding(e.key, d.sized())
	default:
		id := d.id()
		e.outcome.Stock, err = decodeStock(id, d.sized())
	}
	if d.err() != nil {
		err = d.err()
	}
	if err != nil {
		return fmt.Errorf("read journal record: %w", err)
	}
	return nil
}

func (r *record) applied(e *recordEntry) {
	d := &r.d
	e.parts = d.byte()
	if e.has(partKey) {
		copy(e.key[:], d.take(uint64(len(e.key))))
		e.binding = d.sized()
	}
	if e.has(partOrder) {
		e.order = d.id()
		e.orderIsNew, e.previousStatus = d.flag(), commerce.Status(d.byte())
		e.orderRow = d.sized()
	}
	if e.has(partProduct) {
		e.product = d.id()
		d.flag() // whether it is new, which nobody needs
		e.previousSKU = d.bytes()
		e.productRow = d.sized()
	}
	const movementBytesMin = 16 + 1 + 4
	for range d.count(movementBytesMin) {
		e.movements = append(e.movements, recordMovement{product: d.id(), version: d.uvarint(), row: d.sized()})
	}
	if e.has(partEvent) {
		e.entity, e.eventSeq = d.id(), d.uvarint()
		e.eventRow = d.sized()
	}
}
