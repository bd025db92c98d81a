package salesbook

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// BucketKey names a bucket: from its highest bits to its lowest the day, the currency, the status and the
// quarter hour of the day. So buckets of one day stand together, and within it those of one series.
type BucketKey uint64

const (
	quarterBits  = 7
	statusBits   = 8
	currencyBits = 24
)

// NewBucketKey names a bucket. REQUIRES: the quarter hour is not before 1970.
func NewBucketKey(q persistence.Quarter, c commerce.Currency, s commerce.Status) BucketKey {
	key := uint64(DayOf(q))
	key = key<<currencyBits | uint64(c[0])<<16 | uint64(c[1])<<8 | uint64(c[2])
	key = key<<statusBits | uint64(s)
	return BucketKey(key<<quarterBits | uint64(q%persistence.QuartersADay))
}

// Day returns the bucket's day.
func (k BucketKey) Day() Day { return Day(k >> (currencyBits + statusBits + quarterBits)) }

// Quarter returns the bucket's quarter hour.
func (k BucketKey) Quarter() persistence.Quarter {
	return k.Day().First() + persistence.Quarter(k&(1<<quarterBits-1))
}

// Status returns the status of the bucket's orders.
func (k BucketKey) Status() commerce.Status { return commerce.Status(k >> quarterBits) }

// Currency returns the currency of the bucket's orders.
func (k BucketKey) Currency() commerce.Currency {
	c := k >> (quarterBits + statusBits)
	return commerce.Currency{byte(c >> 16), byte(c >> 8), byte(c)}
}

// Bucket is the sum of some orders.
type Bucket struct {
	Key    BucketKey
	Orders int64
	Amount persistence.Sum
}

// Cell returns the bucket as readers see it.
func (b *Bucket) Cell() persistence.SalesCell {
	return persistence.SalesCell{
		Quarter: b.Key.Quarter(), Status: b.Key.Status(), Currency: b.Key.Currency(), Orders: b.Orders, Amount: b.Amount,
	}
}

// AddUpBuckets sorts buckets and makes one of those with the same key; empty ones are left out. It works in place.
func AddUpBuckets(list []Bucket) []Bucket {
	slices.SortFunc(list, func(a, b Bucket) int { return cmp.Compare(a.Key, b.Key) })
	sums := list[:0]
	for i := 0; i < len(list); {
		sum := list[i]
		for i++; i < len(list) && list[i].Key == sum.Key; i++ {
			sum.Orders += list[i].Orders
			sum.Amount = sum.Amount.Add(list[i].Amount)
		}
		if sum.Orders != 0 || !sum.Amount.IsZero() {
			sums = append(sums, sum)
		}
	}
	return sums
}

// rowVersion is the first byte of every packed row.
const rowVersion = 1

// AppendBuckets packs buckets. REQUIRES: they come from AddUpBuckets.
func AppendBuckets(dst []byte, list []Bucket) []byte {
	dst = append(dst, rowVersion)
	last := BucketKey(0)
	for i := range list {
		b := &list[i]
		dst = binary.AppendUvarint(dst, uint64(b.Key-last))
		dst = binary.AppendVarint(dst, b.Orders)
		dst = appendSum(dst, b.Amount)
		last = b.Key
	}
	return dst
}

// BucketReader reads what AppendBuckets packed, one bucket after another.
type BucketReader struct {
	r   reader
	key BucketKey
}

// ReadBuckets begins to read a packed row.
func ReadBuckets(row []byte) BucketReader { return BucketReader{r: newReader(row)} }

// Next reads the next bucket into b. It returns false at the end, or when the row is broken: Err tells.
func (r *BucketReader) Next(b *Bucket) bool {
	if !r.r.more() {
		return false
	}
	r.key += BucketKey(r.r.uvarint())
	b.Key, b.Orders, b.Amount = r.key, r.r.varint(), r.r.sum()
	return !r.r.failed
}

// Err says whether the row was one.
func (r *BucketReader) Err() error { return r.r.err() }

// UnpackBuckets appends the buckets of a row to a list.
func UnpackBuckets(list []Bucket, row []byte) ([]Bucket, error) {
	r := ReadBuckets(row)
	for b := (Bucket{}); r.Next(&b); {
		list = append(list, b)
	}
	return list, r.Err()
}
