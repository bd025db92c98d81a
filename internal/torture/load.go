package torture

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// scarceProducts of the shared ones are wanted more than they can be had.
	scarceProducts = 4
	scarceUnits    = 40
	plentyUnits    = 5_000_000

	workersDefault  = 32
	productsDefault = 50

	// auditSample is how many older orders each worker looks at again in an audit.
	auditSample = 10
)

// load is the mixed load of a campaign: workers, and what they trade in. While workers work, their
// goroutines own their journals; while they stand still, whoever audits does.
type load struct {
	*market
	workers []*worker
	initial map[commerce.ID]int64
	seen    map[commerce.ID]bool // orders of earlier audits
}

// market is what the workers of a load share.
type market struct {
	seed     uint64
	faults   *Faults
	products []commerce.ID
	since    time.Time // when the campaign began: older orders are none of its business

	acknowledged *progressCounter // orders
	turnedAway   *progressCounter // requests answered 503
	stopwatch    stopwatch
	// event is the number of what is being done to the server, from 1 on; 0 while nothing is.
	event atomic.Int64
}

func newMarket(seed uint64, faults *Faults) *market {
	return &market{
		seed: seed, faults: faults, since: time.Now(),
		acknowledged: newProgressCounter(), turnedAway: newProgressCounter(),
	}
}

// newLoad makes the market's products on the server at the address, and workers who are not connected.
func newLoad(ctx context.Context, address string, m *market, workers, products int) (*load, error) {
	l := &load{market: m, initial: make(map[commerce.ID]int64), seen: make(map[commerce.ID]bool)}
	client, err := NewClient(ctx, address, "torture")
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if products == 0 {
		products = productsDefault
	}
	for i := range products {
		units := int64(plentyUnits)
		if i < scarceProducts {
			units = scarceUnits
		}
		answer, err := client.CreateProduct(&commerce.CreateProduct{
			Name: fmt.Sprintf("Shared product %d", i), OnHand: units, Key: fmt.Sprintf("torture-%x-shared-%d", m.seed, i),
			Price: commerce.Money{Amount: 1000, Currency: commerce.DefaultCurrency()},
		})
		if err != nil {
			return nil, fmt.Errorf("make product: %w", err)
		}
		l.products = append(l.products, answer.ID)
		l.initial[answer.ID] = units
	}
	if workers == 0 {
		workers = workersDefault
	}
	for i := range workers {
		l.workers = append(l.workers, newWorker(l.market, i))
	}
	return l, nil
}

// connect connects workers to the server at the address; those of before are disconnected.
func connect(ctx context.Context, address string, workers []*worker) error {
	disconnect(workers)
	for _, w := range workers {
		client, err := NewClient(ctx, address, w.name)
		if err != nil {
			return err
		}
		w.client = client
	}
	return nil
}

func disconnect(workers []*worker) {
	for _, w := range workers {
		if w.client != nil {
			w.client.Close()
			w.client = nil
		}
	}
}

// shift is workers at work.
type shift struct {
	stop    chan struct{}
	running sync.WaitGroup
	stopped sync.Once
}

// begin lets workers work until they are stopped or the server leaves them. Those whom it leaves say so
// in ended, which has room for an error of each.
func begin(ctx context.Context, workers []*worker, ended chan<- error) *shift {
	s := &shift{stop: make(chan struct{})}
	for _, w := range workers {
		s.running.Go(func() {
			if err := w.work(ctx, s.stop); err != nil {
				ended <- err
			}
		})
	}
	return s
}

// end lets the workers finish the command that each is at, and waits for them.
func (s *shift) end() {
	s.stopped.Do(func() { close(s.stop) })
	s.running.Wait()
}

// each lets all workers do something at the same time.
func (l *load) each(do func(i int, w *worker) error) error {
	errs := make([]error, len(l.workers))
	var running sync.WaitGroup
	for i, w := range l.workers {
		running.Go(func() { errs[i] = do(i, w) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// settled is what became of the commands in doubt.
type settled struct {
	orders    int           // orders among them
	doubts    map[int64]int // by event: how many there were
	committed map[int64]int // how many of them had been carried out
}

func (s *settled) total() (doubts, committed int) {
	for _, n := range s.doubts {
		doubts += n
	}
	for _, n := range s.committed {
		committed += n
	}
	return doubts, committed
}

// audit finds out about the commands in doubt, each by one retry of its key, and holds the store
// against all journals. The server must be able to do everything. REQUIRES: the workers are connected
// and stand still.
func (l *load) audit(ctx context.Context, all bool) (*settled, error) {
	found := &settled{doubts: make(map[int64]int), committed: make(map[int64]int)}
	var mu sync.Mutex
	for _, w := range l.workers {
		w.calm, w.client.patience = true, answerTimeout
		defer func() { w.calm = false }()
	}
	if err := l.rest(ctx); err != nil {
		return found, err
	}
	err := l.each(func(_ int, w *worker) error {
		doubts, err := w.settle()
		mu.Lock()
		defer mu.Unlock()
		for _, d := range doubts {
			found.doubts[d.event]++
			if d.order {
				found.orders++
			}
			if d.committed {
				found.committed[d.event]++
			}
		}
		return err
	})
	if err != nil {
		return found, err
	}
	if err := l.each(func(_ int, w *worker) error { return w.audit(auditSample, all) }); err != nil {
		return found, err
	}
	client := l.workers[0].client
	b := sum(l.workers, l.initial, l.since)
	return found, errors.Join(
		b.auditStock(client, l.faults),
		b.auditList(client, l.seen, all, l.faults),
		client.Verify(l.faults),
	)
}

// rest waits until the server has no command in progress: those that nobody waits for any more are
// carried out all the same.
func (l *load) rest(ctx context.Context) error {
	again := time.NewTicker(restAfter503)
	defer again.Stop()
	for {
		n, err := l.workers[0].client.inProgress()
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d commands in progress: %w", n, context.Cause(ctx))
		}
	}
}

// counts adds up what the journals count.
func (l *load) counts() (all journal) {
	for _, w := range l.workers {
		all.refused += w.journal.refused
		all.undone += w.journal.undone
		all.unknown += w.journal.unknown
		all.fenced += w.journal.fenced
		all.hungUp += w.journal.hungUp
		all.slowest = max(all.slowest, w.journal.slowest)
	}
	return all
}
