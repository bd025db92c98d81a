package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
)

// productGrain owns the units of one product that are granted and not yet settled. It answers from
// memory: the committed row in its ref, less its open grants. It never waits for the disk, and it
// refuses only what the committed row cannot give, so that a refusal is always true; what would
// fit but for open grants is parked until one of them settles.
//
//	serving ──panic──► recovering ──barrier──► serving
//	   └── third panic within ten seconds ──► quarantined
type productGrain struct {
	engine *Engine
	ref    *productRef
	handle *grainHandle
	self   *actor.PID

	open   *grants
	parked []*grantRequest // first come, first served

	deciding   *grantRequest // the request being decided, for fail
	recovering bool          // the mind was lost: hold requests until the barrier has passed
	asked      bool          // a barrier for grants past their end is under way
	failures   []time.Time
}

// Receive implements actor.Actor. A panic in it must not become a silent restart with an empty
// mind, as the library would have it: see fail.
func (g *productGrain) Receive(ctx actor.Context) {
	defer func() {
		if reason := recover(); reason != nil {
			g.fail(reason)
		}
	}()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.self = ctx.Self()
	case *grantRequest:
		g.handle.handled()
		g.handle.lastUsed.Store(m.deadline.UnixMilli())
		g.request(m)
	case *giveBack:
		g.takeBack(m.request)
	case *stockMoved:
		g.unpark()
	case *endGrants:
		g.askBarrier()
	case *barrierPassed:
		g.passed(m)
	case *leave:
		g.leave()
	}
}

func (g *productGrain) request(r *grantRequest) {
	behind := len(g.parked) > 0 || g.recovering // others came first
	if behind || !g.decide(r) {
		g.park(r)
	}
}

// decide answers a request; false says that it must wait for open grants to settle.
func (g *productGrain) decide(r *grantRequest) bool {
	g.deciding = r
	answered := g.verdict(r)
	g.deciding = nil
	return answered
}

func (g *productGrain) verdict(r *grantRequest) bool {
	switch {
	case g.ref.quarantined.Load():
		g.reply(r, errQuarantined(g.ref.id))
		return true
	case r.deadline.Before(time.Now()):
		// Its claim has gone, and has given back what it was about to get.
		g.reply(r, &commerce.Error{Code: commerce.CodeOverloaded, Detail: "the request came too late"})
		return true
	}
	product := g.ref.product.Load()
	if r.line != nil {
		if refusal := r.line.Check(product); refusal != nil {
			g.reply(r, refusal)
			return true
		}
	}
	g.settle()
	available := g.ref.stock.Load().Available()
	switch {
	case available < r.quantity:
		g.reply(r, errInsufficient(g.ref.id, r.quantity, available))
	case available-g.open.units < r.quantity:
		if planted.Is(planted.RefuseUncommitted) {
			g.reply(r, errInsufficient(g.ref.id, r.quantity, available-g.open.units))
			return true
		}
		return false
	default:
		g.grant(r, product)
	}
	return true
}

// grant opens a grant.
func (g *productGrain) grant(r *grantRequest, product *commerce.Product) {
	if g.open.none() {
		g.handle.oldestGrant.Store(r.grantEnd().UnixMilli())
	}
	g.open.open(r)
	r.product, r.epoch = product, g.engine.epoch(g.ref.id)
	g.reply(r, nil)
}

func (g *productGrain) reply(r *grantRequest, refusal *commerce.Error) {
	r.refusal = refusal
	g.engine.root.Send(r.replyTo, r)
}

// settle drops the grants that are part of the committed row by now. The committer publishes the
// row first, so the row read after this contains at least what was dropped.
func (g *productGrain) settle() {
	if g.ref.settled.Load() == nil {
		return
	}
	for r := g.ref.settled.Swap(nil); r != nil; {
		next := r.settled
		r.settled = nil // or else each request would keep those settled before it
		g.drop(r)
		r = next
	}
}

// drop forgets a grant. Repeated and unknown ones do no harm.
func (g *productGrain) drop(r *grantRequest) {
	g.open.drop(r)
	if g.open.none() {
		g.handle.oldestGrant.Store(0)
	}
}

