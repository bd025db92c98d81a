package faulty

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// ErrRead is the fault of a read.
var ErrRead = errors.New("injected read fault")

// Options say how often which fault happens: each rate is a probability from 0 to 1.
type Options struct {
	// Seed chooses the faults.
	Seed uint64

	// RefuseRate: a commit answers persistence.ErrUnavailable, nothing is written.
	RefuseRate float64
	// VanishRate: a commit answers persistence.ErrUnknown, nothing is written.
	VanishRate float64
	// LostAnswerRate: a commit answers persistence.ErrUnknown, and is written.
	LostAnswerRate float64
	// SlowCommitRate: a commit takes up to CommitDelayMax longer.
	SlowCommitRate float64
	CommitDelayMax time.Duration

	// ReadErrorRate: a read answers an error.
	ReadErrorRate float64
	// SlowReadRate: a read takes up to ReadDelayMax longer.
	SlowReadRate float64
	ReadDelayMax time.Duration
}

var _ persistence.Store = (*Store)(nil)

// Store is a store with faults. They are on from the start.
type Store struct {
	// Gate holds commits back.
	Gate *Gate

	inner   persistence.Store
	opts    Options
	off     atomic.Bool
	commits *dice
	reads   *dice
	changes *dice // without a writer
	faults  atomic.Int64

	unknown struct {
		sync.Mutex
		seq uint64
		id  [16]byte
	}
}

// Wrap returns the store with faults. Closing it closes the store.
func Wrap(store persistence.Store, opts Options) *Store {
	return &Store{
		Gate: newGate(), inner: store, opts: opts,
		commits: newDice(opts.Seed, 1), reads: newDice(opts.Seed, 2), changes: newDice(opts.Seed, 3),
	}
}

// SetFaults switches all faults on or off. The Gate is not one of them.
func (s *Store) SetFaults(on bool) { s.off.Store(!on) }

// Faults returns how many faults there have been, delays apart.
func (s *Store) Faults() int64 { return s.faults.Load() }

// dice is a source of chance for several goroutines.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed, stream uint64) *dice {
	return &dice{rng: rand.New(rand.NewPCG(seed, stream))}
}

// throw returns three numbers from 0 to 1: one chooses the fault, one whether to be slow, one how slow.
func (d *dice) throw() (fault, slow, delay float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64(), d.rng.Float64(), d.rng.Float64()
}

