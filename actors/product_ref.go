package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// productRef is what this node knows of one product: its committed rows, and its grain while one
// is resident. The committer and the loader write the rows, newest version wins, everybody reads
// them; the partition actor writes grain. Rows are immutable once they stand here.
type productRef struct {
	id      commerce.ID
	product atomic.Pointer[commerce.Product]
	stock   atomic.Pointer[commerce.Stock]
	grain   atomic.Pointer[grainHandle]
	place   atomic.Pointer[stockPlace] // its slot in the listing; nil before it has one

	// settled is a stack of requests whose entries are durable: the committer pushes, after it has
	// published the row that contains them; the grain takes all of it at its next message.
	settled atomic.Pointer[grantRequest]
	// parked says that requests wait in the grain. The grain sets it and then looks at the row
	// again; the committer publishes and then looks at it: one of the two sees the other.
	parked atomic.Bool
	// published is the number of the newest batch that moved the product. The committer owns it.
	published uint64
	// quarantined says that the product's books did not add up. It stays until the process ends.
	quarantined atomic.Bool
}

// loaded reports whether both rows are known.
func (r *productRef) loaded() bool {
	return r.product.Load() != nil && r.stock.Load() != nil
}

// adoptStock takes the row if it is newer than the one known. It returns false when the row breaks
// the invariant, or differs from the known one at the same version: the books do not add up.
func (r *productRef) adoptStock(row *commerce.Stock) bool {
	for {
		known := r.stock.Load()
		if known != nil && known.Version >= row.Version {
			return known.Version > row.Version || *known == *row
		}
		if r.stock.CompareAndSwap(known, row) {
			return row.Valid()
		}
	}
}

// adoptProduct takes the row if it is newer than the one known.
func (r *productRef) adoptProduct(row *commerce.Product) {
	for {
		known := r.product.Load()
		if known != nil && known.Version >= row.Version {
			return
		}
		if r.product.CompareAndSwap(known, row) {
			return
		}
	}
}

// pushSettled tells the grain that a grant is part of the committed row.
// REQUIRES: that row has been adopted, and the grant has not been pushed before.
func (r *productRef) pushSettled(request *grantRequest) {
	request.line, request.replyTo = nil, nil // the product may hold on to it for long
	for {
		request.settled = r.settled.Load()
		if r.settled.CompareAndSwap(request.settled, request) {
			return
		}
	}
}

// grainHandle is the door of a resident grain. Requests are counted before they are sent, and a
// grain can only leave while none is counted; so no request is ever sent to a grain that has gone.
type grainHandle struct {
	pid *actor.PID
	// mailbox is the grain's own, for requests: who has entered knows that the grain is there, and need not
	// ask the library, which looks at memory that is cold for most products.
	mailbox  *mailbox
	requests atomic.Int64 // sent and not yet handled; doorClosed once the grain has left
	lastUsed atomic.Int64 // Unix milliseconds, coarse
	// oldestGrant is the end of the oldest open grant in Unix milliseconds, 0 when there is none.
	// The grain writes it, the sweep reads it.
	oldestGrant atomic.Int64
}

const doorClosed = -1 << 40

// enter counts a request; false says that the grain has left. Whoever enters must send.
func (h *grainHandle) enter() bool {
	if h.requests.Add(1) > 0 {
		return true
	}
	h.requests.Add(-1)
	return false
}

// handled uncounts a request.
func (h *grainHandle) handled() { h.requests.Add(-1) }

// closed reports whether the grain has left.
func (h *grainHandle) closed() bool { return h.requests.Load() < 0 }

// close shuts the door if nobody is inside.
func (h *grainHandle) close() bool { return h.requests.CompareAndSwap(0, doorClosed) }
