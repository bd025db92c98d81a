package actors

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// hubShardsMax is how many parts the orders that are watched are spread over, by their ids.
const hubShardsMax = 64

// hub brings committed events to whoever follows them. The committer tells it of each batch that is
// durable; it never waits for a subscriber, and costs next to nothing while there is none.
//
// It promises little, on purpose: a subscription that lacks an event reads it from the store, which has
// them all. What makes that work is an order of steps. A subscriber registers first and reads the store
// then; the committer commits first and looks for subscribers then. So an event that was committed too
// early for the subscriber to be told is one that it reads.
type hub struct {
	store  persistence.Store
	writer uint64        // the epoch of the node's writer
	end    atomic.Uint64 // the newest batch that is committed

	watched atomic.Int64 // subscriptions to single orders
	shards  [hubShardsMax]hubShard
	feed    feed
}

// hubShard holds the subscriptions of some orders.
type hubShard struct {
	mu     sync.Mutex
	orders map[commerce.ID]*OrderSubscription // the first of those of an order
}

// Update is a committed event on its way to its subscribers, who share it. It is never changed.
type Update struct {
	persistence.StreamEvent
	// Committed is when the event's batch was durable; zero for an event read from the store.
	Committed time.Time

	text struct {
		sync.Once
		bytes []byte
	}
}

// Text returns what encode makes of the update. It is made once, for all who ask.
// REQUIRES: everybody gives the same encode.
func (u *Update) Text(encode func(*Update) []byte) []byte {
	u.text.Do(func() { u.text.bytes = encode(u) })
	return u.text.bytes
}

func newHub(store persistence.Store, writer, end uint64) *hub {
	h := &hub{store: store, writer: writer}
	h.end.Store(end)
	for i := range h.shards {
		h.shards[i].orders = make(map[commerce.ID]*OrderSubscription)
	}
	h.feed.subscriptions = make(map[*FeedSubscription]struct{})
	return h
}

func (h *hub) shard(order commerce.ID) *hubShard {
	return &h.shards[order[len(order)-1]%hubShardsMax]
}

// publish tells subscribers of a batch that is durable. It is called for each batch in turn, before the
// entries' owners have them back, and keeps none of them.
func (h *hub) publish(batch *persistence.Batch, outcomes []commerce.Outcome) {
	h.end.Store(batch.Seq)
	watched, fed := h.watched.Load() > 0, h.feed.attached.Load() > 0
	if !watched && !fed {
		return
	}
	now := time.Now()
	var updates []*Update
	for i, e := range batch.Entries {
		if outcomes[i].Kind != commerce.Applied || e.Event == nil || e.Order == nil {
			continue
		}
		var u *Update
		if fed {
			u = h.update(batch, e, now)
			updates = append(updates, u)
		}
		if watched {
			h.tell(batch, e, u, now)
		}
	}
	if len(updates) > 0 {
		slices.SortFunc(updates, func(a, b *Update) int { return a.Position.Compare(b.Position) })
		h.feed.add(updates)
	}
}

func (h *hub) update(batch *persistence.Batch, e *commerce.Entry, now time.Time) *Update {
	return &Update{
		StreamEvent: persistence.StreamEvent{
			Event: *e.Event, Customer: e.Order.Row.Customer,
			Position: persistence.Position{Writer: h.writer, Batch: batch.Seq, Entity: e.Event.Entity, Seq: e.Event.Seq},
		},
		Committed: now,
	}
}

// tell hands an event to those who follow its order. u is made of it if it is not there yet: only for
// orders that somebody watches.
func (h *hub) tell(batch *persistence.Batch, e *commerce.Entry, u *Update, now time.Time) {
	shard := h.shard(e.Event.Entity)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	s := shard.orders[e.Event.Entity]
	if s == nil {
		return
	}
	if u == nil {
		u = h.update(batch, e, now)
	}
	for ; s != nil; s = s.next {
		s.push(u)
	}
}

// attach registers a subscription to an order.
func (h *hub) attach(s *OrderSubscription) {
	shard := h.shard(s.order)
	shard.mu.Lock()
	s.next = shard.orders[s.order]
	shard.orders[s.order] = s
	shard.mu.Unlock()
	h.watched.Add(1)
}

// detach ends a subscription to an order. REQUIRES: it is attached.
func (h *hub) detach(s *OrderSubscription) {
	h.watched.Add(-1)
	shard := h.shard(s.order)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if first := shard.orders[s.order]; first != s {
		for at := first; at != nil; at = at.next {
			if at.next == s {
				at.next = s.next
				return
			}
		}
		return
	}
	if s.next == nil {
		delete(shard.orders, s.order)
		return
	}
	shard.orders[s.order] = s.next
}
