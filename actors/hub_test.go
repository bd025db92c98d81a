package actors

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// pausedStore lets a test do something in the middle of a read: after the store has looked, before its
// reader knows.
type pausedStore struct {
	*memStore
	reading func()
}

func (s *pausedStore) pause() {
	if reading := s.reading; reading != nil {
		s.reading = nil
		reading()
	}
}

func (s *pausedStore) Events(ctx context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	events, err := s.memStore.Events(ctx, entity, after, limit)
	s.pause()
	return events, err
}

func (s *pausedStore) EventsAfter(
	ctx context.Context, after persistence.Position, limit int,
) ([]persistence.StreamEvent, error) {
	events, err := s.memStore.EventsAfter(ctx, after, limit)
	s.pause()
	return events, err
}

type wakes struct{ count atomic.Int64 }

func (w *wakes) Wake() { w.count.Add(1) }

// follower is a subscription of the property test, and what it has seen.
type follower struct {
	wakes
	sub   Subscription
	order commerce.ID // zero: all orders
	query FeedQuery
	from  persistence.Position
	since uint64
	seen  []*Update
}

// hubModel drives the hub as the committer and subscribers would, one step at a time, so that every
// order of their steps is tried.
type hubModel struct {
	store   *pausedStore
	hub     *hub
	engine  *Engine
	batch   uint64
	orders  []*commerce.Order
	commits []persistence.Batch // written, not yet published
	follow  []*follower
}

func newHubModel() *hubModel {
	m := &hubModel{store: &pausedStore{memStore: newMemStore()}}
	m.hub = newHub(m.store, 1, 0)
	m.engine = &Engine{hub: m.hub, store: m.store}
	return m
}

// write commits a batch of events, without telling anybody; of the one before everybody has been told.
func (m *hubModel) write(t *rapid.T) {
	m.publish()
	m.batch++
	batch := persistence.Batch{Seq: m.batch}
	for range rapid.IntRange(1, 5).Draw(t, "events") {
		order := &commerce.Order{ID: newID(), Customer: rapid.SampledFrom([]string{"ann", "ben"}).Draw(t, "customer")}
		if len(m.orders) > 0 && rapid.IntRange(0, 3).Draw(t, "older") > 0 {
			order = m.orders[rapid.IntRange(0, len(m.orders)-1).Draw(t, "order")]
		} else {
			m.orders = append(m.orders, order)
		}
		at := slices.Index(m.orders, order)
		next := *order
		next.Version++
		next.Status = commerce.Status(1 + (next.Version-1)%uint64(commerce.StatusMax))
		m.orders[at] = &next
		e := &commerce.Entry{Order: &commerce.OrderChange{Row: &next}, Event: &commerce.Event{
			Entity: next.ID, Seq: next.Version, Status: next.Status, Type: commerce.EventOrderPlaced,
		}}
		batch.Entries = append(batch.Entries, e)
		m.store.mu.Lock()
		m.store.applyLocked(e)
		m.store.streamLocked(1, m.batch, e)
		m.store.mu.Unlock()
	}
	m.commits = append(m.commits, batch)
}

// publish tells of the oldest batch that nobody has been told of.
func (m *hubModel) publish() {
	if len(m.commits) == 0 {
		return
	}
	batch := m.commits[0]
	m.commits = m.commits[1:]
	outcomes := make([]commerce.Outcome, len(batch.Entries))
	for i := range outcomes {
		outcomes[i].Kind = commerce.Applied
	}
	m.hub.publish(&batch, outcomes)
}

// interleave lets a commit, or its publication, happen in the middle of the next read.
func (m *hubModel) interleave(t *rapid.T) {
	steps := rapid.SliceOfN(rapid.Bool(), 0, 4).Draw(t, "in the middle")
	m.store.reading = func() {
		for _, write := range steps {
			if write {
				m.write(t)
			} else {
				m.publish()
			}
		}
	}
}

func (m *hubModel) followOrder(t *rapid.T) {
	if len(m.orders) == 0 {
		return
	}
	order := rapid.SampledFrom(m.orders).Draw(t, "order")
	f := &follower{order: order.ID}
	var since *uint64
	if rapid.Bool().Draw(t, "resumes") {
		n := rapid.Uint64Range(0, order.Version).Draw(t, "since")
		since = &n
	}
	row, sub, err := m.engine.FollowOrder(t.Context(), everybody(), order.ID, since, f)
	require.NoError(t, err)
	f.sub, f.since = sub, row.Version
	if since != nil {
		f.since = *since
	}
	m.follow = append(m.follow, f)
}