func (g *productGrain) takeBack(r *grantRequest) {
	g.drop(r)
	if i := slices.Index(g.parked, r); i >= 0 {
		g.parked = slices.Delete(g.parked, i, i+1)
	}
	g.unpark()
}

// park keeps a request until grants settle. The flag is set first and the row looked at again
// after: whatever the committer publishes from now on, it sees the flag.
func (g *productGrain) park(r *grantRequest) {
	if len(g.parked) >= g.engine.config.ParkedMax {
		g.reply(r, &commerce.Error{
			Code: commerce.CodeOverloaded, Product: g.ref.id, RetryAfter: retryAfterShort,
			Detail: fmt.Sprintf("too many orders wait for product %s; nothing was done, try again", g.ref.id),
		})
		return
	}
	g.parked = append(g.parked, r)
	g.engine.metrics.parked.Add(1)
	g.ref.parked.Store(true)
	g.unpark()
}

// unpark decides parked requests in the order they came, until one must go on waiting.
func (g *productGrain) unpark() {
	if g.recovering {
		return
	}
	for len(g.parked) > 0 {
		queue := g.parked
		g.parked = queue[1:] // before it is decided: should that fail, it is not decided again
		if !g.decide(queue[0]) {
			g.parked = queue
			return
		}
		queue[0] = nil
	}
	g.parked = nil
	g.ref.parked.Store(false)
}

// askBarrier asks the committer to let a barrier pass, before grants past their end are dropped:
// an entry that is queued or in flight is settled by then, and one that comes later is past its
// deadline and will not be written.
func (g *productGrain) askBarrier() {
	if !g.asked {
		g.asked = true
		g.engine.barrier(g.self, time.Now())
	}
}

func (g *productGrain) passed(m *barrierPassed) {
	g.asked = false
	g.settle()
	oldest := int64(0)
	for r := g.open.first; r != nil; {
		next := r.grant.next
		if end := r.grantEnd(); end.Before(m.asked) {
			g.drop(r)
			g.engine.metrics.grantsEnded.Add(1)
		} else if oldest == 0 || end.UnixMilli() < oldest {
			oldest = end.UnixMilli()
		}
		r = next
	}
	g.handle.oldestGrant.Store(oldest)
	g.recovering = false
	g.unpark()
}

// leave shuts the door of an idle grain and tells the partition. Open grants, parked requests and
// requests under way are not idle.
func (g *productGrain) leave() {
	g.settle()
	if !g.open.none() || len(g.parked) > 0 || g.recovering || g.asked || !g.handle.close() {
		return
	}
	g.engine.root.Send(g.engine.partition(g.ref.id), &left{ref: g.ref, handle: g.handle})
}

// fail starts over after a panic. What was granted is not known any more, so nothing is granted
// until a barrier has passed the committer: what had been handed over is part of the committed row
// then. Grants of claims that had not got so far are forgotten; the store still guards their units.
// Three failures within ten seconds stop the product.
func (g *productGrain) fail(reason any) {
	g.engine.grainFailed("product", reason)
	now := time.Now()
	g.failures = append(g.failures, now)
	if len(g.failures) > failuresMax {
		g.failures = g.failures[1:]
	}
	if len(g.failures) == failuresMax && now.Sub(g.failures[0]) < failuresWithin {
		g.engine.quarantine(g.ref, "its grain failed again and again")
	}
	if r := g.deciding; r != nil {
		g.deciding = nil
		g.reply(r, errInternal(g.ref.id))
	}
	g.open = new(grants)
	g.recovering = true
	g.asked = false
	g.askBarrier()
}

const (
	failuresMax    = 3
	failuresWithin = 10 * time.Second
)

func errQuarantined(id commerce.ID) *commerce.Error {
	return &commerce.Error{
		Code: commerce.CodeQuarantined, Product: id, RetryAfter: quarantineRetryAfter,
		Detail: fmt.Sprintf("product %s cannot be sold: its books do not add up; the operator has been told", id),
	}
}

const quarantineRetryAfter = time.Minute

func errInsufficient(id commerce.ID, asked, available int64) *commerce.Error {
	return &commerce.Error{
		Code: commerce.CodeInsufficientStock, Product: id, Available: max(available, 0),
		Detail: fmt.Sprintf("%d units of product %s were asked for, %d are left", asked, id, max(available, 0)),
	}
}
