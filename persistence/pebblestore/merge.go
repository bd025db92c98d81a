package pebblestore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// A merge moves the lines that have gathered in runs to where they are read by product: lines into pages, the orders
// they placed into packs, the newest level into the stock row. It goes from product to product, a slice of them in one
// batch, so that folds have their turn in between; each batch also says how far the merge is. So a crash between two
// batches loses nothing, and repeats nothing.

// mergeLinesMax ends a slice early when its products have many lines.
const mergeLinesMax = 1 << 14

// merger makes the rows of a slice. Its buffers are reused; the keeper owns it.
type merger struct {
	at       []int // by run: the product that comes next
	products []mergeProduct
	parts    []runPart // of the products, the oldest run first
	orders   []commerce.ID
	key      []byte
	value    []byte
}

// mergeProduct is a product of a slice; its parts are merger.parts[from:to].
type mergeProduct struct {
	id       commerce.ID
	from, to int
}

// tendLedger merges the next slice of the runs, if there are enough of them. It reports whether there is more to do
// now. Only the keeper calls it, between folds. When folds bring more than merges take away, it goes on until the
// merge is done: commits wait then, rather than runs without end.
func (s *Store) tendLedger(ctx context.Context, m *merger) (more bool) {
	for {
		start := time.Now()
		more, err := s.mergeSlice(ctx, m)
		if err != nil {
			if ctx.Err() == nil && !s.broken() {
				s.opts.Logger.Warn("store: runs of the ledger could not be merged; it is tried again", "error", err)
			}
			return false
		}
		s.stats.mergeNanos.Add(uint64(time.Since(start)))
		if !more || ctx.Err() != nil || !s.runsAre(runsFull) {
			return more
		}
	}
}

// runsFull is how many times the bound of runs may be reached before folds wait for merges.
const runsFull = 4

// runsAre reports whether the runs have reached their bound so many times.
func (s *Store) runsAre(times int) bool {
	s.mu.RLock()
	runs := s.mu.runs
	s.mu.RUnlock()
	lines, bytes := sizeOf(runs)
	return len(runs) >= times*ledgerRunsMax || lines >= times*s.opts.ledgerLinesMax || bytes >= times*ledgerBytesMax
}

// mergeSlice begins a merge when one is due, or does the next slice of the one that is under way.
func (s *Store) mergeSlice(ctx context.Context, m *merger) (more bool, err error) {
	s.mu.RLock()
	in, runs, folded := s.mu.instance, s.mu.runs, s.mu.folded.seq
	s.mu.RUnlock()
	// A run whose fold has not been applied is not stored yet.
	for len(runs) > 0 && runs[len(runs)-1].seq > folded {
		runs = runs[:len(runs)-1]
	}
	if len(runs) == 0 {
		return false, nil
	}
	state, err := readMerged(in.db)
	if err != nil {
		return false, err
	}
	if !state.underWay() {
		if !s.runsAre(1) {
			return false, nil
		}
		state.upTo, state.next = runs[len(runs)-1].seq, commerce.ID{}
	}
	if err := in.throttle(ctx); err != nil {
		return false, err
	}
	runs = slices.DeleteFunc(slices.Clone(runs), func(r *run) bool { return r.seq <= state.seq || r.seq > state.upTo })
	m.choose(runs, state.next, s.opts.mergeProductsMax)
	if err := m.write(in, runs, &state); err != nil {
		return false, fmt.Errorf("merge runs %d to %d from product %s on: %w", state.seq+1, state.upTo, state.next, err)
	}
	if !state.underWay() {
		s.dropRuns(state.seq)
		s.stats.merges.Add(1)
	}
	return state.underWay(), nil
}

// choose picks the slice: the products from one on, until there are enough.
func (m *merger) choose(runs []*run, next commerce.ID, productsMax int) {
	clear(m.parts)
	m.at, m.products, m.parts = m.at[:0], m.products[:0], m.parts[:0]
	for _, r := range runs {
		m.at = append(m.at, r.seek(next))
	}
	for lines := 0; len(m.products) < productsMax && lines < mergeLinesMax; {
		id, some := m.next(runs)
		if !some {
			return
		}
		p := mergeProduct{id: id, from: len(m.parts)}
		for i, r := range runs {
			if m.at[i] < len(r.products) && r.products[m.at[i]].id == id {
				m.parts = append(m.parts, r.part(m.at[i]))
				lines += len(m.parts[len(m.parts)-1].lines)
				m.at[i]++
			}
		}
		p.to = len(m.parts)
		m.products = append(m.products, p)
	}
}

