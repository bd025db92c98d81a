package actors

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// keyLookup asks whether an idempotency key is bound, before its command is refused for any
// reason: who retries a command that was carried out must get its first answer, not "sold out".
// The same struct comes back as its answer.
type keyLookup struct {
	key     commerce.KeyID
	hash    commerce.RequestHash
	refusal error // what the command is told when its key is not bound
	// bound is set by the caller when the key is known already, so that only its answer is wanted.
	bound *commerce.KeyBinding
	asker asker

	answer answer
}

// asker is told when its lookup is answered. It must return at once.
type asker interface{ looked(*keyLookup) }

// keyLookups groups the lookups that wait while one is being read, and reads the first answers of
// keys that are bound. It is a goroutine, because it waits for the store.
type keyLookups struct {
	store   persistence.Store
	timeout time.Duration // of one read

	mu struct {
		sync.Mutex
		queue  []*keyLookup
		closed bool
	}
	arrived chan struct{}
	done    chan struct{}
}

// lookupsMax bounds the keys of one read.
const lookupsMax = 256

// ask queues a lookup. It never waits: a command holds its capacity until its lookup has come back,
// so admission has counted what can be here.
func (k *keyLookups) ask(lookup *keyLookup) {
	k.mu.Lock()
	k.mu.queue = append(k.mu.queue, lookup)
	k.mu.Unlock()
	signal(k.arrived)
}

// close ends the goroutine once the queue is empty. A store that does not return is left behind.
func (k *keyLookups) close() {
	k.mu.Lock()
	k.mu.closed = true
	k.mu.Unlock()
	signal(k.arrived)
	select {
	case <-k.done:
	case <-time.After(closeGrace):
	}
}

func (k *keyLookups) run() {
	defer close(k.done)
	for {
		k.mu.Lock()
		queue, closed := k.mu.queue, k.mu.closed
		k.mu.queue = nil
		k.mu.Unlock()
		if len(queue) == 0 {
			if closed {
				return
			}
			<-k.arrived
			continue
		}
		for len(queue) > 0 {
			n := min(len(queue), lookupsMax)
			k.look(queue[:n])
			queue = queue[n:]
		}
	}
}

// look answers a group of lookups.
func (k *keyLookups) look(group []*keyLookup) {
	ctx, cancel := context.WithTimeout(context.Background(), k.timeout)
	defer cancel()
	ids := make([]commerce.KeyID, 0, len(group))
	for _, lookup := range group {
		if lookup.bound == nil {
			ids = append(ids, lookup.key)
		}
	}
	bound := make(map[commerce.KeyID]*commerce.KeyBinding, len(ids))
	var err error
	if len(ids) > 0 {
		var found []commerce.KeyBinding
		found, err = k.store.Keys(ctx, ids)
		for i := range found {
			bound[found[i].ID] = &found[i]
		}
	}
	for _, lookup := range group {
		binding := lookup.bound
		if binding == nil {
			binding = bound[lookup.key]
		}
		switch {
		case binding == nil && err != nil:
			lookup.answer = answer{err: errUnavailable()} // neither yes nor no can be said
		case binding == nil:
			lookup.answer = answer{err: lookup.refusal}
		case binding.Request != lookup.hash:
			lookup.answer = answer{err: errMismatch()}
		default:
			lookup.answer = firstAnswer(ctx, k.store, binding)
		}
		lookup.asker.looked(lookup)
	}
}

// firstAnswer reads what the command that bound the key was answered.
func firstAnswer(ctx context.Context, store persistence.Store, b *commerce.KeyBinding) answer {
	a := answer{replayed: true}
	switch b.Operation {
	case commerce.OperationPlaceOrder, commerce.OperationTransitionOrder:
		a.order, a.err = orderAsOf(ctx, store, b.Resource, b.Version)
	case commerce.OperationCreateProduct:
		var first commerce.Movement
		if first, a.err = store.Movement(ctx, b.Resource, 1); a.err == nil {
			a.stock = first.Level
			a.product, a.err = productAsOf(ctx, store, b.Resource, b.Version)
		}
	case commerce.OperationAdjustStock:
		a.movement, a.err = store.Movement(ctx, b.Resource, b.Version)
	}
	if a.err != nil {
		return answer{err: errUnread(b, a.err)}
	}
	return a
}

// errUnread says that the key is bound, but what its command was answered cannot be told now.
func errUnread(b *commerce.KeyBinding, cause error) error {
	e := &commerce.Error{
		Code: commerce.CodeOutcomeUnknown, RetryAfter: retryAfterShort,
		Detail: "this Idempotency-Key has been used, and the answer of that time cannot be read at the moment; send it again",
	}
	switch b.Operation {
	case commerce.OperationPlaceOrder, commerce.OperationTransitionOrder:
		e.Order = b.Resource
	default:
		e.Product = b.Resource
	}
	return fmt.Errorf("%w: %w", e, cause)
}

func orderAsOf(ctx context.Context, store persistence.Store, id commerce.ID, version uint64) (*commerce.Order, error) {
	order, err := store.Order(ctx, id)
	if err != nil {
		return nil, wrapStore("read replayed order", err)
	}
	if order.Version == version {
		return order, nil
	}
	events, err := store.Events(ctx, id, 0, int(version))
	if err != nil {
		return nil, wrapStore("read replayed order's events", err)
	}
	return order.AsOf(events), nil
}

func productAsOf(ctx context.Context, store persistence.Store, id commerce.ID, version uint64) (*commerce.Product, error) {
	events, err := store.Events(ctx, id, version-1, 1)
	if err == nil && len(events) == 0 {
		err = persistence.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read replayed product's event: %w", err)
	}
	return events[0].Product, nil
}
