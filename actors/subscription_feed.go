package actors

import (
	"context"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// FeedQuery selects updates of all orders. Zero fields do not select.
type FeedQuery struct {
	Status   commerce.Status // that the order has reached
	Customer string          // whose order it is
	After    *persistence.Position
}

func (q *FeedQuery) matches(e *persistence.StreamEvent) bool {
	return e.Product == nil && (q.Status == 0 || e.Status == q.Status) && (q.Customer == "" || e.Customer == q.Customer)
}

// FeedSubscription follows all orders. One goroutine at a time uses it.
type FeedSubscription struct {
	hub     *hub
	query   FeedQuery
	watcher Watcher

	at     persistence.Position // everything up to here has been looked at
	number uint64               // in the feed, of the next update to look at, unless it is behind
	read   []*Update            // from the store, not taken yet
	behind bool
}

// FollowOrders subscribes to all orders that the principal may see, from a position on or, without one, from now on. It returns the
// position that it starts after. Refusals: validation_failed when the position lies in the future,
// which is that of another store; forbidden; persistence.ErrPositionGone.
func (e *Engine) FollowOrders(
	ctx context.Context, by *commerce.Principal, q FeedQuery, watcher Watcher,
) (from persistence.Position, _ Subscription, err error) {
	if q.Customer, err = by.Sees(q.Customer); err != nil {
		return from, nil, err
	}
	if planted.Is(planted.FeedOfAll) {
		q.Customer = ""
	}
	s := &FeedSubscription{hub: e.hub, query: q, watcher: watcher}
	s.number = e.hub.feed.attach(s)
	s.at = persistence.EndOfBatch(e.hub.writer, e.hub.end.Load())
	if q.After != nil {
		// One batch may have been committed, and read from the store, that nobody has been told of yet.
		if q.After.Compare(persistence.EndOfBatch(s.at.Writer, s.at.Batch+1)) > 0 {
			s.Close()
			return from, nil, &commerce.Error{
				Code: commerce.CodeValidation, Detail: "the request is not valid",
				Violations: []commerce.Violation{{Pointer: "cursor", Detail: "must be a cursor that this store has given"}},
			}
		}
		s.at, s.behind = *q.After, true
		from = s.at
		if err := s.CatchUp(ctx); err != nil { // now, while it can still be refused
			s.Close()
			return from, nil, err
		}
		return from, s, nil
	}
	return s.at, s, nil
}

// Take implements Subscription.
func (s *FeedSubscription) Take(dst []*Update, max int) (updates []*Update, behind bool) {
	if n := min(max, len(s.read)); n > 0 {
		dst = append(dst, s.read[:n]...)
		if s.read = s.read[n:]; len(s.read) == 0 {
			s.read = nil
		}
		return dst, false
	}
	if s.behind {
		return dst, true
	}
	from := len(dst)
	next, ok := s.hub.feed.read(s.number, func(u *Update) bool {
		if u.Position.Compare(s.at) <= 0 {
			return false // read from the store already
		}
		s.at = u.Position
		if s.query.matches(&u.StreamEvent) {
			dst = append(dst, u)
		}
		return len(dst)-from == max
	})
	s.number, s.behind = next, !ok
	return dst, s.behind
}

// CatchUp implements Subscription.
func (s *FeedSubscription) CatchUp(ctx context.Context) error {
	next := s.hub.feed.newest() // before the store is read: what is told later is in the feed
	events, err := s.hub.store.EventsAfter(ctx, s.at, catchUpMax)
	if err != nil {
		return wrapStore("read events that were missed", err)
	}
	for i := range events {
		e := &events[i]
		s.at = e.Position
		if s.query.matches(e) {
			s.read = append(s.read, &Update{StreamEvent: *e})
		}
	}
	if len(events) < catchUpMax {
		s.number, s.behind = next, false
	}
	return nil
}

// Close implements Subscription.
func (s *FeedSubscription) Close() { s.hub.feed.detach(s) }
