package actors

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// memStore is a store in memory whose commits a test can hold, fail or lose. It decides by the
// same commerce.State as every store, and passes nothing off as durable: these tests are about
// what the actors make of its answers.
type memStore struct {
	persistence.SalesReader  // none: these tests ask for no sums
	persistence.OrderScanner // none
	persistence.AccessStore  // none: who may do what is nothing to actors

	mu struct {
		sync.Mutex
		products  map[commerce.ID]*commerce.Product
		stocks    map[commerce.ID]commerce.Stock
		orders    map[commerce.ID]*commerce.Order
		events    map[commerce.ID][]commerce.Event
		stream    []persistence.StreamEvent
		movements map[commerce.ID][]commerce.Movement
		keys      map[commerce.KeyID]commerce.KeyBinding
		epoch     uint64
		seq       uint64
		last      persistence.Result
		lastID    [16]byte
		health    error
	}
	// commit, when not nil, is called before a batch is written; do writes it.
	commit func(b *persistence.Batch, do func() error) error
	keys   func()       // when not nil, called by each lookup of keys
	scan   func() error // when not nil, called by each scan of products
}

func newMemStore() *memStore {
	s := new(memStore)
	s.mu.products = make(map[commerce.ID]*commerce.Product)
	s.mu.stocks = make(map[commerce.ID]commerce.Stock)
	s.mu.orders = make(map[commerce.ID]*commerce.Order)
	s.mu.events = make(map[commerce.ID][]commerce.Event)
	s.mu.movements = make(map[commerce.ID][]commerce.Movement)
	s.mu.keys = make(map[commerce.KeyID]commerce.KeyBinding)
	return s
}

type memWriter struct {
	store *memStore
	epoch uint64
}

func (s *memStore) OpenWriter(context.Context) (persistence.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.epoch++
	return &memWriter{store: s, epoch: s.mu.epoch}, nil
}

func (w *memWriter) Epoch() uint64 { return w.epoch }

func (w *memWriter) NextSeq() uint64 {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return w.store.mu.seq + 1
}

func (w *memWriter) Commit(_ context.Context, b *persistence.Batch, res *persistence.Result) error {
	do := func() error { return w.write(b, res) }
	if w.store.commit != nil {
		return w.store.commit(b, do)
	}
	return do()
}

func (w *memWriter) write(b *persistence.Batch, res *persistence.Result) error {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case w.epoch != s.mu.epoch:
		return persistence.ErrFenced
	case b.Seq == s.mu.seq && b.ID == s.mu.lastID:
		res.Outcomes = append(res.Outcomes[:0], s.mu.last.Outcomes...)
		res.Stock = append(res.Stock[:0], s.mu.last.Stock...)
		return nil
	}
	state := commerce.NewState(func(commerce.ID) uint64 { return w.epoch })
	state.Reset(b.At)
	for _, key := range s.mu.keys {
		state.LoadKey(key)
	}
	for id, order := range s.mu.orders {
		state.LoadOrder(id, order.Version)
	}
	for id, product := range s.mu.products {
		state.LoadProduct(id, product.Version)
		state.LoadSKU(product.SKU, id)
	}
	for _, row := range s.mu.stocks {
		state.LoadStock(row)
	}
	res.Outcomes = res.Outcomes[:0]
	for _, e := range b.Entries {
		o := state.Decide(e)
		res.Outcomes = append(res.Outcomes, o)
		if o.Kind == commerce.Applied {
			s.applyLocked(e)
			s.streamLocked(w.epoch, b.Seq, e)
		}
	}
	res.Stock = state.Touched(res.Stock[:0])
	for _, row := range res.Stock {
		s.mu.stocks[row.Product] = row
	}
	s.mu.seq, s.mu.lastID = b.Seq, b.ID
	s.mu.last = persistence.Result{Outcomes: slices.Clone(res.Outcomes), Stock: slices.Clone(res.Stock)}
	return nil
}

func (s *memStore) applyLocked(e *commerce.Entry) {
	if e.Order != nil {
		s.mu.orders[e.Order.Row.ID] = e.Order.Row
	}
	if e.Product != nil {
		s.mu.products[e.Product.Row.ID] = e.Product.Row
	}
	if e.Event != nil {
		s.mu.events[e.Event.Entity] = append(s.mu.events[e.Event.Entity], *e.Event)
	}
	for _, m := range e.Movements {
		s.mu.movements[m.Product] = append(s.mu.movements[m.Product], m)
	}
	if e.Key != nil {
		s.mu.keys[e.Key.ID] = *e.Key
	}
}

func (s *memStore) streamLocked(writer, batch uint64, e *commerce.Entry) {
	if e.Event == nil {
		return
	}
	row := persistence.StreamEvent{Event: *e.Event, Position: persistence.Position{
		Writer: writer, Batch: batch, Entity: e.Event.Entity, Seq: e.Event.Seq,
	}}
	if e.Order != nil {
		row.Customer = e.Order.Row.Customer
	}
	at, _ := slices.BinarySearchFunc(s.mu.stream, row.Position, func(e persistence.StreamEvent, p persistence.Position) int {
		return e.Position.Compare(p)
	})
	s.mu.stream = slices.Insert(s.mu.stream, at, row)
}

func lookIn[K comparable, V any](s *memStore, rows func() map[K]V, key K) (V, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := rows()[key]
	if !ok {
		return row, persistence.ErrNotFound
	}
	return row, nil
}

func (s *memStore) Product(_ context.Context, id commerce.ID) (*commerce.Product, error) {
	return lookIn(s, func() map[commerce.ID]*commerce.Product { return s.mu.products }, id)
}

func (s *memStore) ProductBySKU(_ context.Context, sku string) (*commerce.Product, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.mu.products {
		if p.SKU == sku {
			return p, nil
		}
	}
	return nil, persistence.ErrNotFound
}

func (s *memStore) Products(_ context.Context, after commerce.ID, limit int) ([]persistence.ProductRow, error) {
	if s.scan != nil {
		if err := s.scan(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []persistence.ProductRow
	for _, id := range slices.SortedFunc(maps.Keys(s.mu.products), commerce.ID.Compare) {
		if id.Compare(after) > 0 && len(rows) < limit {
			rows = append(rows, persistence.ProductRow{Product: s.mu.products[id], Stock: s.mu.stocks[id]})
		}
	}
	return rows, nil
}

func (s *memStore) Stock(_ context.Context, id commerce.ID) (commerce.Stock, error) {
	return lookIn(s, func() map[commerce.ID]commerce.Stock { return s.mu.stocks }, id)
}

func (s *memStore) Order(_ context.Context, id commerce.ID) (*commerce.Order, error) {
	return lookIn(s, func() map[commerce.ID]*commerce.Order { return s.mu.orders }, id)
}

func (s *memStore) Orders(_ context.Context, q persistence.OrderQuery) ([]*commerce.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []*commerce.Order
	for _, id := range slices.Backward(slices.SortedFunc(maps.Keys(s.mu.orders), commerce.ID.Compare)) {
		if order := s.mu.orders[id]; q.Matches(order) && (q.Before.IsZero() || id.Compare(q.Before) < 0) && len(page) < q.Limit {
			page = append(page, order)
		}
	}
	return page, nil
}

func (s *memStore) ScanOrders(ctx context.Context, q persistence.OrderQuery, visit func(*commerce.Order) error) error {
	q.Limit = math.MaxInt
	orders, err := s.Orders(ctx, q)
	for _, order := range orders {
		err = errors.Join(err, visit(order))
	}
	return err
}

func (s *memStore) Events(_ context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error) {
	events, _ := lookIn(s, func() map[commerce.ID][]commerce.Event { return s.mu.events }, entity)
	events = events[min(int(after), len(events)):]
	return events[:min(limit, len(events))], nil
}

func (s *memStore) EventsAfter(_ context.Context, after persistence.Position, limit int) ([]persistence.StreamEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []persistence.StreamEvent
	for _, e := range s.mu.stream {
		if e.Position.Compare(after) > 0 && len(page) < limit {
			page = append(page, e)
		}
	}
	return page, nil
}

func (s *memStore) Movements(_ context.Context, product commerce.ID, _ uint64, _ int) ([]commerce.Movement, error) {
	return lookIn(s, func() map[commerce.ID][]commerce.Movement { return s.mu.movements }, product)
}

func (s *memStore) Movement(_ context.Context, product commerce.ID, version uint64) (commerce.Movement, error) {
	movements, err := lookIn(s, func() map[commerce.ID][]commerce.Movement { return s.mu.movements }, product)
	if err != nil || version > uint64(len(movements)) {
		return commerce.Movement{}, persistence.ErrNotFound
	}
	return movements[version-1], nil
}

func (s *memStore) Keys(_ context.Context, ids []commerce.KeyID) ([]commerce.KeyBinding, error) {
	if s.keys != nil {
		s.keys()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var bound []commerce.KeyBinding
	for _, id := range ids {
		if b, ok := s.mu.keys[id]; ok {
			bound = append(bound, b)
		}
	}
	return bound, nil
}

func (s *memStore) BoundKeys(_ context.Context, after commerce.KeyID, limit int) ([]commerce.KeyBinding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bound []commerce.KeyBinding
	for id, b := range s.mu.keys {
		if bytes.Compare(id[:], after[:]) > 0 {
			bound = append(bound, b)
		}
	}
	slices.SortFunc(bound, func(a, b commerce.KeyBinding) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return bound[:min(limit, len(bound))], nil
}

func (s *memStore) Verify(context.Context, func(int64)) (*persistence.Report, error) {
	return new(persistence.Report), nil
}

func (s *memStore) Health(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.health
}

func (s *memStore) setHealth(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.health = err
}

func (s *memStore) Metrics() []persistence.Metric { return nil }

func (s *memStore) Close() error { return nil }
