package wire

import "math/bits"

// plainLength returns how many bytes a text begins with that stand in a JSON string as they are, and are ASCII: neither
// a quotation mark, nor a backslash, nor a control character. It looks at eight bytes at once; the orders' texts
// and names go through it in both directions.
func plainLength[T string | []byte](s T) int {
	const (
		ones       = 0x0101010101010101
		highs      = 0x80 * ones
		spaces     = ' ' * ones
		quotes     = '"' * ones
		backslash  = '\\' * ones
		wordLength = 8
	)
	at := 0
	for ; len(s)-at >= wordLength; at += wordLength {
		w := s[at : at+wordLength]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		// A subtraction that underflows sets the highest bit of a byte. It may set those of the bytes above as
		// well, but only the lowest one counts.
		if special := (x | (x - spaces) | ((x ^ quotes) - ones) | ((x ^ backslash) - ones)) & highs; special != 0 {
			return at + bits.TrailingZeros64(special)/8
		}
	}
	for ; at < len(s); at++ {
		if c := s[at]; c < ' ' || c >= 0x80 || c == '"' || c == '\\' {
			break
		}
	}
	return at
}
