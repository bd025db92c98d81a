package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/penstock-dev/penstock/commerce"
)

// formatVersion is the layout of keys and rows that this package writes. It also reads formatBeforeRuns, and makes
// such a store one of its own.
const (
	formatVersion    = 2
	formatBeforeRuns = 1 // lines, orders by product and stock had rows of their own from the fold on
)

// opened is an instance with what has been read from it.
type opened struct {
	instance *instance
	format   uint64 // in which the store was found
	tail     *tail
	folded   folded
	runs     []*run
	keys     *keyFilter
	epoch    uint64
	last     lastBatch
	access   accessBook
	audit    auditBook
}

// openInstance opens the database and rebuilds what is kept in memory: stock rows from their table,
// runs of the ledger, and the rest from the journal's records that are not folded yet.
func (s *Store) openInstance(ctx context.Context) (*opened, error) {
	in, err := openInstance(&s.opts, s.blocks.Cache, s.corruptions, &s.pace)
	if err != nil {
		return nil, err
	}
	o := &opened{instance: in, tail: newTail(), keys: newKeyFilter()}
	if err := o.load(ctx); err != nil {
		in.fuse.blow(err)
		return nil, errors.Join(err, in.close())
	}
	return o, nil
}

func (o *opened) load(ctx context.Context) error {
	if err := o.loadMeta(); err != nil {
		return err
	}
	if err := o.loadStock(ctx); err != nil {
		return err
	}
	if err := o.loadRuns(ctx); err != nil {
		return err
	}
	if err := o.loadKeys(ctx); err != nil {
		return err
	}
	if err := o.loadJournal(ctx); err != nil {
		return err
	}
	if err := o.access.load(ctx, o.instance.db); err != nil {
		return err
	}
	if err := o.audit.load(o.instance.db); err != nil {
		return err
	}
	var err error
	if o.folded.newestOrder, err = newestID(o.instance.db, tableOrders); err != nil {
		return err
	}
	if o.folded.newestProduct, err = newestID(o.instance.db, tableProducts); err != nil {
		return err
	}
	return o.raiseFormat()
}

func (o *opened) loadMeta() error {
	db := o.instance.db
	var err error
	if o.format, err = getNumber(db, metaFormat); err != nil {
		return err
	}
	if o.format > formatVersion {
		return fmt.Errorf("the store has format %d, this program reads formats %d to %d: "+
			"run the version of penstock that wrote it, or restore a copy that this version wrote",
			o.format, formatBeforeRuns, formatVersion)
	}
	if o.epoch, err = getNumber(db, metaEpoch); err != nil {
		return err
	}
	o.folded.seq, err = getNumber(db, metaFolded)
	return err
}

// raiseFormat makes the store one that older programs refuse, before anything is written that they cannot read.
func (o *opened) raiseFormat() error {
	if o.format == formatVersion {
		return nil
	}
	if err := o.instance.put([]byte(metaFormat), appendNumber(nil, formatVersion)); err != nil {
		return fmt.Errorf("store the format: %w", err)
	}
	return nil
}

func (o *opened) loadStock(ctx context.Context) error {
	return scan(ctx, o.instance.db, []byte{tableStock}, func(key, value []byte) error {
		row, err := decodeStock(lastID(key), value)
		if err == nil {
			o.tail.stock[row.Product] = row
		}
		return err
	})
}

// loadRuns reads the runs that are not merged yet, whose levels are newer than the stock rows.
func (o *opened) loadRuns(ctx context.Context) error {
	merged, err := readMerged(o.instance.db)
	if err != nil {
		return err
	}
	if o.runs, err = readRuns(ctx, o.instance.db, merged.seq); err != nil {
		return err
	}
	u := unmerged{runs: o.runs, merged: merged}
	return u.levels(func(level commerce.Stock) { o.tail.stock[level.Product] = level })
}

// loadJournal adds the records above the watermark to the tail. The watermark's own record is
// still there too, so that the last batch can always be told.
func (o *opened) loadJournal(ctx context.Context) error {
	var scratch recordEntry
	var newest []byte
	from := journalKey(nil, o.folded.seq) // before it stand only the graves of what was folded
	err := scanRange(ctx, o.instance.db, from, prefixEnd(from[:1]), func(key, value []byte) error {
		seq := binary.BigEndian.Uint64(key[1:])
		newest = append(newest[:0], value...)
		o.last.seq = seq
		if seq == o.folded.seq {
			return nil
		}
		if err := o.tail.add(seq, append([]byte(nil), value...), &scratch); err != nil {
			return fmt.Errorf("replay batch %d: %w", seq, err)
		}
		return nil
	})
	if err != nil || newest == nil {
		return err
	}
	o.last, err = lastOf(o.last.seq, newest)
	return err
}

