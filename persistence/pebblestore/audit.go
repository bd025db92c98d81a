package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The audit log is a table that is written past the journal, but with it: a batch's records and the new head go
// to disk in the same write and the same fsync as its journal record. So nothing has to be folded, and what
// came without a writer stands in the same chain.

// auditBook is what is known of the audit log in memory: what is durable.
type auditBook struct {
	head  persistence.AuditHead // the row in tableMeta
	shown uint64                // the last record that may be read
}

// load reads where the log ends. Records behind the head are shown all the same: nobody but a forger makes
// them, and that is for VerifyAudit to say.
func (a *auditBook) load(r pebble.Reader) error {
	*a = auditBook{}
	if _, err := get(r, []byte(metaAudit), func(row []byte) (err error) {
		a.head, err = decodeAuditHead(row)
		return err
	}); err != nil {
		return fmt.Errorf("read the end of the audit log: %w", err)
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{tableAudit}, UpperBound: []byte{tableAudit + 1}})
	if err != nil {
		return err
	}
	if a.shown = a.head.Seq; it.Last() {
		a.shown = max(a.shown, auditSeq(it.Key()))
	}
	return errors.Join(it.Error(), it.Close())
}

// end returns what the next record follows: the head, or the last record there is, so that no record is ever
// written over another one.
func (a *auditBook) end(r pebble.Reader) (end persistence.AuditHead, err error) {
	if a.shown <= a.head.Seq {
		return a.head, nil
	}
	_, err = get(r, auditKey(a.shown), func(row []byte) error {
		record, err := decodeAudit(a.shown, row)
		end = persistence.AuditHead{Seq: a.shown, Hash: record.Hash}
		return err
	})
	return end, err
}

// auditBatch gathers sealed records, in order, to be written with something else.
type auditBatch struct {
	*pebble.Batch
	end persistence.AuditHead
}

// newAuditBatch begins a batch behind the records there are. REQUIRES: the turn is held.
func (s *Store) newAuditBatch(in *instance) (*auditBatch, error) {
	s.mu.RLock()
	book := s.mu.audit
	s.mu.RUnlock()
	end, err := book.end(in.db)
	if err != nil {
		return nil, fmt.Errorf("read the end of the audit log: %w", readable(err))
	}
	return &auditBatch{Batch: in.db.NewBatch(), end: end}, nil
}

// add puts a record that has just been sealed into the batch.
func (b *auditBatch) add(r *commerce.AuditRecord) error {
	b.end = persistence.AuditHead{Seq: r.Seq, Hash: r.Hash}
	return b.Set(auditKey(r.Seq), encodeAudit(r), nil)
}

// commit writes the batch with the new head, durably. An error means that it may or may not have been
// written.
func (b *auditBatch) commit(in *instance) error {
	if err := b.Set([]byte(metaAudit), encodeAuditHead(b.end), nil); err != nil {
		return err
	}
	return in.commit(b.Batch)
}

// book is what is known of the log once the batch is durable.
func (b *auditBatch) book() auditBook { return auditBook{head: b.end, shown: b.end.Seq} }

// sealAudit seals the audit records of the entries that apply, in their order; nil when there are none.
func (s *Store) sealAudit(in *instance, batch *persistence.Batch, res *persistence.Result) (audit *auditBatch, err error) {
	for i, e := range batch.Entries {
		if e.Audit == nil || res.Outcomes[i].Kind != commerce.Applied {
			continue
		}
		if audit == nil {
			if audit, err = s.newAuditBatch(in); err != nil {
				return nil, err
			}
		}
		e.SealAudit(audit.end.Seq, audit.end.Hash)
		if err := audit.add(e.Audit); err != nil {
			return nil, err
		}
	}
	return audit, nil
}

// RecordAudit implements persistence.AccessStore.
func (s *Store) RecordAudit(ctx context.Context, record *commerce.AuditRecord) error {
	return s.change(ctx, "append to the audit log", func(in *instance) error {
		return s.appendRecord(in, record, func(*pebble.Batch) error { return nil }, func() {})
	})
}

