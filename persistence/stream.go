package persistence

import (
	"bytes"
	"cmp"
	"math"

	"github.com/penstock-dev/penstock/commerce"
)

// Position is the place of a reader in the stream of all events: everything up to it, itself
// included, has been read. The zero Position stands before the first event.
//
// The stream is in commit order: by writer, then by batch, then by entity and Seq. One writer at a time
// commits to a store, and a newer one fences it for good, so that epochs and batch numbers tell the
// order in which batches became visible. Ids and times do not: they are given before the commit.
type Position struct {
	Writer uint64 // the Epoch of the writer that committed
	Batch  uint64 // its Seq
	Entity commerce.ID
	Seq    uint64
}

// EndOfBatch returns the position after all events of a batch.
func EndOfBatch(writer, batch uint64) Position {
	p := Position{Writer: writer, Batch: batch, Seq: math.MaxUint64}
	for i := range p.Entity {
		p.Entity[i] = 0xff
	}
	return p
}

// Compare orders positions as the stream does.
func (p Position) Compare(other Position) int {
	return cmp.Or(
		cmp.Compare(p.Writer, other.Writer),
		cmp.Compare(p.Batch, other.Batch),
		bytes.Compare(p.Entity[:], other.Entity[:]),
		cmp.Compare(p.Seq, other.Seq),
	)
}

// StreamEvent is an event with its place in the stream.
type StreamEvent struct {
	commerce.Event
	Position Position
	Customer string // whose order it is; empty for a product's event
}
