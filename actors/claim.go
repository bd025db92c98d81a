package actors

import (
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// claim is a command that takes units of products: an order being placed, or a stock change that
// removes units. It has one request a product, sorted by product id.
type claim struct {
	command
	engine   *Engine
	id       commerce.ID // of the order, or of the grant alone
	requests []grantRequest
	purpose  purpose
	refusal  error // why it cannot even ask, e.g. a product that does not exist

	submission submission

	placing placing // the purpose of nearly every claim
	expiry  claimExpired
}

// newClaim makes a claim with room for its requests. These are an allocation of their own: their products
// hold on to them until their next message, and must not hold the claim, its order and its answer.
func newClaim(e *Engine, requests int) *claim {
	c := &claim{engine: e, id: newID(), requests: make([]grantRequest, requests)}
	c.expiry.claim = c
	return c
}

// purpose is what a claim's units are for.
type purpose interface {
	// entry makes the entry once every request has been granted.
	entry(c *claim) (*commerce.Entry, error)
	// receipt is the answer when the entry has been applied.
	receipt(e *commerce.Entry) answer
}

// placing is the purpose of an order.
type placing struct {
	cmd   *commerce.PlaceOrder
	lines []commerce.OrderLine // merged, sorted; lines[i] is what requests[i] asks for
	terms commerce.Terms
}

func (p *placing) entry(c *claim) (*commerce.Entry, error) {
	var few [4]commerce.Offer // on the stack, for nearly every order
	offers := few[:0]
	for i := range c.requests {
		offers = append(offers, commerce.Offer{Product: c.requests[i].product, Epoch: c.requests[i].epoch})
	}
	return p.cmd.NewEntry(c.id, p.lines, offers, p.terms)
}

func (p *placing) receipt(e *commerce.Entry) answer { return answer{order: e.Order.Row} }

// removing is the purpose of a negative stock change.
type removing struct {
	cmd    *commerce.AdjustStock
	keyTTL time.Duration
}

func (r *removing) entry(c *claim) (*commerce.Entry, error) {
	return r.cmd.NewEntry(c.id.Time(), c.requests[0].epoch, r.keyTTL), nil
}

func (r *removing) receipt(e *commerce.Entry) answer { return answer{movement: e.Movements[0]} }