func (m *hubModel) followAll(t *rapid.T) {
	f := &follower{query: FeedQuery{
		Status:   commerce.Status(rapid.SampledFrom([]uint8{0, 0, 1, 2}).Draw(t, "status")),
		Customer: rapid.SampledFrom([]string{"", "", "ann"}).Draw(t, "customer"),
	}}
	if stream := m.store.mu.stream; len(stream) > 0 && rapid.Bool().Draw(t, "resumes") {
		after := rapid.SampledFrom(stream).Draw(t, "after")
		f.query.After = &after.Position
	}
	var err error
	f.from, f.sub, err = m.engine.FollowOrders(t.Context(), everybody(), f.query, f)
	require.NoError(t, err)
	m.follow = append(m.follow, f)
}

func (m *hubModel) take(t *rapid.T) {
	if len(m.follow) == 0 {
		return
	}
	f := rapid.SampledFrom(m.follow).Draw(t, "follower")
	m.step(t, f, rapid.IntRange(1, 4).Draw(t, "max"))
}

// step lets a follower do one thing; false says that there was nothing to do.
func (m *hubModel) step(t *rapid.T, f *follower, max int) bool {
	before := len(f.seen)
	var behind bool
	f.seen, behind = f.sub.Take(f.seen, max)
	require.LessOrEqual(t, len(f.seen)-before, max)
	if behind {
		require.NoError(t, f.sub.CatchUp(t.Context()))
	}
	return behind || len(f.seen) > before
}

// want returns what a follower must have seen when nothing more happens.
func (m *hubModel) want(f *follower) (positions []persistence.Position) {
	for _, e := range m.store.mu.stream {
		switch {
		case !f.order.IsZero() && (e.Entity != f.order || e.Seq <= f.since):
		case f.order.IsZero() && (e.Position.Compare(f.from) <= 0 || !f.query.matches(&e)):
		default:
			positions = append(positions, e.Position)
		}
	}
	return positions
}

func (m *hubModel) settle(t *rapid.T) {
	m.store.reading = nil
	for len(m.commits) > 0 {
		m.publish()
	}
	for _, f := range m.follow {
		f.count.Store(0)
		for m.step(t, f, 3) {
		}
		var seen []persistence.Position
		for i, u := range f.seen {
			if !f.order.IsZero() {
				require.Equal(t, f.since+uint64(i)+1, u.Seq, "an order's updates come one by one")
				u = &Update{StreamEvent: persistence.StreamEvent{Position: m.positionOf(t, u)}}
			}
			seen = append(seen, u.Position)
		}
		require.Equal(t, m.want(f), seen)
	}
}

// positionOf looks up where an order's event stands: one read from the order's own events does not say.
func (m *hubModel) positionOf(t *rapid.T, u *Update) persistence.Position {
	for _, e := range m.store.mu.stream {
		if e.Entity == u.Entity && e.Seq == u.Seq {
			return e.Position
		}
	}
	t.Fatalf("an update of an event that was never written: %+v", u.Event)
	return persistence.Position{}
}

// Whatever happens in whatever order, a subscriber sees each event after its start once, in order.
func TestHub_NoGapAndNoRepeat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newHubModel()
		t.Repeat(map[string]func(*rapid.T){
			"write":        m.write,
			"publish":      func(*rapid.T) { m.publish() },
			"interleave":   m.interleave,
			"follow order": m.followOrder,
			"follow all":   m.followAll,
			"take":         m.take,
			"take more":    m.take,
			"leave": func(t *rapid.T) {
				if len(m.follow) > 0 {
					at := rapid.IntRange(0, len(m.follow)-1).Draw(t, "who")
					m.follow[at].sub.Close()
					m.follow = slices.Delete(m.follow, at, at+1)
				}
			},
		})
		m.settle(t)
		for _, f := range m.follow {
			f.sub.Close()
		}
		require.Zero(t, m.hub.watched.Load())
		require.Zero(t, m.hub.feed.attached.Load())
		for i := range m.hub.shards {
			require.Empty(t, m.hub.shards[i].orders)
		}
		require.Nil(t, m.hub.feed.ring)
	})
}

// placedIn returns a batch that places orders.
func placedIn(seq uint64, orders ...*commerce.Order) (*persistence.Batch, []commerce.Outcome) {
	batch := &persistence.Batch{Seq: seq}
	outcomes := make([]commerce.Outcome, len(orders))
	for i, o := range orders {
		batch.Entries = append(batch.Entries, &commerce.Entry{
			Order: &commerce.OrderChange{Row: o}, Event: &commerce.Event{Entity: o.ID, Seq: o.Version},
		})
		outcomes[i].Kind = commerce.Applied
	}
	return batch, outcomes
}

