package pebblestore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The stream is one row a batch, under the batch's number: its writer and the names of its events.
// Such keys go to the end of their table, so that the row costs the fold next to nothing; the events
// themselves stand where they always do, or in their order's row.

// eventName names an event.
type eventName struct {
	entity commerce.ID
	seq    uint64
}

func (n eventName) compare(other eventName) int {
	return cmp.Or(n.entity.Compare(other.entity), cmp.Compare(n.seq, other.seq))
}

// streamRows makes the rows of a fold. The folder owns it.
type streamRows struct {
	buf   []byte // of all rows of the fold
	at    int    // where the row of the record being read begins
	head  int    // where its names begin
	known bool   // whether the store has batches from before it kept a stream has been looked at
}

// begin notes, once a start, where the stream begins in a store that has older batches. It must be
// in the same fold as the first row.
func (s *streamRows) begin(f *folder, in *instance, folded uint64) error {
	if s.known {
		return nil
	}
	if folded > 0 {
		it, err := in.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tableStream}, UpperBound: []byte{tableStream + 1}})
		if err != nil {
			return err
		}
		some := it.First()
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return err
		}
		if from, err := getNumber(in.db, metaStream); err != nil {
			return err
		} else if !some && from == 0 {
			at := len(f.keys)
			f.keys = append(f.keys, metaStream...)
			f.set(at, appendNumber(nil, folded+1))
		}
	}
	s.known = true
	return nil
}

// open begins the row of a record.
func (s *streamRows) open(writer uint64) {
	s.at = len(s.buf)
	s.buf = append(s.buf, rowVersion)
	s.buf = binary.AppendUvarint(s.buf, writer)
	s.head = len(s.buf)
}

// add names an entry's event.
func (s *streamRows) add(e *recordEntry) {
	if e.has(partEvent) {
		s.buf = append(s.buf, e.entity[:]...)
		s.buf = binary.AppendUvarint(s.buf, e.eventSeq)
	}
}

// end adds the row, if the record had events.
func (s *streamRows) end(f *folder, seq uint64) {
	if len(s.buf) == s.head {
		s.buf = s.buf[:s.at]
		return
	}
	at := len(f.keys)
	f.keys = streamKey(f.keys, seq)
	f.set(at, s.buf[s.at:len(s.buf):len(s.buf)])
}

func streamKey(b []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tableStream), seq)
}

// streamRow is one row, its names sorted as readers see them.
type streamRow struct {
	writer uint64
	batch  uint64
	names  []eventName
}

func decodeStreamRow(key, value []byte, row *streamRow) error {
	if len(key) != 1+8 {
		return errCorrupt
	}
	row.batch, row.names = binary.BigEndian.Uint64(key[1:]), row.names[:0]
	d := decoder{b: value}
	d.rowVersion()
	row.writer = d.uvarint()
	for d.off < len(d.b) && !d.failed {
		row.names = append(row.names, eventName{d.id(), d.uvarint()})
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("decode the stream's row of batch %d: %w", row.batch, err)
	}
	slices.SortFunc(row.names, eventName.compare)
	return nil
}

// EventsAfter implements persistence.Store. Batches are numbered across writers here, so that the
// batch alone says where a position is.
func (s *Store) EventsAfter(
	ctx context.Context, after persistence.Position, limit int,
) ([]persistence.StreamEvent, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("events", err)
	}
	defer snap.release()
	from, err := getNumber(snap, metaStream)
	if err != nil {
		return nil, readError("events", err)
	}
	if after.Batch+1 < from {
		return nil, fmt.Errorf("read events: %w: this store keeps their order from batch %d on", persistence.ErrPositionGone, from)
	}
	events, err := readStream(ctx, snap, after, page(limit))
	return events, readError("events", err)
}

func readStream(
	ctx context.Context, snap *view, after persistence.Position, limit int,
) (events []persistence.StreamEvent, err error) {
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: streamKey(nil, after.Batch), UpperBound: []byte{tableStream + 1},
	})
	if err != nil {
		return nil, err
	}
	var row streamRow
	last := eventName{after.Entity, after.Seq}
	for valid := it.First(); valid && err == nil && len(events) < limit; valid = it.Next() {
		if err = snap.alive(ctx); err != nil {
			break
		}
		if err = decodeStreamRow(it.Key(), it.Value(), &row); err != nil {
			break
		}
		for _, name := range row.names {
			if len(events) == limit || err != nil {
				break
			}
			if row.batch == after.Batch && name.compare(last) <= 0 {
				continue
			}
			var e persistence.StreamEvent
			if e, err = readNamed(snap, name); err == nil {
				e.Position = persistence.Position{Writer: row.writer, Batch: row.batch, Entity: name.entity, Seq: name.seq}
				events = append(events, e)
			}
		}
	}
	return events, errors.Join(err, it.Error(), it.Close())
}

// readNamed reads an event, and whose order it is about.
func readNamed(snap *view, name eventName) (e persistence.StreamEvent, err error) {
	stored, err := get(snap, numberedKey(nil, tableEvents, name.entity, name.seq), func(row []byte) error {
		e.Event, err = decodeEvent(name.entity, name.seq, row)
		return err
	})
	if err != nil || e.Product != nil {
		return e, err
	}
	found, err := get(snap, idKey(nil, tableOrders, name.entity), func(row []byte) error {
		if !stored {
			o, err := decodeOrder(name.entity, row)
			if err == nil {
				e.Event, e.Customer = placedEvent(o), o.Customer
			}
			return err
		}
		v, err := viewOrder(row)
		e.Customer = string(v.customer)
		return err
	})
	if err == nil && (!found || !stored && name.seq != 1) {
		err = fmt.Errorf("%w: the stream names event %d of %s, which does not exist", errCorrupt, name.seq, name.entity)
	}
	return e, err
}
