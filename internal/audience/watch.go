package audience

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/subscriber"
)

// watch is a subscriber who follows one order after another, over restarts of the server.
type watch struct {
	run    *restartsRun
	source int
	orders chan commerce.ID // what to follow next

	mu struct {
		sync.Mutex
		order commerce.ID // that is followed
		last  uint64      // the number of the last event seen
		next  commerce.ID // that is to be followed
		want  uint64      // the number of its last event that was acknowledged
	}
}

// quiet is how long a subscriber waits for a message before it looks whether there is a point in it.
const quiet = time.Second

// follow is the subscriber.
func (w *watch) follow(ctx context.Context) {
	for {
		select {
		case order := <-w.orders:
			if !w.followOrder(ctx, order) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// followOrder follows an order until it is complete; false says that there is nothing more to do.
func (w *watch) followOrder(ctx context.Context, order commerce.ID) bool {
	w.mu.Lock()
	w.mu.order, w.mu.last = order, 0
	w.mu.Unlock()
	left := ""
	for {
		address, err := w.run.place.find(ctx, left)
		if err != nil {
			return false
		}
		done, err := w.session(ctx, address)
		switch {
		case done:
			return true
		case ctx.Err() != nil:
			return false
		case w.run.lostServer(ctx, address, err) == nil:
			w.run.report.Faults.Add(FaultClosed, "order %s after event %d: %v", order, w.seen(), err)
			return false
		}
		left = address
	}
}

func (w *watch) seen() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.last
}

// session follows the order on one server, from the last event on that it has seen.
func (w *watch) session(ctx context.Context, address string) (done bool, err error) {
	last := w.seen()
	if last > 0 {
		w.run.resumed.Add(1)
	}
	sub, err := subscribe(ctx, address, w.source, updatesOf(w.mu.order)+"?since_seq="+strconv.FormatUint(last, 10))
	if err != nil {
		return false, err
	}
	defer sub.Close()
	defer context.AfterFunc(ctx, sub.Close)()
	for {
		m, err := sub.Next(quiet)
		if err != nil {
			if !errors.Is(err, subscriber.ErrGone) && ctx.Err() == nil && w.run.place.alive(address) {
				continue // nothing has happened for a while
			}
			return false, fmt.Errorf("%w: %w", subscriber.ErrGone, err)
		}
		if !inOrder(&w.run.report.Faults, w.mu.order, last, &m) {
			return true, nil
		}
		last = m.Seq
		w.mu.Lock()
		w.mu.last = last
		w.mu.Unlock()
		w.run.seen.Add(1)
		if m.Data.Status == commerce.StatusCompleted.String() {
			return true, nil
		}
	}
}

// assigned gives the subscriber an order to follow.
func (w *watch) assigned(order commerce.ID) {
	w.mu.Lock()
	w.mu.next, w.mu.want = order, 1
	w.mu.Unlock()
	w.orders <- order
}

// busy reports whether the subscriber has not seen all that was acknowledged.
func (w *watch) busy() bool { return w.late() != "" }

// acknowledged notes that an event of the order has been acknowledged.
func (w *watch) acknowledged(seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.want = max(w.mu.want, seq)
}

func (w *watch) late() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.order != w.mu.next || w.mu.last < w.mu.want {
		return fmt.Sprintf("order %s: event %d was acknowledged, the last one seen is %d of %s", w.mu.next, w.mu.want, w.mu.last, w.mu.order)
	}
	return ""
}

// feedWatch is a subscriber who follows all orders, over restarts of the server.
type feedWatch struct {
	run     *restartsRun
	source  int
	started atomic.Pointer[string] // the first cursor

	mu     sync.Mutex
	cursor string
	seen   map[string]uint64 // the number of each order's last event
}

// follow is the subscriber.
func (f *feedWatch) follow(ctx context.Context) {
	left := ""
	for {
		address, err := f.run.place.find(ctx, left)
		if err != nil {
			return
		}
		err = f.session(ctx, address)
		if ctx.Err() != nil || f.run.report.Faults.Total() > 0 {
			return
		}
		if f.run.lostServer(ctx, address, err) == nil {
			f.run.report.Faults.Add(FaultClosed, "all orders: %v", err)
			return
		}
		left = address
	}
}

func (f *feedWatch) session(ctx context.Context, address string) error {
	path := "/api/v2/orders/updates"
	if f.cursor != "" {
		path += "?cursor=" + f.cursor
		f.run.resumed.Add(1)
	}
	sub, err := subscribe(ctx, address, f.source, path)
	if err != nil {
		return err
	}
	defer sub.Close()
	defer context.AfterFunc(ctx, sub.Close)()
	for {
		m, err := sub.Next(quiet)
		if err != nil {
			if !errors.Is(err, subscriber.ErrGone) && ctx.Err() == nil && f.run.place.alive(address) {
				continue
			}
			return fmt.Errorf("%w: %w", subscriber.ErrGone, err)
		}
		if !f.take(&m) {
			return nil
		}
	}
}

// take notes a message; false says that it is wrong.
func (f *feedWatch) take(m *subscriber.Message) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = m.Cursor
	if m.Type == "start" {
		f.started.CompareAndSwap(nil, &m.Cursor)
		return true
	}
	if order, err := commerce.ParseID(m.OrderID); err != nil || !inOrder(&f.run.report.Faults, order, f.seen[m.OrderID], m) {
		return false
	}
	f.seen[m.OrderID] = m.Seq
	f.run.fed.Add(1)
	return true
}

// late compares with the orders that are followed one by one. Those followed before have been seen to
// their ends by others.
func (f *feedWatch) late() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.run.watches {
		w.mu.Lock()
		order, want := w.mu.next.String(), w.mu.want
		w.mu.Unlock()
		if seen := f.seen[order]; seen < want {
			return fmt.Sprintf("all orders: the last event seen of order %s is %d, %d was acknowledged", order, seen, want)
		}
	}
	return ""
}
