package commerce

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Operation is a kind of command that can carry an idempotency key.
type Operation uint8

// The operations that take a key. Their numbers are stored.
const (
	OperationPlaceOrder Operation = iota + 1
	OperationTransitionOrder
	OperationCreateProduct
	OperationAdjustStock
)

// KeyID identifies an idempotency key within its scope: the first 16 bytes of a SHA-256 over
// caller, operation, resource and key. Two callers, or two operations, never share a key.
type KeyID [16]byte

// RequestHash is a SHA-256 of what a command says. The same key with another hash is a mistake.
type RequestHash [32]byte

// NewKeyID scopes a key. The resource is zero for commands that make one.
func NewKeyID(caller Principal, operation Operation, resource ID, key string) KeyID {
	b := make([]byte, 0, 320)
	b = append(b, byte(operation))
	b = append(b, resource[:]...)
	b = appendText(b, caller.name())
	b = appendText(b, key)
	sum := sha256.Sum256(b)
	return KeyID(sum[:16])
}

// KeyBinding ties an idempotency key to what its command made. Only a committed command binds its
// key; the binding lasts until ExpiresAt.
type KeyBinding struct {
	ID        KeyID
	Request   RequestHash
	Operation Operation
	// Resource and Version say what the first answer showed: an order or a product at that
	// version, or a product's stock row at that number of its ledger.
	Resource  ID
	Version   uint64
	ExpiresAt time.Time
}

// appendText appends a text with its length, so that two different lists of texts never give the
// same bytes.
func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }
