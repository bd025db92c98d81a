package commerce

import "time"

// Entry is one command on its way into the store: everything it changes, all or nothing. Its
// maker owns it until it is handed to a committer, and again after its outcome is known; a store
// writes only the Level of its movements, the Version of its key and its audit record.
type Entry struct {
	Key     *KeyBinding    // nil when the command has no idempotency key
	Order   *OrderChange   // nil when no order changes
	Product *ProductChange // nil when no product row changes
	// Movements are the ledger's lines and, summed, the stock's deltas; at most one a product,
	// sorted by product.
	Movements []Movement
	Event     *Event // nil when nothing is to be told
	// Audit is the line of the audit log, written with the rest; nil when the command is not audited. The
	// store seals it.
	Audit *AuditRecord

	// Deadline is the moment after which the entry must not be written any more: who granted its
	// units may take them back later than that. It is counted from before the first request.
	Deadline time.Time
}

// OrderChange is the new row of an order. Expect is the version it replaces, 0 for a new order.
type OrderChange struct {
	Row            *Order
	Expect         uint64
	PreviousStatus Status // of the row it replaces, for indexes
}

// ProductChange is the new row of a product. Expect is the version it replaces, 0 for a new one.
type ProductChange struct {
	Row         *Product
	Expect      uint64
	PreviousSKU string // of the row it replaces, for indexes
}

// OutcomeKind says what a store did with an entry.
type OutcomeKind uint8

// The outcomes. Only Applied changes anything.
const (
	// Applied: the entry is durable.
	Applied OutcomeKind = iota + 1
	// Replay: the key is bound to the same request; Key holds the binding.
	Replay
	// KeyMismatch: the key is bound to another request.
	KeyMismatch
	// VersionConflict: the row is not at the version the entry expects (or, for a new row, exists).
	VersionConflict
	// SKUTaken: another product has the SKU.
	SKUTaken
	// UnknownProduct: a movement names a product that does not exist.
	UnknownProduct
	// Insufficient: Stock, a committed row, does not allow the movement.
	Insufficient
	// Overstocked: more units than OnHandMax would be on hand; Stock is the committed row.
	Overstocked
	// StaleGrant: the partition of Stock.Product has another owner since it granted.
	StaleGrant
	// Unstorable: the store has no way to write down some text of the entry. The edge refuses such
	// text; an entry that has it all the same does not keep the rest of its batch from being written.
	Unstorable
)

// Outcome is what became of one entry.
type Outcome struct {
	Kind  OutcomeKind
	Key   KeyBinding // of Replay
	Stock Stock      // of Insufficient, Overstocked, StaleGrant and UnknownProduct: the row, or only its product
}
