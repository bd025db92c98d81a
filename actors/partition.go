package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/penstock-dev/penstock/commerce"
)

// partition owns the product grains whose ids hash to it: it starts them when the first request
// comes, looks for grants past their end, and lets the longest idle grains go when there are too
// many. It is the unit of ownership: in a cluster it moves as a whole.
type partition struct {
	engine   *Engine
	resident map[*grainHandle]*productRef
}

// Receive implements actor.Actor.
func (p *partition) Receive(ctx actor.Context) {
	defer func() {
		if reason := recover(); reason != nil {
			p.engine.grainFailed("partition", reason)
			if r, ok := ctx.Message().(*grantRequest); ok {
				r.refusal = errInternal(r.ref.id)
				ctx.Send(r.replyTo, r)
			}
		}
	}()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.resident = make(map[*grainHandle]*productRef)
	case *grantRequest:
		p.forward(ctx, m)
	case *giveBack:
		if handle := m.request.ref.grain.Load(); handle != nil {
			ctx.Send(handle.pid, m)
		}
	case *left:
		p.release(ctx, m)
	case *sweep:
		p.sweep(ctx, m.now)
	}
}

// forward sends a request on to its grain, started if it is not resident. The request is sent
// before the grain can be found by others, so that nothing about it can overtake it.
func (p *partition) forward(ctx actor.Context, r *grantRequest) {
	if handle := r.ref.grain.Load(); handle != nil && handle.enter() {
		ctx.Send(handle.pid, r)
		return
	}
	handle := &grainHandle{mailbox: newMailbox()}
	handle.pid = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &productGrain{engine: p.engine, ref: r.ref, handle: handle, open: new(grants)}
	}, actor.WithMailbox(func() actor.Mailbox { return handle.mailbox }), actor.WithDispatcher(p.engine.inline)))
	handle.enter()
	ctx.Send(handle.pid, r)
	r.ref.grain.Store(handle)
	p.resident[handle] = r.ref
	p.engine.metrics.grains.Add(1)
}

// release stops a grain that has shut its door. Nothing can be on its way to it.
func (p *partition) release(ctx actor.Context, m *left) {
	m.ref.grain.CompareAndSwap(m.handle, nil)
	delete(p.resident, m.handle)
	p.engine.metrics.grains.Add(-1)
	ctx.Stop(m.handle.pid)
}

func (p *partition) sweep(ctx actor.Context, now time.Time) {
	for handle := range p.resident {
		if end := handle.oldestGrant.Load(); end != 0 && end < now.UnixMilli() {
			ctx.Send(handle.pid, &endGrants{})
		}
	}
	surplus := len(p.resident) - max(1, p.engine.config.GrainsMax/commerce.PartitionsMax)
	if surplus <= 0 {
		return
	}
	handles := make([]*grainHandle, 0, len(p.resident))
	for handle := range p.resident {
		handles = append(handles, handle)
	}
	slices.SortFunc(handles, func(a, b *grainHandle) int { return int(a.lastUsed.Load() - b.lastUsed.Load()) })
	for _, handle := range handles[:surplus] {
		ctx.Send(handle.pid, &leave{})
	}
}
