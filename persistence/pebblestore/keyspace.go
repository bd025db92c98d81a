package pebblestore

import (
	"encoding/binary"

	"github.com/penstock-dev/penstock/commerce"
)

// The tables, each under its first byte. Numbers are big endian, so that keys sort as what they
// stand for; ids sort by time of making, so that new rows of most tables go to their end.
const (
	tableSales     = 'a' // sums of sales: see sales_keys.go
	tableBindings  = 'b' // KeyID → binding
	tableCustomers = 'c' // customer, order → nothing
	tableAudit     = 'd' // seq → record of the audit log: what was done
	tableEvents    = 'e' // entity, seq → event
	tablePacks     = 'g' // product, newest order of a pack → the other orders
	tableProductOf = 'i' // product, order that is in no pack → nothing
	tableJournal   = 'j' // seq → record
	tableAccess    = 'k' // key → access key
	tableLedger    = 'l' // product, first version of a page → its lines
	tableMeta      = 'm' // name → value
	tableOrders    = 'o' // order → order
	tableProducts  = 'p' // product → product
	tableStream    = 'q' // seq of a batch → its writer and the names of its events
	tableRuns      = 'r' // seq of a fold's last record, part → lines of the ledger that are in no page yet
	tableStock     = 's' // product → stock row, as of its last page
	tableStatuses  = 't' // status, order → nothing
	tableSKUs      = 'u' // SKU → product
	tableExpiries  = 'x' // minute, seq → KeyIDs of bindings that expire before the minute ends
)

// The names in tableMeta.
const (
	metaFormat = "mformat" // layout of the store
	metaEpoch  = "mepoch"  // epoch of the newest writer
	metaMerged = "mmerged" // which lines of runs are in pages
	metaFolded = "mfolded" // seq of the last journal record that the tables hold
	metaAccess = "maccess" // counts changes of tableAccess
	metaAudit  = "maudit"  // where tableAudit ends: number and hash of its last record
	metaStream = "mstream" // seq of the first batch in tableStream, when there were others before
)

func journalKey(b []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tableJournal), seq)
}

func idKey(b []byte, table byte, id commerce.ID) []byte {
	return append(append(b, table), id[:]...)
}

func bindingKey(b []byte, id commerce.KeyID) []byte {
	return append(append(b, tableBindings), id[:]...)
}

func skuKey(b []byte, sku string) []byte {
	return append(append(b, tableSKUs), sku...)
}

// numberedKey is the key of a line of the ledger, or of an event.
func numberedKey(b []byte, table byte, id commerce.ID, number uint64) []byte {
	return binary.BigEndian.AppendUint64(idKey(b, table, id), number)
}

func statusPrefix(b []byte, s commerce.Status) []byte {
	return append(b, tableStatuses, byte(s))
}

// customerPrefix starts with the length, so that no customer's keys lie among another's.
func customerPrefix[T string | []byte](b []byte, customer T) []byte {
	b = append(b, tableCustomers)
	b = binary.AppendUvarint(b, uint64(len(customer)))
	return append(b, customer...)
}

func productPrefix(b []byte, product commerce.ID) []byte {
	return idKey(b, tableProductOf, product)
}

func packKey(b []byte, product, newest commerce.ID) []byte {
	return append(idKey(b, tablePacks, product), newest[:]...)
}

// lastID returns the id at the end of a key, which every index has there.
func lastID(key []byte) (id commerce.ID) {
	if len(key) >= len(id) {
		copy(id[:], key[len(key)-len(id):])
	}
	return id
}

// splitNumbered takes a key of numberedKey apart.
func splitNumbered(key []byte) (id commerce.ID, number uint64, err error) {
	if len(key) != 1+len(id)+8 {
		return id, 0, errCorrupt
	}
	copy(id[:], key[1:])
	return id, binary.BigEndian.Uint64(key[1+len(id):]), nil
}

// prefixEnd returns the first key after all keys that start with the prefix.
// REQUIRES: the prefix is not made of 0xff alone; tables' first bytes are letters.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
}
