package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// grantRequest asks a product grain for units; the same struct comes back as its answer, to the
// claim's grain. A request and its answer are one allocation, made with the claim.
type grantRequest struct {
	ref      *productRef
	id       commerce.ID // names the grant: the order's id, or one of its own for a stock change
	quantity int64
	line     *commerce.OrderLine // price and archiving are checked for orders; nil for stock changes
	replyTo  *actor.PID
	deadline time.Time // the entry is not written after it

	// The answer: the product as granted, or why not.
	product *commerce.Product
	epoch   uint64 // of the product's partition when it granted
	refusal *commerce.Error

	grant   grant         // the grain's
	settled *grantRequest // the next one in the product's stack of settled grants
}

// giveBack ends a grant, or a request still parked, whose order will not be placed.
type giveBack struct{ request *grantRequest }

// stockMoved tells a grain with parked requests that the committed row has moved.
type stockMoved struct{}

// endGrants tells a grain that it holds grants past their end.
type endGrants struct{}

// barrierPassed comes back from the committer: everything handed to it before the barrier has been
// settled and published.
type barrierPassed struct{ asked time.Time }

// leave asks an idle product grain to go; left is its consent, to its partition.
type leave struct{}

type left struct {
	ref    *productRef
	handle *grainHandle
}

// sweep is the owner's tick: partitions look for grants past their end and for idle grains.
type sweep struct{ now time.Time }

// claimExpired tells a claim's grain that its deadline passed while it waited.
type claimExpired struct{ claim *claim }

// orderLoaded brings an order's row, read by a goroutine, to its grain.
type orderLoaded struct {
	order *commerce.Order
	err   error
}