// appendRecord seals a record and writes it with what with adds to the batch. When that is durable it calls
// publish, with s.mu held. REQUIRES: the turn is held.
func (s *Store) appendRecord(
	in *instance, record *commerce.AuditRecord, with func(*pebble.Batch) error, publish func(),
) error {
	batch, err := s.newAuditBatch(in)
	if err == nil {
		record.Seal(batch.end.Seq, batch.end.Hash)
		err = batch.add(record)
	}
	if err == nil {
		err = with(batch.Batch)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", persistence.ErrUnavailable, err)
	}
	if err := batch.commit(in); err != nil {
		s.keep.wakeUp()
		return fmt.Errorf("%w: %w", persistence.ErrUnknown, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.audit = batch.book()
	publish()
	return nil
}

// change runs a change that no writer makes, in its turn.
func (s *Store) change(ctx context.Context, what string, do func(in *instance) error) error {
	err := s.awaitWritable(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := s.takeTurn(ctx); err != nil {
		return fmt.Errorf("%s: wait for a turn: %w: %w", what, persistence.ErrUnavailable, err)
	}
	defer s.giveTurn()
	in, err := s.writable()
	if err == nil {
		err = s.space.check(time.Now())
	}
	if err == nil {
		err = do(in)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// AuditHead implements persistence.AuditLog.
func (s *Store) AuditHead(context.Context) (persistence.AuditHead, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return persistence.AuditHead{}, persistence.ErrClosed
	}
	return s.mu.audit.head, nil
}

// AuditRecords implements persistence.AuditLog. It shows what is durable, and nothing else.
func (s *Store) AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	s.mu.RLock()
	in, err := s.acquireLocked()
	shown := s.mu.audit.shown
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	defer in.users.Done()
	if limit = page(limit); after >= shown || limit == 0 {
		return nil, nil
	}
	records, err := readAudit(ctx, in.db, after, shown, limit)
	return records, readError("audit log", err)
}

// readAudit returns records from after, without it, to last.
func readAudit(ctx context.Context, r pebble.Reader, after, last uint64, limit int) (records []commerce.AuditRecord, err error) {
	it, err := r.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: auditKey(after + 1), UpperBound: append(auditKey(last), 0),
	})
	if err != nil {
		return nil, err
	}
	for valid := it.First(); valid && err == nil && len(records) < limit; valid = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		var record commerce.AuditRecord
		if record, err = decodeAudit(auditSeq(it.Key()), value); err == nil {
			records = append(records, record)
		}
	}
	return records, errors.Join(err, it.Error(), it.Close())
}

func auditKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tableAudit}, seq)
}

// auditSeq reads a number from its key; 0, which no record has, when it is none.
func auditSeq(key []byte) uint64 {
	if len(key) != 1+8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[1:])
}

func encodeAuditHead(h persistence.AuditHead) []byte {
	b := []byte{rowVersion}
	b = binary.BigEndian.AppendUint64(b, h.Seq)
	return append(b, h.Hash[:]...)
}

func decodeAuditHead(b []byte) (h persistence.AuditHead, err error) {
	d := decoder{b: b}
	d.rowVersion()
	h.Seq = d.uint64()
	d.digest(&h.Hash)
	return h, d.end()
}

func encodeAudit(r *commerce.AuditRecord) []byte {
	b := []byte{rowVersion}
	b = appendTime(b, r.At)
	for _, s := range [...]string{r.Actor, string(r.Action), r.Target, r.Before, r.After, r.Correlation} {
		b = appendText(b, s)
	}
	b = append(b, r.Previous[:]...)
	return append(b, r.Hash[:]...)
}

func decodeAudit(seq uint64, b []byte) (r commerce.AuditRecord, err error) {
	d := newTextDecoder(b)
	d.rowVersion()
	r.Seq = seq
	r.At = d.time()
	r.Actor = d.text()
	r.Action = commerce.AuditAction(d.text())
	for _, s := range [...]*string{&r.Target, &r.Before, &r.After, &r.Correlation} {
		*s = d.text()
	}
	d.digest(&r.Previous)
	d.digest(&r.Hash)
	if err := d.end(); err != nil {
		return r, fmt.Errorf("decode record %d of the audit log: %w", seq, err)
	}
	return r, nil
}

// digest reads a SHA-256.
func (d *decoder) digest(to *[32]byte) { copy(to[:], d.take(uint64(len(to)))) }
