package salesbook

import (
	"encoding/binary"
	"errors"

	"github.com/penstock-dev/penstock/persistence"
)

// ErrCorrupt says that a row is not what this package packs.
var ErrCorrupt = errors.New("stored bytes are not a row of sales")

// inlineMax bounds the amounts that are packed as one number: half of it, so that a bit is left to say so.
const inlineMax = int64(1) << 61

// appendSum packs a sum: nearly all fit into one number, of which the lowest bit is 0.
func appendSum(dst []byte, s persistence.Sum) []byte {
	if v, ok := s.Int64(); ok && v < inlineMax && v >= -inlineMax {
		return binary.AppendUvarint(dst, zigzag(v)<<1)
	}
	hi, lo := s.Words()
	dst = append(dst, 1)
	dst = binary.BigEndian.AppendUint64(dst, uint64(hi))
	return binary.BigEndian.AppendUint64(dst, lo)
}

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// reader reads a packed row. It never panics: after the first fault everything it returns is zero.
type reader struct {
	b      []byte
	off    int
	failed bool
}

func newReader(row []byte) reader {
	return reader{b: row, off: 1, failed: len(row) == 0 || row[0] != rowVersion}
}

func (r *reader) more() bool { return !r.failed && r.off < len(r.b) }

func (r *reader) err() error {
	if r.failed {
		return ErrCorrupt
	}
	return nil
}

func (r *reader) uvarint() uint64 {
	if r.off < len(r.b) && r.b[r.off] < 0x80 && !r.failed { // most are this short
		r.off++
		return uint64(r.b[r.off-1])
	}
	if r.failed {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.off:])
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.off += n
	return v
}

func (r *reader) varint() int64 { return unzigzag(r.uvarint()) }

func (r *reader) sum() persistence.Sum {
	v := r.uvarint()
	switch {
	case v&1 == 0:
		return persistence.SumOf(unzigzag(v >> 1))
	case v != 1 || len(r.b)-r.off < 16:
		r.failed = true
		return persistence.Sum{}
	}
	hi, lo := binary.BigEndian.Uint64(r.b[r.off:]), binary.BigEndian.Uint64(r.b[r.off+8:])
	r.off += 16
	return persistence.SumOfWords(int64(hi), lo)
}
