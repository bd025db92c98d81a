package faulty

import (
	"context"
	"sync"
)

// Gate holds commits back while it is shut. A new gate is open.
type Gate struct {
	mu struct {
		sync.Mutex
		opened  chan struct{} // closed while the gate is open
		changed chan struct{} // closed when waiting or passed changes
		waiting int
		passed  int
	}
}

func newGate() *Gate {
	g := new(Gate)
	g.mu.opened = make(chan struct{})
	close(g.mu.opened)
	g.mu.changed = make(chan struct{})
	return g
}

// Shut holds every commit that has not passed yet. Shutting twice is harmless.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.mu.opened:
		g.mu.opened = make(chan struct{})
	default:
	}
}

// Open lets all commits pass. Opening twice is harmless.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.mu.opened:
	default:
		close(g.mu.opened)
	}
}

// Waiting returns how many commits are held now.
func (g *Gate) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.waiting
}

// Passed returns how many commits have passed since the store was wrapped.
func (g *Gate) Passed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.passed
}

// Await waits until n commits are held. The error is the context's.
func (g *Gate) Await(ctx context.Context, n int) error {
	for {
		g.mu.Lock()
		waiting, changed := g.mu.waiting, g.mu.changed
		g.mu.Unlock()
		if waiting >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pass waits until the gate is open.
func (g *Gate) pass() {
	g.count(1, 0)
	for {
		g.mu.Lock()
		opened := g.mu.opened
		g.mu.Unlock()
		<-opened
		if g.leave() {
			return
		}
	}
}

// leave counts a commit as passed, unless the gate has been shut again.
func (g *Gate) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.mu.opened:
		g.countLocked(-1, 1)
		return true
	default:
		return false
	}
}

func (g *Gate) count(waiting, passed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.countLocked(waiting, passed)
}

func (g *Gate) countLocked(waiting, passed int) {
	g.mu.waiting += waiting
	g.mu.passed += passed
	close(g.mu.changed)
	g.mu.changed = make(chan struct{})
}
