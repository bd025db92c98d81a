package pebblestore

import (
	"context"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// keeper is the store's one background goroutine: it folds the tail into the tables, merges runs of the
// ledger, keeps up the sums of sales, purges expired keys, frees old logs when the disk is nearly full, and
// reopens the store after its disk has failed. The store's Close waits for it.
type keeper struct {
	store  *Store
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}

	mu struct {
		sync.Mutex
		waiting []chan error  // callers of fold
		room    chan struct{} // closed by the next fold that ends
	}
}

func startKeeper(s *Store) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{store: s, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	k.mu.room = make(chan struct{})
	go k.run(ctx)
	return k
}

func (k *keeper) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// room returns a channel that is closed when a fold has made room in the tail.
func (k *keeper) room() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.room
}

// fold makes the tables hold all that is committed now. Callers at the same time share one fold.
func (k *keeper) fold(ctx context.Context) error {
	defer k.store.pace.hurry()()
	answer := make(chan error, 1)
	k.mu.Lock()
	k.mu.waiting = append(k.mu.waiting, answer)
	k.mu.Unlock()
	k.wakeUp()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-k.done:
		return persistence.ErrClosed
	}
}

// close folds once more and ends the goroutine.
func (k *keeper) close() {
	k.cancel()
	<-k.done
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	s, f := k.store, newFolder()
	tick := time.NewTicker(s.opts.FoldInterval)
	defer tick.Stop()
	var merger merger
	var healer healer
	var reclaimer reclaimer
	var purged time.Time
	for more := false; ctx.Err() == nil; {
		if k.await(ctx, tick.C, more) {
			if s.broken() {
				healer.tend(ctx, s)
			}
			k.foldNow(ctx, f)
			reclaimer.tend(ctx, s)
		}
		if time.Since(purged) >= purgeInterval && !s.broken() && !s.purge(f, time.Now()) {
			purged = time.Now()
		}
		more = !s.broken() && s.tendSales(f, time.Now())
		more = !s.broken() && s.tendLedger(ctx, &merger) || more
	}
	k.foldNow(context.WithoutCancel(ctx), f)
}

// await waits until it is time to fold. When there is other work, it does not wait, and reports whether it is time.
func (k *keeper) await(ctx context.Context, tick <-chan time.Time, more bool) bool {
	if more {
		select {
		case <-k.wake:
		case <-tick:
		default:
			return false
		}
		return true
	}
	select {
	case <-ctx.Done():
	case <-k.wake:
	case <-tick:
	}
	return true
}

// foldNow folds, and answers everyone who asked before it began.
func (k *keeper) foldNow(ctx context.Context, f *folder) {
	k.mu.Lock()
	waiting := k.mu.waiting
	k.mu.waiting = nil
	k.mu.Unlock()
	err := k.store.fold(ctx, f)
	if err != nil && ctx.Err() == nil && !k.store.broken() {
		k.store.opts.Logger.Error("store: the journal could not be folded into the tables", "error", err)
	}
	for _, answer := range waiting {
		answer <- err
	}
	k.mu.Lock()
	close(k.mu.room)
	k.mu.room = make(chan struct{})
	k.mu.Unlock()
}
