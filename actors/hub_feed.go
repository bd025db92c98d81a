package actors

import (
	"sync"
	"sync/atomic"
)

// feedMax is how many of the newest updates are kept for those who follow all orders. Who is further
// behind reads the store.
const feedMax = 4096

// feed holds the newest updates of all orders, once for all who follow them, and only while somebody
// does.
//
//	          oldest                 head
//	┄┄ gone ────┼──── in the ring ────┼
type feed struct {
	attached atomic.Int64
	mu       sync.RWMutex
	ring     []*Update // update number n stands at n % feedMax
	oldest   uint64    // number of the oldest update in the ring
	head     uint64    // number of the next one

	subscriptions map[*FeedSubscription]struct{}
}

// add appends the updates of a batch, in the stream's order, and wakes everybody.
func (f *feed) add(updates []*Update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscriptions) == 0 { // the last one has just gone
		return
	}
	for _, u := range updates {
		f.ring[f.head%feedMax] = u
		f.head++
	}
	if f.head > feedMax {
		f.oldest = max(f.oldest, f.head-feedMax)
	}
	for s := range f.subscriptions {
		s.watcher.Wake()
	}
}

// attach registers a subscription, and returns the number of the first update that will be told.
func (f *feed) attach(s *FeedSubscription) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscriptions) == 0 {
		f.ring, f.oldest = make([]*Update, feedMax), f.head
	}
	f.subscriptions[s] = struct{}{}
	f.attached.Add(1)
	return f.head
}

// detach ends a subscription. The last one takes the ring with it.
func (f *feed) detach(s *FeedSubscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscriptions, s)
	if f.attached.Add(-1) == 0 {
		f.ring = nil
	}
}

// newest returns the number of the next update.
func (f *feed) newest() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.head
}

// read hands out updates from a number on until take has enough, and returns the number of the next.
// It returns false when that number has left the ring.
func (f *feed) read(from uint64, take func(*Update) (enough bool)) (next uint64, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if from < f.oldest {
		return from, false
	}
	for from < f.head {
		u := f.ring[from%feedMax]
		from++
		if take(u) {
			break
		}
	}
	return from, true
}
