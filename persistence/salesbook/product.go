package salesbook

import (
	"encoding/binary"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Number stands for a product sold in a currency: they are counted from 0.
type Number uint32

// ChunkProducts is how many products share a row.
const ChunkProducts = 4096

// Chunk numbers the runs of ChunkProducts products.
type Chunk uint32

// Chunk returns the chunk that holds the number.
func (n Number) Chunk() Chunk { return Chunk(n / ChunkProducts) }

// ProductKey names a product's sum: from its highest bits to its lowest the day, the product's number and the
// quarter hour of the day. In rows of months the day and the quarter hour are 0.
type ProductKey uint64

const numberBits = 32

// NewProductKey names a product's sum. REQUIRES: the quarter hour is not before 1970.
func NewProductKey(q persistence.Quarter, n Number) ProductKey {
	return ProductKey((uint64(DayOf(q))<<numberBits|uint64(n))<<quarterBits | uint64(q%persistence.QuartersADay))
}

// Day returns the sum's day.
func (k ProductKey) Day() Day { return Day(k >> (numberBits + quarterBits)) }

// Number returns the product's number.
func (k ProductKey) Number() Number { return Number(k >> quarterBits) }

// Quarter returns the sum's quarter hour.
func (k ProductKey) Quarter() persistence.Quarter {
	return k.Day().First() + persistence.Quarter(k&(1<<quarterBits-1))
}

// ofMonth is the key of the same product in a row of a month.
func (k ProductKey) ofMonth() ProductKey { return ProductKey(k.Number()) << quarterBits }

// ProductSum is what was sold of a product.
type ProductSum struct {
	Key       ProductKey
	Units     int64
	Revenue   persistence.Sum
	Cancelled int64
}

// AddUpProducts is Adder.Products for a list of its own.
func AddUpProducts(list []ProductSum) []ProductSum { return new(Adder).Products(list) }

// AppendProducts packs sums. REQUIRES: they come from AddUpProducts.
func AppendProducts(dst []byte, list []ProductSum) []byte {
	dst = append(dst, rowVersion)
	last := ProductKey(0)
	for i := range list {
		s := &list[i]
		dst = binary.AppendUvarint(dst, uint64(s.Key-last))
		head := zigzag(s.Units) << 1
		if s.Cancelled != 0 {
			head |= 1
		}
		dst = binary.AppendUvarint(dst, head)
		dst = appendSum(dst, s.Revenue)
		if s.Cancelled != 0 {
			dst = binary.AppendVarint(dst, s.Cancelled)
		}
		last = s.Key
	}
	return dst
}

// ProductReader reads what AppendProducts packed, one sum after another.
type ProductReader struct {
	r   reader
	key ProductKey
}

// ReadProducts begins to read a packed row.
func ReadProducts(row []byte) ProductReader { return ProductReader{r: newReader(row)} }

// Next reads the next sum into s. It returns false at the end, or when the row is broken: Err tells.
func (r *ProductReader) Next(s *ProductSum) bool {
	if !r.r.more() {
		return false
	}
	r.key += ProductKey(r.r.uvarint())
	head := r.r.uvarint()
	s.Key, s.Units, s.Revenue, s.Cancelled = r.key, unzigzag(head>>1), r.r.sum(), 0
	if head&1 != 0 {
		s.Cancelled = r.r.varint()
	}
	return !r.r.failed
}

// Err says whether the row was one.
func (r *ProductReader) Err() error { return r.r.err() }

// UnpackProducts appends the sums of a row to a list.
func UnpackProducts(list []ProductSum, row []byte) ([]ProductSum, error) {
	r := ReadProducts(row)
	for s := (ProductSum{}); r.Next(&s); {
		list = append(list, s)
	}
	return list, r.Err()
}

// Cell returns the sum as readers see it.
func (s *ProductSum) Cell(currency commerce.Currency) persistence.ProductCell {
	return persistence.ProductCell{
		Quarter: s.Key.Quarter(), Currency: currency, Units: s.Units, Revenue: s.Revenue, Cancelled: s.Cancelled,
	}
}
