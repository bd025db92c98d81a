package pebblestore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// fold moves the tail's generation into the tables. It needs no fsync: its batch follows its
// journal records in the log, and whatever a crash takes of it is folded again. Only the keeper
// calls it.
func (s *Store) fold(ctx context.Context, f *folder) error {
	s.mu.Lock()
	in, t := s.mu.instance, s.mu.tail
	if len(t.folding.records) == 0 && len(t.filling.records) > 0 {
		t.filling, t.folding = t.folding, t.filling
	}
	g, from, keys := t.folding, s.mu.folded, s.mu.keys
	s.mu.Unlock()
	if len(g.records) == 0 {
		return nil
	}
	in.pace.tailBehind.Store(g.entries > generationsBehind*s.opts.FoldEntries)
	if err := in.throttle(ctx); err != nil {
		return err
	}
	start := time.Now()
	to, err := f.fold(in, g, from, s.addRun)
	if err != nil {
		return fmt.Errorf("fold batches %d to %d: %w", from.seq+1, g.seq(), err)
	}
	for minute, ids := range f.lists {
		keys.add(ids, minute)
	}
	keys.drop(start.Add(-purgeMargin))
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
		in.pace.look(m, in.memTableSize)
		if m.MemTable.Size <= memTablesMax*in.memTableSize && m.Levels[0].Sublevels <= l0SublevelsMax && !in.stalled.Load() {
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
	keys   []byte
	values []byte
	pacer  pacer
	rows   int                // in tables
	tables ['z' + 1][]foldRow // by the tables' first bytes
	lists  map[int64][]byte   // KeyIDs by the minute their bindings expire
	lines  []runLine
	entry  recordEntry
	placed []byte
	stream streamRows
	sales  salesBooks
}

// foldRow is one change of a table. Its key stands in folder.keys; hi and lo are the key's first
// bytes after the table's, as numbers, which settle nearly all comparisons.
type foldRow struct {
	hi, lo   uint64
	from, to uint32
	remove   bool
	value    []byte
}

func newFolder() *folder {
	return &folder{lists: make(map[int64][]byte)}
}

// folderRowsMax is how many rows' room the folder keeps from one fold to the next.
const folderRowsMax = 1 << 18

func (f *folder) reset() {
	if f.rows > folderRowsMax {
		*f = *newFolder()
	}
	f.rows = 0
	f.keys, f.values = f.keys[:0], f.values[:0]
	for i := range f.tables {
		clear(f.tables[i]) // the values alias journal records
		f.tables[i] = f.tables[i][:0]
	}
	clear(f.lists)
	clear(f.lines)
	f.lines = f.lines[:0]
	f.stream.buf = f.stream.buf[:0]
}

// fold writes the rows of a generation, sorted, as one batch. It hands the run of its lines to publish before.
func (f *folder) fold(in *instance, g *generation, before folded, publish func(*run)) (folded, error) {
	f.reset()
	f.pacer = in.pace.begin()
	after := before
	if err := f.sales.beginFold(in); err != nil {
		return before, err
	}
	if err := f.stream.begin(f, in, before.seq); err != nil {
		return before, err
	}
	for i, b := range g.records {
		if err := f.addRecord(g, &after, b); err != nil {
			return before, err
		}
		f.stream.end(f, g.seqs[i])
		f.pacer.rest()
	}
	if err := f.addLatest(g); err != nil {
		return before, err
	}
	f.addExpiries(g.seq())
	f.addJournal(g)
	f.addSales(in)
	r, err := f.addRun(g.seq())
	if err != nil {
		return before, err
	}
	if r != nil {
		publish(r)
	}
	after.seq = g.seq()
	return after, f.sales.endFold(in, f.apply(in, before.seq, after.seq))
}

// set and remove add a row whose key is what has been appended to f.keys since from.
func (f *folder) set(from int, value []byte) { f.add(from, value, false) }

func (f *folder) remove(from int) { f.add(from, nil, true) }

func (f *folder) add(from int, value []byte, remove bool) {
	key := f.keys[from:]
	var head [16]byte
	copy(head[:], key[1:])
	f.rows++
	table := &f.tables[key[0]]
	*table = append(*table, foldRow{
		hi: binary.BigEndian.Uint64(head[:8]), lo: binary.BigEndian.Uint64(head[8:]),
		from: uint32(from), to: uint32(len(f.keys)), remove: remove, value: value,
	})
}

// addRecord adds the rows that a record's entries call for. Of a row that several of them change,
// the last one counts: it is the one that the generation has.
func (f *folder) addRecord(g *generation, after *folded, b []byte) error {
	r, err := readRecord(b)
	if err != nil {
		return err
	}
	e := &f.entry
	f.stream.open(r.epoch)
	for range r.entries {
		if err := r.next(e); err != nil {
			return err
		}
		f.stream.add(e)
		for i := range e.movements {
			m := &e.movements[i]
			f.lines = append(f.lines, runLine{product: m.product, version: m.version, row: m.row})
		}
		if e.has(partEvent) && !f.impliedByOrder(e) {
			from := len(f.keys)
			f.keys = numberedKey(f.keys, tableEvents, e.entity, e.eventSeq)
			f.set(from, e.eventRow)
		}
		if e.has(partOrder) {
			if err := f.addOrder(g, e); err != nil {
				return err
			}
			if err := f.sales.change(e.order, e.from(), e.orderRow); err != nil {
				return err
			}
			after.newestOrder = later(after.newestOrder, e.order)
		}
		if e.has(partProduct) && isSame(g.products[e.product], e.productRow) {
			from := len(f.keys)
			f.keys = idKey(f.keys, tableProducts, e.product)
			f.set(from, e.productRow)
			after.newestProduct = later(after.newestProduct, e.product)
		}
	}
	return nil
}

// isSame reports whether two rows are the same bytes at the same place.
func isSame(a, b []byte) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

func later(a, b commerce.ID) commerce.ID {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

// addRun adds the lines of the ledger, as a run. It returns nil when there are none.
func (f *folder) addRun(seq uint64) (*run, error) {
	if len(f.lines) == 0 {
		return nil, nil //nolint:nilnil // no run is not a fault
	}
	slices.SortFunc(f.lines, compareRunLines)
	r, parts, err := makeRun(seq, f.lines)
	for i, part := range parts {
		from := len(f.keys)
		f.keys = runKey(f.keys, seq, i)
		f.set(from, part)
	}
	return r, err
}

// impliedByOrder reports whether an event is just what placing the entry's order means. Such an
// event is not stored: the order's row says it all (see placedEvent).
func (f *folder) impliedByOrder(e *recordEntry) bool {
	if e.eventSeq != 1 || !e.has(partOrder) || !e.orderIsNew || e.entity != e.order {
		return false
	}
	view, err := viewOrder(e.orderRow)
	if err != nil {
		return false
	}
	f.placed = appendPlacedEvent(f.placed[:0], &view)
	return string(f.placed) == string(e.eventRow)
}

// addOrder adds an order's row, if this is its newest, and what the indexes say of it.
func (f *folder) addOrder(g *generation, e *recordEntry) error {
	view, err := viewOrder(e.orderRow)
	if err != nil {
		return err
	}
	if o := g.orders[e.order]; isSame(o.row, e.orderRow) {
		from := len(f.keys)
		f.keys = idKey(f.keys, tableOrders, e.order)
		f.set(from, e.orderRow)
		f.moveStatus(e.order, &o, view.status)
	}
	if !e.orderIsNew {
		return nil
	}
	from := len(f.keys)
	f.keys = append(customerPrefix(f.keys, view.customer), e.order[:]...)
	f.set(from, nil)
	return nil
}

func (f *folder) moveStatus(id commerce.ID, o *orderTail, status commerce.Status) {
	if o.folded {
		if o.foldedStatus == status {
			return
		}
		from := len(f.keys)
		f.keys = append(statusPrefix(f.keys, o.foldedStatus), id[:]...)
		f.remove(from)
	}
	from := len(f.keys)
	f.keys = append(statusPrefix(f.keys, status), id[:]...)
	f.set(from, nil)
}

// addLatest adds the rows that only the generation as a whole tells.
func (f *folder) addLatest(g *generation) error {
	for sku, owner := range g.skus {
		from := len(f.keys)
		f.keys = skuKey(f.keys, sku)
		if owner.IsZero() {
			f.remove(from)
			continue
		}
		at := len(f.values)
		f.values = append(f.values, owner[:]...)
		f.set(from, f.values[at:])
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

// addJournal notes up to which record the tables hold the journal now.
func (f *folder) addJournal(g *generation) {
	from := len(f.keys)
	f.keys = append(f.keys, metaFolded...)
	at := len(f.values)
	f.values = appendNumber(f.values, g.seq())
	f.set(from, f.values[at:])
}

// apply sorts the rows, since a memtable takes neighbours far more cheaply, and writes them. It removes the journal's
// records that the tables hold then, but for the newest: it tells a retry of the last batch. It also removes the one
// that was kept for that before.
func (f *folder) apply(in *instance, keptBefore, kept uint64) error {
	batch := in.db.NewBatchWithSize(len(f.keys) + foldBytes/4)
	if err := batch.DeleteRange(journalKey(nil, keptBefore), journalKey(nil, kept), nil); err != nil {
		return err
	}
	for _, rows := range f.tables {
		slices.SortFunc(rows, func(a, b foldRow) int {
			switch {
			case a.hi != b.hi:
				return cmp.Compare(a.hi, b.hi)
			case a.lo != b.lo:
				return cmp.Compare(a.lo, b.lo)
			default:
				return bytes.Compare(f.keys[a.from:a.to], f.keys[b.from:b.to])
			}
		})
		for i := range rows {
			f.pacer.step()
			row := &rows[i]
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
