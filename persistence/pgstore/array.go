package pgstore

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// array encodes one parameter of an array statement, in PostgreSQL's binary format: a header, then each
// element with its length. It is written by hand because it is on the way of every order; pgx's own
// encoding goes through reflection and costs twice the server's share of a batch (order of 6 µs an order
// in batches of 30).
//
// An array is reused: reset empties it and keeps its memory.
type array struct {
	oid uint32
	n   int
	buf []byte
}

// arrayHeader is the length of the header: dimensions, flags, element type, length, lower bound.
const arrayHeader = 20

func newArray(oid uint32) array { return array{oid: oid} }

func (a *array) reset() {
	a.n = 0
	a.buf = append(a.buf[:0], make([]byte, arrayHeader)...)
}

// param returns the encoded array. It is good until the next reset.
func (a *array) param() []byte {
	binary.BigEndian.PutUint32(a.buf[0:], 1) // dimensions
	binary.BigEndian.PutUint32(a.buf[4:], 1) // there may be nulls
	binary.BigEndian.PutUint32(a.buf[8:], a.oid)
	binary.BigEndian.PutUint32(a.buf[12:], uint32(a.n))
	binary.BigEndian.PutUint32(a.buf[16:], 1) // lower bound
	return a.buf
}

func (a *array) bytes(b []byte) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(b)))
	a.buf = append(a.buf, b...)
}

func (a *array) text(s string) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(s)))
	a.buf = append(a.buf, s...)
}

func (a *array) null() {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 0xffffffff)
}

func (a *array) int2(v int16) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 2)
	a.buf = binary.BigEndian.AppendUint16(a.buf, uint16(v))
}

func (a *array) int8(v int64) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(v))
}

func (a *array) time(t time.Time) { a.int8(sinceY2K(t)) }

// grow appends an element that fill appends to the buffer.
func (a *array) grow(fill func([]byte) []byte) {
	a.n++
	at := len(a.buf)
	a.buf = fill(append(a.buf, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(a.buf[at:], uint32(len(a.buf)-at-4))
}

// sinceY2K is a time in microseconds as PostgreSQL counts it: from the first of January 2000.
func sinceY2K(t time.Time) int64 {
	const epoch = 946_684_800 // seconds from 1970 to 2000
	return (t.Unix()-epoch)*1_000_000 + int64(t.Nanosecond())/1000
}

// The types of elements.
const (
	oidInt2        = pgtype.Int2OID
	oidInt8        = pgtype.Int8OID
	oidText        = pgtype.TextOID
	oidUUID        = pgtype.UUIDOID
	oidBytea       = pgtype.ByteaOID
	oidJSON        = pgtype.JSONOID
	oidTimestamptz = pgtype.TimestamptzOID
)

// int8Param encodes a single bigint.
func int8Param(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }
