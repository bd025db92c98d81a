package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// claimGrainsIdleMax bounds the claim grains that wait for their next claim.
const claimGrainsIdleMax = 4096

// claimGrains keeps the grains whose claims have ended for those that come: starting and stopping an
// actor costs a tenth of what an order costs on a node. A claim itself is never reused, so that a late
// message of the last one is known by what it names, and dropped.
type claimGrains struct {
	root  *actor.RootContext
	props *actor.Props

	mu   sync.Mutex
	idle []*actor.PID
}

func newClaimGrains(e *Engine) *claimGrains {
	return &claimGrains{
		root: e.root,
		props: actor.PropsFromProducer(func() actor.Actor { return &claimGrain{engine: e} },
			actor.WithMailbox(ownMailbox), actor.WithDispatcher(e.inline)),
	}
}

// take returns a grain that has no claim: nobody else has it.
func (g *claimGrains) take() *actor.PID {
	g.mu.Lock()
	if last := len(g.idle) - 1; last >= 0 {
		pid := g.idle[last]
		g.idle[last] = nil
		g.idle = g.idle[:last]
		g.mu.Unlock()
		return pid
	}
	g.mu.Unlock()
	return g.root.Spawn(g.props)
}

// give takes a grain back whose claim has ended; false when there are enough, and it is to stop.
func (g *claimGrains) give(pid *actor.PID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.idle) >= claimGrainsIdleMax {
		return false
	}
	g.idle = append(g.idle, pid)
	return true
}
