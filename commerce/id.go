package commerce

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID names a product or an order: a UUID version 7 (RFC 9562), whose first 48 bits are the Unix
// time in milliseconds, so that ids sort by time of making. The zero ID names nothing.
type ID [16]byte

var errBadID = errors.New("must be a UUID like 01890a5d-ac96-774b-bcce-b302099a8057")

// ParseID reads the canonical form of a UUID, 36 characters with hyphens, in lower or upper case.
func ParseID[T string | []byte](s T) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, errBadID
	}
	var digits [32]byte
	copy(digits[0:], s[:8])
	copy(digits[8:], s[9:13])
	copy(digits[12:], s[14:18])
	copy(digits[16:], s[19:23])
	copy(digits[20:], s[24:])
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return ID{}, errBadID
	}
	return id, nil
}

// String returns the canonical form, in lower case.
func (id ID) String() string {
	return string(id.AppendText(make([]byte, 0, 36)))
}

// AppendText appends the canonical form to dst.
func (id ID) AppendText(dst []byte) []byte {
	var digits [32]byte
	hex.Encode(digits[:], id[:])
	dst = append(append(dst, digits[:8]...), '-')
	dst = append(append(dst, digits[8:12]...), '-')
	dst = append(append(dst, digits[12:16]...), '-')
	dst = append(append(dst, digits[16:20]...), '-')
	return append(dst, digits[20:]...)
}

// IsZero reports whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Time returns the moment the id was made, in UTC, to the millisecond.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// IDFloor returns the smallest id of the millisecond of t: the bound that turns a range of times
// into a range of ids.
func IDFloor(t time.Time) ID {
	var id ID
	ms := t.UnixMilli()
	if ms < 0 {
		ms = 0
	}
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16)
	return id
}

// Compare orders ids by their bytes, hence by time of making.
func (id ID) Compare(other ID) int {
	if c := cmp.Compare(binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(other[:8])); c != 0 {
		return c
	}
	return cmp.Compare(binary.BigEndian.Uint64(id[8:]), binary.BigEndian.Uint64(other[8:]))
}

// PartitionsMax is the fixed number of partitions identities hash to. A partition is the unit of
// ownership: on one node all of them are local.
const PartitionsMax = 256

// Partition returns the partition that owns the id. The random tail of a version 7 UUID is mixed
// once more, so that ids made by other schemes spread too.
func (id ID) Partition() int {
	x := binary.BigEndian.Uint64(id[8:]) ^ binary.BigEndian.Uint64(id[:8])
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return int(x % PartitionsMax)
}