// install makes an opened instance the store's. What is remembered of a batch that needed no
// writing outlives the instance it was decided on. REQUIRES: the turn is held, or nobody knows the
// store yet.
func (s *Store) install(o *opened) {
	s.writing.epoch = max(s.writing.epoch, o.epoch)
	if o.last.seq > s.writing.last.seq {
		s.writing.last = o.last
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.instance = o.instance
	s.mu.tail, s.mu.folded, s.mu.keys, s.mu.runs = o.tail, o.folded, o.keys, o.runs
	s.mu.access, s.mu.audit = o.access, o.audit
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

// healInterval is the least time between two attempts to reopen a store whose disk has failed.
const healInterval = 100 * time.Millisecond

// broken reports whether the store's instance cannot write any more.
func (s *Store) broken() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.instance.fuse.err() != nil
}

// healer paces the attempts, and tells of an outage once rather than at each of them.
type healer struct {
	tried time.Time
	told  time.Time
}

// toldInterval is how often a lasting outage is logged.
const toldInterval = time.Minute

func (h *healer) tend(ctx context.Context, s *Store) {
	if time.Since(h.tried) < healInterval {
		return
	}
	err := s.heal(ctx)
	h.tried = time.Now()
	switch {
	case err == nil:
		s.opts.Logger.Info("store: the disk works again; the store has been reopened")
		h.told = time.Time{}
	case ctx.Err() == nil && time.Since(h.told) >= toldInterval:
		s.opts.Logger.Error("store: the disk has failed; writes are refused until it works again", "error", err)
		h.told = h.tried
	}
}

// heal replaces an instance whose disk has failed by a fresh one, once the disk can be written to
// again. Until then the old one goes on answering reads: what it shows is durable, and its blown
// fuse keeps it from disturbing the fresh one. The journal then tells what became of the batch whose
// outcome was unknown.
func (s *Store) heal(ctx context.Context) error {
	if err := s.space.check(time.Now()); err != nil {
		return err
	}
	if err := probe(s.opts.FS, s.opts.FS.PathJoin(s.opts.Dir, probeName)); err != nil {
		return fmt.Errorf("try the disk: %w", err)
	}
	old := s.mu.instance // only the keeper replaces it, and this is the keeper
	old.fuse.settle()
	if err := s.reopen(ctx); err != nil {
		return fmt.Errorf("reopen store: %w", err)
	}
	s.stats.reopens.Add(1)
	if err := old.close(); err != nil {
		s.opts.Logger.Warn("store: the database whose disk failed could not be closed cleanly", "error", err)
	}
	return nil
}

func (s *Store) reopen(ctx context.Context) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	o, err := s.openInstance(ctx)
	if err == nil {
		s.install(o)
	}
	return err
}

// probeName is the file that probe writes.
const probeName = "probe"

// probe writes, syncs and removes a small file.
func probe(fs vfs.FS, name string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("penstock tries whether this disk can be written to\n"))
	return errors.Join(err, f.Sync(), f.Close(), fs.Remove(name))
}

func appendNumber(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// getNumber reads a number of tableMeta; 0 when there is none.
func getNumber(r pebble.Reader, name string) (n uint64, err error) {
	_, err = get(r, []byte(name), func(row []byte) error {
		d := decoder{b: row}
		n = d.uint64()
		return d.end()
	})
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name[1:], err)
	}
	return n, nil
}

// newestID returns the greatest id of a table; zero when it is empty.
func newestID(r pebble.Reader, table byte) (commerce.ID, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
	if err != nil {
		return commerce.ID{}, err
	}
	var id commerce.ID
	if it.Last() {
		id = lastID(it.Key())
	}
	return id, it.Close()
}

// scanCheckEvery is how many rows are read between two looks at the context.
const scanCheckEvery = 1024

// scan calls visit for each row under a prefix, in order. Key and value are visit's until it
// returns.
func scan(ctx context.Context, r pebble.Reader, prefix []byte, visit func(key, value []byte) error) error {
	return scanRange(ctx, r, prefix, prefixEnd(prefix), visit)
}

// scanRange calls visit for each row from a key up to, but without, another.
func scanRange(ctx context.Context, r pebble.Reader, from, to []byte, visit func(key, value []byte) error) error {
	it, err := r.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	n := 0
	for valid := it.First(); valid && err == nil; valid = it.Next() {
		if n++; n%scanCheckEvery == 0 {
			if err = ctx.Err(); err != nil {
				break
			}
		}
		var value []byte
		if value, err = it.ValueAndErr(); err == nil {
			err = visit(it.Key(), value)
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}