func TestHub_KeepsOnlySoMuchForASlowSubscriber(t *testing.T) {
	t.Parallel()
	m := newHubModel()
	order := &commerce.Order{ID: newID(), Version: 1}
	m.store.mu.orders[order.ID] = order
	var w wakes
	_, sub, err := m.engine.FollowOrder(t.Context(), everybody(), order.ID, nil, &w)
	require.NoError(t, err)
	for range 3 * updatesMax {
		next := *order
		next.Version++
		order = &next
		batch, outcomes := placedIn(order.Version, order)
		m.store.mu.events[order.ID] = append(m.store.mu.events[order.ID], *batch.Entries[0].Event)
		m.hub.publish(batch, outcomes)
	}
	m.store.mu.events[order.ID] = slices.Insert(m.store.mu.events[order.ID], 0, commerce.Event{Seq: 1})
	require.EqualValues(t, 3*updatesMax, w.count.Load())
	updates, behind := sub.Take(nil, 100)
	require.Len(t, updates, updatesMax)
	require.False(t, behind)
	none, behind := sub.Take(nil, 100)
	require.Empty(t, none)
	require.True(t, behind)
	require.NoError(t, sub.CatchUp(t.Context()))
	updates, _ = sub.Take(updates, 100)
	require.Len(t, updates, 3*updatesMax)
	for i, u := range updates {
		require.EqualValues(t, i+2, u.Seq)
	}
	sub.Close()
}

func TestHub_FeedBeyondItsRingIsReadFromTheStore(t *testing.T) {
	t.Parallel()
	m := newHubModel()
	var w wakes
	_, sub, err := m.engine.FollowOrders(t.Context(), everybody(), FeedQuery{}, &w)
	require.NoError(t, err)
	const orders = feedMax + feedMax/2
	for seq := uint64(1); seq <= orders; seq++ {
		batch, outcomes := placedIn(seq, &commerce.Order{ID: newID(), Version: 1})
		m.store.mu.stream = append(m.store.mu.stream, persistence.StreamEvent{
			Event: *batch.Entries[0].Event, Position: persistence.Position{Writer: 1, Batch: seq, Entity: batch.Entries[0].Event.Entity, Seq: 1},
		})
		m.hub.publish(batch, outcomes)
	}
	var seen []*Update
	caughtUp := 0
	for {
		before := len(seen)
		var behind bool
		seen, behind = sub.Take(seen, 64)
		if behind {
			caughtUp++
			require.NoError(t, sub.CatchUp(t.Context()))
		} else if len(seen) == before {
			break
		}
	}
	require.Len(t, seen, orders)
	require.Positive(t, caughtUp)
	for i, u := range seen {
		require.EqualValues(t, i+1, u.Position.Batch)
	}
	sub.Close()
}

func TestHub_TextIsMadeOnce(t *testing.T) {
	t.Parallel()
	made := 0
	u := new(Update)
	for range 3 {
		require.Equal(t, "text", string(u.Text(func(*Update) []byte { made++; return []byte("text") })))
	}
	require.Equal(t, 1, made)
}

func TestFollow_Refusals(t *testing.T) {
	t.Parallel()
	m := newHubModel()
	var w wakes
	_, _, err := m.engine.FollowOrder(t.Context(), everybody(), newID(), nil, &w)
	requireCode(t, commerce.CodeNotFound, err)
	order := &commerce.Order{ID: newID(), Version: 2}
	m.store.mu.orders[order.ID] = order
	future := uint64(3)
	_, _, err = m.engine.FollowOrder(t.Context(), everybody(), order.ID, &future, &w)
	requireCode(t, commerce.CodeValidation, err)
	_, _, err = m.engine.FollowOrders(t.Context(), everybody(), FeedQuery{After: &persistence.Position{Writer: 1, Batch: 2}}, &w)
	requireCode(t, commerce.CodeValidation, err)
	require.Zero(t, m.hub.watched.Load())
	require.Zero(t, m.hub.feed.attached.Load())
}

// What the order path pays: nothing to speak of while nobody follows, one look-up an order when
// somebody does, and an update only for orders that are watched.
func BenchmarkHubPublish(b *testing.B) {
	const entries = 64
	orders := make([]*commerce.Order, entries)
	for i := range orders {
		orders[i] = &commerce.Order{ID: newID(), Version: 1}
	}
	batch, outcomes := placedIn(1, orders...)
	for _, c := range []struct {
		name           string
		others, theirs int
		feed           bool
	}{{"nobody", 0, 0, false}, {"others", 30_000, 0, false}, {"theirs", 30_000, entries, false}, {"feed", 0, 0, true}} {
		b.Run(c.name, func(b *testing.B) {
			h := newHub(newMemStore(), 1, 0)
			var w wakes
			for range c.others {
				h.attach(&OrderSubscription{hub: h, order: newID(), watcher: &w})
			}
			subs := make([]*OrderSubscription, c.theirs)
			for i := range subs {
				subs[i] = &OrderSubscription{hub: h, order: orders[i].ID, watcher: &w}
				h.attach(subs[i])
			}
			if c.feed {
				s := &FeedSubscription{hub: h, watcher: &w}
				h.feed.attach(s)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.publish(batch, outcomes)
				for _, s := range subs {
					s.mu.last, s.mu.queue = 0, s.mu.queue[:0]
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/order")
		})
	}
}
