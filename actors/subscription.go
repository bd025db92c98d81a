package actors

import (
	"context"
	"fmt"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// Subscription follows one order or all of them, without a gap and without a repeat. Updates that are
// told while its owner is busy are kept, up to a limit; beyond that the store has them.
//
// One goroutine at a time uses it.
type Subscription interface {
	// Take appends up to max updates that are at hand. behind says that there are none at hand, and
	// that the store has some: CatchUp gets them.
	Take(dst []*Update, max int) (updates []*Update, behind bool)
	// CatchUp reads a page of what was missed from the store. The error is the store's; it can be
	// tried again.
	CatchUp(ctx context.Context) error
	// Close ends the subscription. It must be called once.
	Close()
}

// Watcher is told that a subscription has something. Wake is called by the committer, with locks held:
// it must return at once, and not use the subscription.
type Watcher interface{ Wake() }

const (
	// updatesMax is how many updates are kept for one who follows an order. An order has at most six.
	updatesMax = 16
	// catchUpMax is how many events are read from the store at once.
	catchUpMax = 256
)

// OrderSubscription follows one order.
type OrderSubscription struct {
	hub     *hub
	order   commerce.ID
	watcher Watcher
	next    *OrderSubscription // another one of the same order; the shard's

	mu struct {
		sync.Mutex
		last   uint64    // number of the last update taken
		queue  []*Update // those that follow it, without a gap
		behind bool      // the store has updates beyond queue
		missed bool      // one was told while it was behind
	}
}

// FollowOrder subscribes to an order and returns it as it is: updates follow its version. With since
// they follow that number instead, and nothing else is of interest. Refusals: not_found,
// validation_failed when the order has not come as far as since.
func (e *Engine) FollowOrder(
	ctx context.Context, by *commerce.Principal, id commerce.ID, since *uint64, watcher Watcher,
) (*commerce.Order, Subscription, error) {
	s := &OrderSubscription{hub: e.hub, order: id, watcher: watcher}
	s.mu.behind = true // until it is known where it starts
	e.hub.attach(s)
	order, err := e.Order(ctx, by, id)
	if err == nil && since != nil && *since > order.Version {
		err = &commerce.Error{
			Code: commerce.CodeValidation, Detail: "the request is not valid",
			Violations: []commerce.Violation{{
				Pointer: "since_seq", Detail: fmt.Sprintf("must be at most %d, the number of the order's last event", order.Version),
			}},
		}
	}
	if err != nil {
		e.hub.detach(s)
		return nil, nil, err
	}
	s.start(order.Version, since)
	return order, s, nil
}

// start says which update comes first. Whatever was told before is left to the store.
func (s *OrderSubscription) start(version uint64, since *uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.last, s.mu.behind = version, s.mu.missed
	if since != nil {
		s.mu.last, s.mu.behind = *since, s.mu.missed || *since < version
		if planted.Is(planted.ResumeRepeats) && *since > 0 {
			s.mu.last, s.mu.behind = *since-1, true
		}
	}
}

// push is told an update. Each order's come in the order of their numbers.
func (s *OrderSubscription) push(u *Update) {
	s.mu.Lock()
	expected := s.mu.last + uint64(len(s.mu.queue)) + 1
	switch {
	case s.mu.behind:
		s.mu.missed = true
	case u.Seq < expected: // read from the store already
	case planted.Is(planted.EventNotTold) && u.Seq%3 == 0:
		s.mu.last++
	case u.Seq > expected, len(s.mu.queue) >= updatesMax:
		s.mu.behind = true
	default:
		s.mu.queue = append(s.mu.queue, u)
	}
	s.mu.Unlock()
	s.watcher.Wake()
}

// Take implements Subscription.
func (s *OrderSubscription) Take(dst []*Update, max int) (updates []*Update, behind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.queue) == 0 {
		return dst, s.mu.behind
	}
	n := min(max, len(s.mu.queue))
	dst = append(dst, s.mu.queue[:n]...)
	s.mu.last += uint64(n)
	if s.mu.queue = s.mu.queue[n:]; len(s.mu.queue) == 0 {
		s.mu.queue = nil // most subscriptions rest most of the time
	}
	return dst, false
}

// CatchUp implements Subscription.
func (s *OrderSubscription) CatchUp(ctx context.Context) error {
	s.mu.Lock()
	after := s.mu.last + uint64(len(s.mu.queue))
	s.mu.missed = false
	s.mu.Unlock()
	events, err := s.hub.store.Events(ctx, s.order, after, catchUpMax)
	if err != nil {
		return wrapStore("read events that were missed", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		s.mu.queue = append(s.mu.queue, &Update{StreamEvent: persistence.StreamEvent{Event: events[i]}})
	}
	s.mu.behind = s.mu.missed || len(events) == catchUpMax
	return nil
}

// Close implements Subscription.
func (s *OrderSubscription) Close() { s.hub.detach(s) }
