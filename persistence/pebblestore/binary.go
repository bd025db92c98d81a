package pebblestore

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// errCorrupt says that stored bytes are not what this package writes. Pebble checks its blocks and
// its log by checksum, so it points at a bug or at a store of another program rather than at a disk.
var errCorrupt = errors.New("stored bytes are not a row of this store")

const (
	// zeroTime stands for the zero time.Time, which has no count of nanoseconds.
	zeroTime = math.MinInt64
	// timeSecondsMax bounds the seconds, from 1970 on or back, of a time whose nanoseconds can be counted: until 2262.
	timeSecondsMax = math.MaxInt64/int64(time.Second) - 1
)

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// timeBytes is what a time takes.
const timeBytes = 8

// appendTime keeps nanoseconds, and not the time zone: times are UTC. One that is too far off to be counted becomes the
// farthest that can be: what expires in the year 9999 must not have expired.
func appendTime(b []byte, t time.Time) []byte {
	ns := int64(zeroTime)
	if !t.IsZero() {
		ns = min(max(t.Unix(), -timeSecondsMax), timeSecondsMax)*int64(time.Second) + int64(t.Nanosecond())
	}
	return binary.BigEndian.AppendUint64(b, uint64(ns))
}

// openSized and closeSized put the length of what is appended between them before it.
func openSized(b []byte) ([]byte, int) { return append(b, 0, 0, 0, 0), len(b) }

func closeSized(b []byte, from int) []byte {
	binary.BigEndian.PutUint32(b[from:], uint32(len(b)-from-4))
	return b
}

// decoder reads what the functions above wrote. It never panics and never allocates more than the
// bytes it was given could hold: after the first fault every method returns zero values, and err
// tells.
type decoder struct {
	b      []byte
	off    int
	texts  string // the same bytes as b, when texts are to be cut out of one string
	failed bool
}

// newTextDecoder returns a decoder whose texts share one copy of b.
func newTextDecoder(b []byte) decoder { return decoder{b: b, texts: string(b)} }

func (d *decoder) err() error {
	if d.failed {
		return errCorrupt
	}
	return nil
}

// end is err for a value that must have been read to its last byte.
func (d *decoder) end() error {
	if d.off != len(d.b) {
		d.failed = true
	}
	return d.err()
}

func (d *decoder) fail() { d.failed = true }

func (d *decoder) byte() byte {
	if d.failed || d.off >= len(d.b) {
		d.failed = true
		return 0
	}
	v := d.b[d.off]
	d.off++
	return v
}

func (d *decoder) uvarint() uint64 {
	if d.failed {
		return 0
	}
	v, n := binary.Uvarint(d.b[d.off:])
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.off += n
	return v
}

func (d *decoder) varint() int64 {
	if d.failed {
		return 0
	}
	v, n := binary.Varint(d.b[d.off:])
	if n <= 0 {
		d.failed = true
		return 0
	}
	d.off += n
	return v
}

// take returns the next n bytes, which alias the decoder's.
func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)-d.off) {
		d.failed = true
		return nil
	}
	v := d.b[d.off : d.off+int(n)]
	d.off += int(n)
	return v
}

// bytes reads bytes preceded by their length; they alias the decoder's.
func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

// sized reads bytes written between openSized and closeSized; they alias the decoder's.
func (d *decoder) sized() []byte {
	n := d.take(4)
	if d.failed {
		return nil
	}
	return d.take(uint64(binary.BigEndian.Uint32(n)))
}

func (d *decoder) text() string {
	n := d.uvarint()
	from := d.off
	v := d.take(n)
	if d.texts != "" {
		return d.texts[from : from+len(v)]
	}
	return string(v)
}

func (d *decoder) skipText() { d.bytes() }

func (d *decoder) id() (id commerce.ID) {
	copy(id[:], d.take(uint64(len(id))))
	return id
}

func (d *decoder) uint64() uint64 {
	v := d.take(8)
	if d.failed {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func (d *decoder) time() time.Time {
	ns := int64(d.uint64())
	if d.failed || ns == zeroTime {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// count reads how many parts follow, each of which takes at least least bytes: a corrupt count
// cannot make the caller allocate more than the bytes that are there could describe.
func (d *decoder) count(least int) int {
	n := d.uvarint()
	if d.failed || n > uint64((len(d.b)-d.off)/least) {
		d.failed = true
		return 0
	}
	return int(n)
}
