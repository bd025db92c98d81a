package actors

import (
	"context"
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// orderGrain owns a placed order while commands on it are under way: one of them at a time is on
// its way to the store, the others wait. It reads its row when it starts and leaves when it has
// nothing to do; the row's version guards it against anybody else's change.
//
//	loading ──row──► deciding ──entry──► committing ──► deciding … idle, gone
type orderGrain struct {
	engine *Engine
	id     commerce.ID
	handle *grainHandle
	self   *actor.PID

	order   *commerce.Order // nil until loaded
	loading bool
	current *transition // the command at work, nil when idle
	waiting []*transition
}

// transition is a command on a placed order.
type transition struct {
	command
	engine     *Engine
	cmd        *commerce.TransitionOrder
	attempts   int
	submission submission
}

// settle implements settler: the committer's answer comes back as a message.
func (t *transition) settle(s *submission) { t.engine.root.Send(t.pid, s) }

// looked implements asker.
func (t *transition) looked(l *keyLookup) { t.engine.root.Send(t.pid, l) }

// conflictsMax bounds how often a command is decided anew because its order had changed in the
// store behind the grain's back. On one node that does not happen.
const conflictsMax = 3

// Receive implements actor.Actor. A panic must not leave callers without an answer, nor the order
// without a grain that works: see fail. An answer to a command that fail has ended is dropped.
func (g *orderGrain) Receive(ctx actor.Context) {
	defer func() {
		if reason := recover(); reason != nil {
			g.fail(ctx, reason)
		}
	}()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.self = ctx.Self()
	case *transition:
		if g.order != nil && !m.cmd.Caller.Reaches(g.order) {
			g.hide(m) // at once: how long the order is busy is not its business either
		} else {
			g.waiting = append(g.waiting, m)
		}
		g.advance(ctx)
	case *orderLoaded:
		g.loading = false
		if g.current != nil {
			g.loaded(ctx, m)
		}
	case *submission:
		if g.current != nil && m == &g.current.submission {
			g.settled(ctx, m)
		}
	case *keyLookup:
		if g.current != nil && m.asker == asker(g.current) {
			g.end(ctx, m.answer)
		}
	}
}

// advance takes up the next command, or leaves.
func (g *orderGrain) advance(ctx actor.Context) {
	for g.current == nil && len(g.waiting) > 0 {
		g.current, g.waiting = g.waiting[0], g.waiting[1:]
		g.current.pid = g.self
		g.decide()
	}
	if g.current == nil && g.handle.close() {
		g.engine.orders.CompareAndDelete(g.id, g.handle)
		ctx.Stop(g.self)
	}
}

// decide turns the current command into an entry.
func (g *orderGrain) decide() {
	if g.order == nil {
		g.load()
		return
	}
	t := g.current
	if !t.cmd.Caller.Reaches(g.order) { // before all else that could tell it from an order that does not exist
		g.current = nil
		g.hide(t)
		return
	}
	if t.stalled != nil {
		g.refuse(t.stalled)
		return
	}
	entry, err := t.cmd.NewEntry(g.order, rowTime(), g.engine.epoch, g.engine.config.KeyRetention)
	if err != nil {
		g.refuse(err)
		return
	}
	if !t.submit() {
		g.finish(answer{})
		return
	}
	entry.Deadline = t.deadline
	t.submission = submission{entry: entry, settled: t}
	g.engine.committer.submit(&t.submission)
}

func (g *orderGrain) load() {
	if g.loading {
		return
	}
	g.loading = true
	engine, id, self := g.engine, g.id, g.self
	engine.background.Go(func() {
		ctx, cancel := engine.reading(context.Background())
		defer cancel()
		order, err := engine.store.Order(ctx, id)
		engine.root.Send(self, &orderLoaded{order: order, err: err})
	})
}

func (g *orderGrain) loaded(ctx actor.Context, m *orderLoaded) {
	switch {
	case m.err == nil:
		g.order = m.order
		g.decide()
	case errors.Is(m.err, persistence.ErrNotFound):
		t := g.current
		g.current = nil
		g.hide(t)
	default:
		g.end(ctx, answer{err: errUnavailable()})
	}
	g.advance(ctx)
}

func (g *orderGrain) settled(ctx actor.Context, s *submission) {
	t := g.current
	switch {
	case errors.Is(s.err, errNotWritten):
		g.end(ctx, answer{err: errUnavailable()})
	case s.err != nil:
		g.order = nil
		g.end(ctx, answer{err: t.errUnknown()})
	case s.outcome.Kind == commerce.Applied:
		g.order = s.entry.Order.Row
		g.engine.customers.follow(g.order)
		g.end(ctx, answer{order: g.order})
	case s.outcome.Kind == commerce.Replay:
		g.engine.lookups.ask(&keyLookup{hash: t.hash, bound: &s.outcome.Key, asker: t})
	case s.outcome.Kind == commerce.VersionConflict && t.attempts < conflictsMax:
		t.attempts++
		t.state.CompareAndSwap(stateSubmitted, stateWaiting)
		g.order = nil
		g.decide()
	default:
		g.end(ctx, answer{err: outcomeError(&s.outcome)})
	}
}

func (g *orderGrain) refuse(refusal error) {
	t := g.current
	if !t.keyed {
		g.finish(answer{err: refusal})
		return
	}
	g.engine.lookups.ask(&keyLookup{key: t.key, hash: t.hash, refusal: refusal, asker: t})
}

// fail ends every command of a grain that has panicked, and the grain, unless another command is on its way to it: the
// next command reads the order anew.
func (g *orderGrain) fail(ctx actor.Context, reason any) {
	g.engine.grainFailed("order", reason)
	if t := g.current; t != nil {
		a := answer{err: errInternal(commerce.ID{})}
		if t.submission.entry != nil {
			a.err = t.errUnknown()
		}
		g.finish(a)
	}
	for _, t := range g.waiting {
		g.current = t
		g.finish(answer{err: errInternal(commerce.ID{})})
	}
	g.waiting, g.order = nil, nil
	g.advance(ctx)
}

// finish answers the current command.
func (g *orderGrain) finish(a answer) {
	t := g.current
	g.current = nil
	g.answer(t, a)
}

// hide says that there is no such order, which holds for whom it is out of reach, too. The command's key is not
// looked up: it was never bound, or its first answer is no longer the caller's to see.
func (g *orderGrain) hide(t *transition) { g.answer(t, answer{err: commerce.NoOrder(g.id)}) }

func (g *orderGrain) answer(t *transition, a answer) {
	g.handle.handled()
	g.engine.end(&t.command, a)
}

// end answers the current command and takes up the next.
func (g *orderGrain) end(ctx actor.Context, a answer) {
	g.finish(a)
	g.advance(ctx)
}
