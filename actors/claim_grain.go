package actors

import (
	"errors"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
)

// claimGrain carries one claim at a time: an order being placed, or units being taken off stock. It asks
// the product grains one after another in product-id order, so that waiting cannot deadlock; hands the
// entry to the committer when all have granted; and answers when the entry's fate is known. Then it is
// free for another claim.
//
//	asking ──all granted──► committing ──applied──► answered, free
//	   │                        └─────not applied──► give back, answer, free
//	   └──refused, expired──► give back, (look the key up,) answer, free
type claimGrain struct {
	engine *Engine
	claim  *claim // nil when it is free
	self   *actor.PID
	asked  int  // requests sent so far; all but the last have been granted
	looked bool // the key is being looked up: everything has been given back
}

// Receive implements actor.Actor. A message about a claim that has ended is dropped: what it tells has
// been dealt with. A panic must not leave a caller without an answer, nor a key and capacity taken: see
// fail.
func (g *claimGrain) Receive(ctx actor.Context) {
	defer func() {
		if reason := recover(); reason != nil {
			g.fail(ctx, reason)
		}
	}()
	switch m := ctx.Message().(type) {
	case *claim:
		g.start(ctx, m)
	case *grantRequest:
		if g.claim != nil && m.id == g.claim.id {
			g.answered(ctx, m)
		}
	case *submission:
		if g.claim != nil && m == &g.claim.submission {
			g.settled(ctx, m)
		}
	case *keyLookup:
		if g.claim != nil && m.asker == asker(g.claim) {
			g.end(ctx, m.answer)
		}
	case *claimExpired:
		if m.claim == g.claim {
			g.expired(ctx)
		}
	}
}

// settle implements settler: the committer's answer comes back as a message. The grain runs on the
// sender's goroutine. For an applied entry it only answers; anything else gives grants back, which
// can set others going, and that is not the committer's work.
func (c *claim) settle(s *submission) {
	if s.err == nil && s.outcome.Kind == commerce.Applied {
		c.engine.root.Send(c.pid, s)
		return
	}
	c.engine.background.Go(func() { c.engine.root.Send(c.pid, s) })
}

// looked implements asker.
func (c *claim) looked(l *keyLookup) { c.engine.root.Send(c.pid, l) }

func (g *claimGrain) start(ctx actor.Context, c *claim) {
	g.claim, g.self = c, ctx.Self()
	switch {
	case c.over(): // expired while its products were looked for
		g.end(ctx, answer{})
	case c.refusal != nil:
		g.refuse(ctx, c.refusal)
	default:
		g.ask()
	}
}

func (g *claimGrain) ask() {
	request := &g.claim.requests[g.asked]
	request.replyTo = g.self
	g.asked++
	g.engine.ask(request)
}

func (g *claimGrain) answered(ctx actor.Context, request *grantRequest) {
	switch {
	case request.refusal != nil:
		g.asked--
		g.refuse(ctx, request.refusal)
	case g.claim.over():
		g.expired(ctx)
	case g.asked < len(g.claim.requests):
		g.ask()
	default:
		g.commit(ctx)
	}
}

func (g *claimGrain) commit(ctx actor.Context) {
	c := g.claim
	entry, err := c.purpose.entry(c)
	if err != nil {
		g.refuse(ctx, err)
		return
	}
	if !c.submit() {
		g.expired(ctx)
		return
	}
	if planted.Is(planted.KeyNotBound) {
		entry.Key = nil
	}
	if planted.Is(planted.AnswerBeforeCommit) {
		c.finish(c.purpose.receipt(entry))
	}
	entry.Deadline = c.deadline
	c.submission = submission{entry: entry, granted: c.requests, settled: c}
	g.engine.committer.submit(&c.submission)
}

// settled hears from the committer. Grants of an applied entry have settled by themselves; all
// others are given back, unless it may still turn out that the entry was applied.
func (g *claimGrain) settled(ctx actor.Context, s *submission) {
	c := g.claim
	switch {
	case errors.Is(s.err, errNotWritten):
		g.giveBack()
		g.end(ctx, answer{err: errUnavailable()})
	case s.err != nil:
		g.end(ctx, answer{err: c.errUnknown()})
	case s.outcome.Kind == commerce.Applied:
		g.end(ctx, c.purpose.receipt(s.entry))
	default:
		g.giveBack()
		g.refused(ctx, &s.outcome)
	}
}

// refused answers an entry that the store did not apply.
func (g *claimGrain) refused(ctx actor.Context, o *commerce.Outcome) {
	if o.Kind == commerce.Replay {
		g.looked = true
		g.engine.lookups.ask(&keyLookup{hash: g.claim.hash, bound: &o.Key, asker: g.claim})
		return
	}
	if o.Kind != commerce.KeyMismatch {
		// The store knew better than the grain: its word is a committed row, so it stands, but on
		// one node this is not expected.
		g.engine.metrics.grantsRefusedByStore.Add(1)
		g.engine.logger.Warn("the store refused an entry whose units had been granted",
			slog.String("product_id", o.Stock.Product.String()), slog.Int("outcome", int(o.Kind)))
	}
	g.end(ctx, answer{err: outcomeError(o)})
}

// refuse gives back and answers a claim that cannot be carried out. A keyed one may be the retry of
// one that was: its key is looked up first.
func (g *claimGrain) refuse(ctx actor.Context, refusal error) {
	c := g.claim
	g.giveBack()
	if !c.keyed || planted.Is(planted.RetryAfterSellOut) {
		g.end(ctx, answer{err: refusal})
		return
	}
	g.looked = true
	g.engine.lookups.ask(&keyLookup{key: c.key, hash: c.hash, refusal: refusal, asker: c})
}

// expired gives back what has been granted, and the request that may still be granted. A claim
// whose key is being looked up ends when that has come back: until then it holds its capacity.
func (g *claimGrain) expired(ctx actor.Context) {
	if g.looked || g.claim.submission.entry != nil {
		return // given back already; or handed over: somebody will tell
	}
	g.giveBack()
	g.end(ctx, answer{})
}

// giveBack ends the grants of all requests sent.
func (g *claimGrain) giveBack() {
	if planted.Is(planted.GrantNotGivenBack) {
		return
	}
	for i := range g.asked {
		request := &g.claim.requests[i]
		g.engine.giveBack(&giveBack{request: request})
	}
	g.asked = 0
}

// fail ends a claim whose grain has panicked. Its grants end by themselves, and so does the grain: who
// knows what state it is in.
func (g *claimGrain) fail(ctx actor.Context, reason any) {
	g.engine.grainFailed("claim", reason)
	if c := g.claim; c != nil {
		a := answer{err: errInternal(commerce.ID{})}
		if c.submission.entry != nil {
			a.err = c.errUnknown()
		}
		g.engine.end(&c.command, a)
	}
	ctx.Stop(g.self)
}

// end answers the command. The grain is free from then on.
func (g *claimGrain) end(ctx actor.Context, a answer) {
	c, self := g.claim, g.self
	*g = claimGrain{engine: g.engine, self: self}
	g.engine.end(&c.command, a)
	if !g.engine.claims.give(self) {
		ctx.Stop(self)
	}
}