func wait(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// read makes a read slow, or fail.
func (s *Store) read(ctx context.Context) error {
	fault, slow, delay := s.reads.throw()
	if s.off.Load() {
		return nil
	}
	if slow < s.opts.SlowReadRate {
		wait(ctx, time.Duration(delay*float64(s.opts.ReadDelayMax)))
	}
	if fault < s.opts.ReadErrorRate {
		s.faults.Add(1)
		return ErrRead
	}
	return nil
}

// OpenWriter implements persistence.Store.
func (s *Store) OpenWriter(ctx context.Context) (persistence.Writer, error) {
	w, err := s.inner.OpenWriter(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{Writer: w, store: s}, nil
}

type writer struct {
	persistence.Writer
	store *Store
}

// Commit implements persistence.Writer.
func (w *writer) Commit(ctx context.Context, batch *persistence.Batch, res *persistence.Result) error {
	s := w.store
	s.Gate.pass()
	fault, slow, delay := s.commits.throw()
	if s.off.Load() {
		return w.Writer.Commit(ctx, batch, res)
	}
	o := &s.opts
	if slow < o.SlowCommitRate {
		wait(ctx, time.Duration(delay*float64(o.CommitDelayMax)))
	}
	switch {
	case fault < o.RefuseRate:
		return s.refuse(batch)
	case fault < o.RefuseRate+o.VanishRate:
		return s.lose(batch)
	case fault < o.RefuseRate+o.VanishRate+o.LostAnswerRate:
		if err := w.Writer.Commit(ctx, batch, res); err != nil {
			return err
		}
		return s.lose(batch)
	default:
		return w.Writer.Commit(ctx, batch, res)
	}
}

// lose answers that the batch's outcome is unknown, and remembers it.
func (s *Store) lose(batch *persistence.Batch) error {
	s.faults.Add(1)
	s.unknown.Lock()
	defer s.unknown.Unlock()
	s.unknown.seq, s.unknown.id = batch.Seq, batch.ID
	return fmt.Errorf("injected fault: %w", persistence.ErrUnknown)
}

// refuse answers that nothing was written. Of a batch whose outcome is unknown that may not be so.
func (s *Store) refuse(batch *persistence.Batch) error {
	s.unknown.Lock()
	unknown := s.unknown.seq == batch.Seq && s.unknown.id == batch.ID
	s.unknown.Unlock()
	if unknown {
		return s.lose(batch)
	}
	s.faults.Add(1)
	return fmt.Errorf("injected fault: %w", persistence.ErrUnavailable)
}

// Product implements persistence.Store.
func (s *Store) Product(ctx context.Context, id commerce.ID) (*commerce.Product, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Product(ctx, id)
}

// ProductBySKU implements persistence.Store.
func (s *Store) ProductBySKU(ctx context.Context, sku string) (*commerce.Product, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.ProductBySKU(ctx, sku)
}

// Products implements persistence.Store.
func (s *Store) Products(ctx context.Context, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Products(ctx, after, limit)
}

// Stock implements persistence.Store.
func (s *Store) Stock(ctx context.Context, product commerce.ID) (commerce.Stock, error) {
	if err := s.read(ctx); err != nil {
		return commerce.Stock{}, err
	}
	return s.inner.Stock(ctx, product)
}

// Order implements persistence.Store.
func (s *Store) Order(ctx context.Context, id commerce.ID) (*commerce.Order, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Order(ctx, id)
}

// Orders implements persistence.Store.
func (s *Store) Orders(ctx context.Context, q persistence.OrderQuery) ([]*commerce.Order, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Orders(ctx, q)
}

// Events implements persistence.Store.
func (s *Store) Events(ctx context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Events(ctx, entity, after, limit)
}

// EventsAfter implements persistence.Store.
func (s *Store) EventsAfter(ctx context.Context, after persistence.Position, limit int) ([]persistence.StreamEvent, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.EventsAfter(ctx, after, limit)
}

// ScanOrders implements persistence.Store.
func (s *Store) ScanOrders(ctx context.Context, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	return s.inner.ScanOrders(ctx, q, visit)
}

// Sales implements persistence.Store.
func (s *Store) Sales(ctx context.Context, r persistence.SalesRange, visit func(persistence.SalesCell)) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	return s.inner.Sales(ctx, r, visit)
}

// TopProducts implements persistence.Store.
func (s *Store) TopProducts(ctx context.Context, q persistence.TopQuery) ([]persistence.ProductSales, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.TopProducts(ctx, q)
}

// ProductSales implements persistence.Store.
func (s *Store) ProductSales(
	ctx context.Context, product commerce.ID, r persistence.SalesRange, visit func(persistence.ProductCell),
) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	return s.inner.ProductSales(ctx, product, r, visit)
}

// Movements implements persistence.Store.
func (s *Store) Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Movements(ctx, product, before, limit)
}

// Movement implements persistence.Store.
func (s *Store) Movement(ctx context.Context, product commerce.ID, version uint64) (commerce.Movement, error) {
	if err := s.read(ctx); err != nil {
		return commerce.Movement{}, err
	}
	return s.inner.Movement(ctx, product, version)
}

// Keys implements persistence.Store.
func (s *Store) Keys(ctx context.Context, ids []commerce.KeyID) ([]commerce.KeyBinding, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.Keys(ctx, ids)
}

// BoundKeys implements persistence.Store.
func (s *Store) BoundKeys(ctx context.Context, after commerce.KeyID, limit int) ([]commerce.KeyBinding, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return s.inner.BoundKeys(ctx, after, limit)
}

// Verify implements persistence.Store.
func (s *Store) Verify(ctx context.Context, progress func(rows int64)) (*persistence.Report, error) {
	return s.inner.Verify(ctx, progress)
}

// Health implements persistence.Store.
func (s *Store) Health(ctx context.Context) error { return s.inner.Health(ctx) }

// Metrics implements persistence.Store.
func (s *Store) Metrics() []persistence.Metric { return s.inner.Metrics() }

// Close implements persistence.Store. It opens the gate first: a commit that is held must end.
func (s *Store) Close() error {
	s.Gate.Open()
	return s.inner.Close()
}