// next returns the first product that some run still has.
func (m *merger) next(runs []*run) (id commerce.ID, some bool) {
	for i, r := range runs {
		if m.at[i] == len(r.products) {
			continue
		}
		if at := r.products[m.at[i]].id; !some || at.Compare(id) < 0 {
			id, some = at, true
		}
	}
	return id, some
}

// write writes the slice, and notes in state how far the merge is now.
func (m *merger) write(in *instance, runs []*run, state *merged) error {
	batch := in.db.NewBatch()
	p := in.pace.begin()
	// Table by table, since a memtable takes neighbours far more cheaply.
	for _, rows := range []func(*pebble.Batch, *mergeProduct, *merged) error{m.addPages, m.addPacks, m.addStock} {
		for i := range m.products {
			if err := rows(batch, &m.products[i], state); err != nil {
				return err
			}
			p.rest()
		}
	}
	after := *state
	var more bool
	if after.next, more = m.next(runs); !more {
		after.seq = after.upTo
		for _, r := range runs {
			after.newest = later(after.newest, r.newest)
		}
		if err := batch.DeleteRange(runKey(nil, 0, 0), runKey(nil, after.seq, math.MaxUint32), nil); err != nil {
			return err
		}
	}
	if err := batch.Set([]byte(metaMerged), encodeMerged(&after), nil); err != nil {
		return err
	}
	if err := in.apply(batch); err != nil {
		return err
	}
	*state = after
	return nil
}

// addPages writes the product's lines.
func (m *merger) addPages(batch *pebble.Batch, p *mergeProduct, _ *merged) error {
	var first, next uint64
	m.value = m.value[:0]
	end := func() error {
		if len(m.value) == 0 {
			return nil
		}
		m.key = numberedKey(m.key[:0], tableLedger, p.id, first)
		err := batch.Set(m.key, m.value, nil)
		m.value = m.value[:0]
		return err
	}
	for i := range m.parts[p.from:p.to] {
		part := &m.parts[p.from+i]
		for version := part.first; version <= part.newest(); version++ {
			// A page tells its lines' versions by their places: a gap, which is a fault, must not be covered up.
			if len(m.value) >= pageBytes || version != next {
				if err := end(); err != nil {
					return err
				}
			}
			if len(m.value) == 0 {
				first, m.value = version, append(m.value, pageVersion)
			}
			m.value = appendBytes(m.value, part.row(version))
			next = version + 1
		}
	}
	return end()
}

// addPacks writes the orders that placed the product.
func (m *merger) addPacks(batch *pebble.Batch, p *mergeProduct, state *merged) error {
	m.orders = m.orders[:0]
	for i := range m.parts[p.from:p.to] {
		m.orders = append(m.orders, m.parts[p.from+i].orders...)
	}
	slices.SortFunc(m.orders, commerce.ID.Compare)
	orders := m.orders
	// Packs of a product lie one after the other. An order that is older than one in a pack of an earlier merge, since it
	// was committed later than it got its id, has a row of its own.
	for len(orders) > 0 && orders[0].Compare(state.newest) <= 0 {
		m.key = append(productPrefix(m.key[:0], p.id), orders[0][:]...)
		if err := batch.Set(m.key, nil, nil); err != nil {
			return err
		}
		orders = orders[1:]
	}
	for len(orders) > 0 {
		n := min(len(orders), packOrdersMax)
		m.key = packKey(m.key[:0], p.id, orders[n-1])
		m.value = appendPack(m.value[:0], orders[:n-1])
		if err := batch.Set(m.key, m.value, nil); err != nil {
			return err
		}
		orders = orders[n:]
	}
	return nil
}

// addStock writes the product's newest level.
func (m *merger) addStock(batch *pebble.Batch, p *mergeProduct, _ *merged) error {
	level, err := m.parts[p.to-1].level(p.id)
	if err != nil {
		return err
	}
	m.key = idKey(m.key[:0], tableStock, p.id)
	m.value = appendStock(m.value[:0], level)
	return batch.Set(m.key, m.value, nil)
}

// addRun puts a run into the list, before its fold is applied. A fold that is tried again brings the same run again.
func (s *Store) addRun(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := s.mu.runs
	if n := len(runs); n > 0 && runs[n-1].seq == r.seq {
		runs = runs[:n-1]
	}
	s.mu.runs = append(slices.Clone(runs), r)
}

// dropRuns takes runs from the list whose lines all are in pages.
func (s *Store) dropRuns(upTo uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.runs = slices.DeleteFunc(slices.Clone(s.mu.runs), func(r *run) bool { return r.seq <= upTo })
}
