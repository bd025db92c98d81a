package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// fold moves the tail's generation into the tables. It needs no fsync: its batch follows its
// journal records in the log, and whatever a crash takes of it is folded again. Only the keeper
// calls it.
func (s *Store) fold(ctx context.Context, f *folder) error {
	s.mu.Lock()
	in, t := s.mu.instance, s.mu.tail
	if in != nil && len(t.folding.records) == 0 && len(t.filling.records) > 0 {
		t.filling, t.folding = t.folding, t.filling
	}
	g, from := t.folding, s.mu.folded
	s.mu.Unlock()
	switch {
	case in == nil:
		return persistence.ErrUnavailable
	case len(g.records) == 0:
		return nil
	}
	if err := in.throttle(ctx); err != nil {
		return err
	}
	start := time.Now()
	to, err := f.fold(in, g, from)
	if err != nil {
		return fmt.Errorf("fold batches %d to %d: %w", from.seq+1, g.seq(), err)
	}
	s.stats.folds.Add(1)
	s.stats.foldedEntries.Add(uint64(g.entries))
	s.stats.foldNanos.Add(uint64(time.Since(start)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.folded = to
	g.reset()
	return nil
}

// throttlePause is how often a throttled fold looks again.
const throttlePause = 10 * time.Millisecond

// throttle waits while flushes or compactions are behind. Commits go on until the tail is full. What
// counts is the size of the memtables: Pebble starts with small ones, and does not flush before half
// of a large one has gathered.
func (in *instance) throttle(ctx context.Context) error {
	for {
		m := in.db.Metrics()
		if m.MemTable.Size <= memTablesMax*in.memTableSize && m.Levels[0].Sublevels <= l0SublevelsMax {
			return nil
		}
		timer := time.NewTimer(throttlePause)
		select {
		case <-timer.C:
		case <-in.fuse.blew:
			return in.fuse.err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// folder turns journal records into rows. Its buffers are reused; the keeper owns it.
type folder struct {
	keys  []byte
	rows  []foldRow
	lists map[int64][]byte // KeyIDs by the minute their bindings expire
	stock map[commerce.ID]commerce.Stock
	batch *pebble.Batch
	entry recordEntry
	value []byte
}

// foldRow is one change of a table. Its key stands in folder.keys; order is the key's first bytes
// as a number, which settles most comparisons.
type foldRow struct {
	order    uint64
	from, to uint32
	remove   bool
	value    []byte
}

func newFolder() *folder {
	return &folder{lists: make(map[int64][]byte), stock: make(map[commerce.ID]commerce.Stock)}
}

// fold writes the rows of a generation, sorted, as one batch.
func (f *folder) fold(in *instance, g *generation, folded folded) (folded, error) {
	f.keys, f.rows, f.value = f.keys[:0], f.rows[:0], f.value[:0]
	clear(f.lists)
	clear(f.stock)
	for _, b := range g.records {
		if err := f.addRecord(b); err != nil {
			return folded, err
		}
	}
	if err := f.addLatest(g, &folded); err != nil {
		return folded, err
	}
	f.addExpiries(g.seq())
	f.addJournal(g, folded.seq)
	folded.seq = g.seq()
	return folded, f.apply(in)
}

// set and remove add a row whose key is what has been appended to f.keys since from.
func (f *folder) set(from int, value []byte) { f.add(from, value, false) }

func (f *folder) remove(from int) { f.add(from, nil, true) }

func (f *folder) add(from int, value []byte, remove bool) {
	var head [8]byte
	copy(head[:], f.keys[from:])
	f.rows = append(f.rows, foldRow{
		order: binary.BigEndian.Uint64(head[:]), from: uint32(from), to: uint32(len(f.keys)),
		remove: remove, value: value,
	})
}

// addRecord adds the rows that every entry leaves for good: its lines of the ledger, its event, and
// a new order's entries in the indexes.
func (f *folder) addRecord(b []byte) error {
	r, err := readRecord(b)
	if err != nil {
		return err
	}
	e := &f.entry
	for range r.entries {
		if err := r.next(e); err != nil {
			return err
		}
		for i := range e.movements {
			m := &e.movements[i]
			from := len(f.keys)
			f.keys = numberedKey(f.keys, tableLedger, m.product, m.version)
			f.set(from, m.row)
			if f.stock[m.product], err = levelOf(m); err != nil {
				return err
			}
		}
		if e.has(partEvent) {
			from := len(f.keys)
			f.keys = numberedKey(f.keys, tableEvents, e.entity, e.eventSeq)
			f.set(from, e.eventRow)
		}
		if e.has(partOrder) && e.orderIsNew {
			if err := f.addOrderIndexes(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *folder) addOrderIndexes(e *recordEntry) error {
	view, err := viewOrder(e.orderRow)
	if err != nil {
		return err
	}
	from := len(f.keys)
	f.keys = append(customerPrefix(f.keys, view.customer), e.order[:]...)
	f.set(from, nil)
	for range view.count {
		product, _, err := view.item()
		if err != nil {
			return err
		}
		from := len(f.keys)
		f.keys = append(productPrefix(f.keys, product), e.order[:]...)
		f.set(from, nil)
	}
	return nil
}

// addLatest adds the rows of which only the newest counts.
func (f *folder) addLatest(g *generation, folded *folded) error {
	for id, o := range g.orders {
		if err := f.addOrder(id, &o); err != nil {
			return err
		}
		if id.Compare(folded.newestOrder) > 0 {
			folded.newestOrder = id
		}
	}
	for id, row := range g.products {
		from := len(f.keys)
		f.keys = idKey(f.keys, tableProducts, id)
		f.set(from, row)
		if id.Compare(folded.newestProduct) > 0 {
			folded.newestProduct = id
		}
	}
	for sku, owner := range g.skus {
		from := len(f.keys)
		f.keys = skuKey(f.keys, sku)
		if owner.IsZero() {
			f.remove(from)
		} else {
			f.set(from, f.keep(owner[:]))
		}
	}
	for id, row := range f.stock {
		from := len(f.keys)
		f.keys = idKey(f.keys, tableStock, id)
		at := len(f.value)
		f.value = appendStock(f.value, row)
		f.set(from, f.value[at:])
	}
	for id, row := range g.bindings {
		from := len(f.keys)
		f.keys = bindingKey(f.keys, id)
		f.set(from, row)
		binding, err := decodeBinding(id, row)
		if err != nil {
			return err
		}
		minute := expiryMinute(binding.ExpiresAt)
		f.lists[minute] = append(f.lists[minute], id[:]...)
	}
	return nil
}

func (f *folder) addOrder(id commerce.ID, o *orderTail) error {
	from := len(f.keys)
	f.keys = idKey(f.keys, tableOrders, id)
	f.set(from, o.row)
	view, err := viewOrder(o.row)
	if err != nil {
		return err
	}
	if o.folded {
		if o.foldedStatus == view.status {
			return nil
		}
		from = len(f.keys)
		f.keys = append(statusPrefix(f.keys, o.foldedStatus), id[:]...)
		f.remove(from)
	}
	from = len(f.keys)
	f.keys = append(statusPrefix(f.keys, view.status), id[:]...)
	f.set(from, nil)
	return nil
}

// keep copies a value to where it outlives its maker.
func (f *folder) keep(v []byte) []byte {
	at := len(f.value)
	f.value = append(f.value, v...)
	return f.value[at:]
}

// addJournal removes the journal's records that the tables hold now, but for the newest: it tells
// a retry of the last batch. It also removes the one that was kept for that before.
func (f *folder) addJournal(g *generation, keptBefore uint64) {
	last := len(g.seqs) - 1
	for i := range g.seqs {
		seq := keptBefore
		if i < last {
			seq = g.seqs[i]
		}
		from := len(f.keys)
		f.keys = journalKey(f.keys, seq)
		f.remove(from)
	}
	from := len(f.keys)
	f.keys = append(f.keys, metaFolded...)
	f.set(from, appendNumber(nil, g.seq()))
}

// apply sorts the rows, since a memtable takes neighbours far more cheaply, and writes them.
func (f *folder) apply(in *instance) error {
	slices.SortFunc(f.rows, func(a, b foldRow) int {
		switch {
		case a.order < b.order:
			return -1
		case a.order > b.order:
			return 1
		default:
			return bytes.Compare(f.keys[a.from:a.to], f.keys[b.from:b.to])
		}
	})
	batch := in.db.NewBatchWithSize(len(f.keys) + 1<<20)
	for i := range f.rows {
		row := &f.rows[i]
		key := f.keys[row.from:row.to]
		var err error
		if row.remove {
			err = batch.Delete(key, nil)
		} else {
			err = batch.Set(key, row.value, nil)
		}
		if err != nil {
			return err
		}
	}
	return in.apply(batch)
}

// apply writes a batch without waiting for the disk.
func (in *instance) apply(batch *pebble.Batch) error {
	if err := in.fuse.err(); err != nil {
		return err
	}
	if err := in.db.Apply(batch, pebble.NoSync); err != nil {
		in.fuse.blow(err)
	}
	if err := in.fuse.err(); err != nil {
		return err
	}
	return batch.Close()
}
