package pebblestore

import (
	"encoding/binary"

	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// The rows of tableSales, by their second byte. See package salesbook for what they hold.
const (
	salesDays         = 'b' // day → buckets
	salesProductDays  = 'd' // day, chunk → product sums by quarter hour
	salesMonths       = 'm' // month, chunk → product sums; a month that has one has all it needs
	salesNumbers      = 'n' // number → product, currency
	salesBucketDeltas = 't' // number of the delta → buckets
	salesDeltas       = 'u' // number of the delta → product sums by quarter hour
)

// metaSales says how far the sums are: see salesState. A store from before there were any has no such row.
const metaSales = "msales"

func salesPrefix(b []byte, kind byte) []byte { return append(b, tableSales, kind) }

func salesDayKey(day salesbook.Day) []byte {
	return binary.BigEndian.AppendUint32(salesPrefix(nil, salesDays), uint32(day))
}

// salesChunkKey is the key of a row of product sums. period is a day, or a month.
func salesChunkKey(kind byte, period int32, chunk salesbook.Chunk) []byte {
	b := binary.BigEndian.AppendUint32(salesPrefix(nil, kind), uint32(period))
	return binary.BigEndian.AppendUint32(b, uint32(chunk))
}

func salesNumberKey(b []byte, n salesbook.Number) []byte {
	return binary.BigEndian.AppendUint32(salesPrefix(b, salesNumbers), uint32(n))
}

func salesDeltaKey(b []byte, kind byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(salesPrefix(b, kind), number)
}

// salesPeriod reads the day or the month of a key.
func salesPeriod(key []byte) (int32, error) {
	if len(key) < 6 {
		return 0, errCorrupt
	}
	return int32(binary.BigEndian.Uint32(key[2:])), nil
}

// salesNumberOf reads the number of a key of salesNumbers.
func salesNumberOf(key []byte) (int, error) {
	if len(key) != 6 {
		return 0, errCorrupt
	}
	return int(binary.BigEndian.Uint32(key[2:])), nil
}

// salesDeltaNumber reads the number of a delta's key.
func salesDeltaNumber(key []byte) (uint64, error) {
	if len(key) != 2+8 {
		return 0, errCorrupt
	}
	return binary.BigEndian.Uint64(key[2:]), nil
}
