package persistence

import (
	"cmp"
	"math/big"
	"math/bits"
	"strconv"
)

// Sum is a sum of amounts of money, in minor units. It has 128 bits: one amount may be 2⁵³, so that a
// thousand orders could overflow 64. The zero Sum is 0.
type Sum struct {
	hi int64
	lo uint64
}

// SumOf returns the sum of one amount.
func SumOf(amount int64) Sum { return Sum{hi: amount >> 63, lo: uint64(amount)} }

// SumOfWords puts a sum together from what Words returned.
func SumOfWords(hi int64, lo uint64) Sum { return Sum{hi: hi, lo: lo} }

// Words returns the two halves of the sum in two's complement, to store them.
func (s Sum) Words() (hi int64, lo uint64) { return s.hi, s.lo }

// Add returns s + t.
func (s Sum) Add(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	hi, _ := bits.Add64(uint64(s.hi), uint64(t.hi), carry)
	return Sum{hi: int64(hi), lo: lo}
}

// Neg returns -s.
func (s Sum) Neg() Sum {
	lo, borrow := bits.Sub64(0, s.lo, 0)
	hi, _ := bits.Sub64(0, uint64(s.hi), borrow)
	return Sum{hi: int64(hi), lo: lo}
}

// Compare returns -1, 0 or 1 as s is less than, equal to or greater than t.
func (s Sum) Compare(t Sum) int { return cmp.Or(cmp.Compare(s.hi, t.hi), cmp.Compare(s.lo, t.lo)) }

// IsZero reports whether s is 0.
func (s Sum) IsZero() bool { return s == Sum{} }

// Int64 returns the sum as an integer, if it is one of 64 bits.
func (s Sum) Int64() (amount int64, ok bool) {
	amount = int64(s.lo)
	return amount, s == SumOf(amount)
}

// Mean returns s / n, rounded to the nearest integer and away from zero in the middle; 0 when n is 0.
// REQUIRES: neither is negative.
func (s Sum) Mean(n int64) Sum {
	if n <= 0 {
		return Sum{}
	}
	half := s.Add(SumOf(n / 2))
	hi, rest := bits.Div64(0, uint64(half.hi), uint64(n))
	lo, _ := bits.Div64(rest, half.lo, uint64(n))
	return Sum{hi: int64(hi), lo: lo}
}

// AppendText appends the sum in decimal.
func (s Sum) AppendText(dst []byte) []byte {
	if amount, ok := s.Int64(); ok {
		return strconv.AppendInt(dst, amount, 10)
	}
	n := new(big.Int).Lsh(big.NewInt(s.hi), 64)
	return n.Add(n, new(big.Int).SetUint64(s.lo)).Append(dst, 10)
}

// String returns the sum in decimal.
func (s Sum) String() string { return string(s.AppendText(nil)) }
