package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/penstock-dev/penstock/commerce"
)

// A cursor is a place in a list, opaque to clients: a letter for the list and the key of the last
// row shown, in base64url. The letter keeps the cursor of one list out of another.
const (
	cursorOrders    = 'o'
	cursorMovements = 'm'
)

var errBadCursor = errors.New("must be the next_cursor of a page of this list, unchanged")

// OrderCursor returns the cursor of the page after an order.
func OrderCursor(last commerce.ID) string { return string(AppendOrderCursor(nil, last)) }

// AppendOrderCursor appends what OrderCursor returns.
func AppendOrderCursor(dst []byte, last commerce.ID) []byte {
	var key [1 + len(last)]byte
	key[0] = cursorOrders
	copy(key[1:], last[:])
	return base64.RawURLEncoding.AppendEncode(dst, key[:])
}

// ParseOrderCursor returns the order that a page starts after.
func ParseOrderCursor(s string) (commerce.ID, error) {
	key, err := parseCursor(s, cursorOrders, len(commerce.ID{}))
	if err != nil {
		return commerce.ID{}, err
	}
	id := commerce.ID(key)
	if id.IsZero() {
		return commerce.ID{}, errBadCursor
	}
	return id, nil
}

// MovementCursor returns the cursor of the page after a ledger's line.
func MovementCursor(last uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{cursorMovements}, last))
}

// ParseMovementCursor returns the number of the line that a page starts after.
func ParseMovementCursor(s string) (uint64, error) {
	key, err := parseCursor(s, cursorMovements, 8)
	if err != nil {
		return 0, err
	}
	version := binary.BigEndian.Uint64(key)
	if version == 0 {
		return 0, errBadCursor
	}
	return version, nil
}

// parseCursor accepts exactly what was made: one text for one place.
func parseCursor(s string, list byte, size int) ([]byte, error) {
	encoding := base64.RawURLEncoding.Strict()
	if len(s) != encoding.EncodedLen(1+size) {
		return nil, errBadCursor
	}
	raw, err := encoding.DecodeString(s)
	if err != nil || len(raw) != 1+size || raw[0] != list {
		return nil, errBadCursor
	}
	return raw[1:], nil
}
