package pgstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// auditChain is the audit records of a batch, as parameters of its statement, and what its writer knows of the
// log's end. It is reused from batch to batch.
//
// The writer takes the log to end where it left it. That is not so when somebody has appended without a
// writer: then the statement raises an error like every other surprise, and the careful way looks.
type auditChain struct {
	entries []*commerce.Entry // of the batch, that are audited
	rows    table
	known   bool     // whether from is
	from    auditEnd // where the log ends before the batch
	to      persistence.AuditHead
}

// auditEnd is where a log ends: head is the row that says so. The next record follows last, which is the same but
// after a forgery that moved the row back; no record is ever written over another one.
type auditEnd struct {
	head, last persistence.AuditHead
}

func newAuditChain() auditChain {
	return auditChain{rows: newTable(oidInt8, oidTimestamptz, oidText, oidText, oidText, oidText, oidText, oidText, oidBytea, oidBytea)}
}

func (a *auditChain) reset() {
	clear(a.entries)
	a.entries = a.entries[:0]
	a.rows.reset()
}

// add notes an entry, if it is audited.
func (a *auditChain) add(e *commerce.Entry) {
	if e.Audit != nil {
		a.entries = append(a.entries, e)
	}
}

// any reports whether the batch has audited entries.
func (a *auditChain) any() bool { return len(a.entries) > 0 }

// needsLevels reports whether a record tells what stock was changed to.
func (a *auditChain) needsLevels() bool {
	return slices.ContainsFunc(a.entries, func(e *commerce.Entry) bool { return e.Audit.Action == commerce.AuditStockAdjusted })
}

// write seals the records, one behind the other, and fills the parameters. REQUIRES: from is known, and the
// levels of the movements are set if needsLevels.
func (a *auditChain) write() {
	a.to = a.from.last
	for _, e := range a.entries {
		e.SealAudit(a.to.Seq, a.to.Hash)
		r, t := e.Audit, &a.rows
		t.int8(int64(r.Seq))
		t.time(r.At)
		for _, s := range [...]string{r.Actor, string(r.Action), r.Target, r.Before, r.After, r.Correlation} {
			t.text(s)
		}
		t.bytes(r.Previous[:])
		t.bytes(r.Hash[:])
		a.to = persistence.AuditHead{Seq: r.Seq, Hash: r.Hash}
	}
}

func (a *auditChain) queue(p *pipeline) {
	head := &a.from.head
	p.addTable(stmtAudit, &a.rows, int8Param(int64(head.Seq)), head.Hash[:], int8Param(int64(a.to.Seq)), a.to.Hash[:])
}

// settle notes that the batch has been committed.
func (a *auditChain) settle() {
	if a.any() {
		a.from = auditEnd{a.to, a.to}
	}
}

// forget says that the log may end elsewhere.
func (a *auditChain) forget() { a.known = false }

// learn takes in the log's end, which is locked.
func (a *auditChain) learn(end auditEnd) { a.from, a.known = end, true }

// load reads a row of sqlLockAudit or sqlLastAudit: the greatest number is where the log ends.
func (e *auditEnd) load(rows pgx.Rows) error {
	last, err := readAuditHead(rows)
	if err == nil && last.Seq > e.last.Seq {
		e.last = last
	}
	return err
}

// loadHead is load of the row that is locked.
func (e *auditEnd) loadHead(rows pgx.Rows) (err error) {
	e.head, err = readAuditHead(rows)
	e.last = e.head
	return err
}

const (
	sqlAuditHead = `SELECT seq, hash FROM audit_head`
	// sqlLockAudit locks the end of the log, and sqlLastAudit looks whether it is the end.
	sqlLockAudit = sqlAuditHead + ` FOR UPDATE`
	sqlLastAudit = `SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1`

	auditColumns = `seq, at, actor, action, target, before, after, correlation, previous, hash`
)

// lockAudit locks the end of the log for a transaction without a writer.
func lockAudit(ctx context.Context, tx pgx.Tx) (end auditEnd, err error) {
	q := &pgx.Batch{}
	q.Queue(sqlLockAudit)
	q.Queue(sqlLastAudit)
	results := tx.SendBatch(ctx, q)
	defer func() { err = errors.Join(err, results.Close()) }()
	if err := loadRows(results, end.loadHead); err != nil {
		return end, err
	}
	return end, loadRows(results, end.load)
}

// appendAudit seals a record and appends it behind the end, which is locked.
func appendAudit(ctx context.Context, tx pgx.Tx, end auditEnd, r *commerce.AuditRecord) error {
	r.Seal(end.last.Seq, end.last.Hash)
	_, err := tx.Exec(ctx, sqlAudit,
		[]int64{int64(r.Seq)}, []time.Time{r.At}, []string{r.Actor}, []string{string(r.Action)}, []string{r.Target}, []string{r.Before},
		[]string{r.After}, []string{r.Correlation}, [][]byte{r.Previous[:]}, [][]byte{r.Hash[:]},
		int64(end.head.Seq), end.head.Hash[:], int64(r.Seq), r.Hash[:])
	return err
}

// RecordAudit implements persistence.AccessStore.
func (s *Store) RecordAudit(ctx context.Context, record *commerce.AuditRecord) error {
	return s.change(ctx, "append to the audit log", record, func(context.Context, pgx.Tx) error { return nil })
}

// AuditHead implements persistence.AuditLog. A row that is gone is the end of an empty log.
func (s *Store) AuditHead(ctx context.Context) (head persistence.AuditHead, err error) {
	err = s.read(ctx, "end of the audit log", func(conn *pgx.Conn) (err error) {
		head, err = readAuditHead(conn.QueryRow(ctx, sqlAuditHead))
		return err
	})
	if errors.Is(err, persistence.ErrNotFound) {
		return persistence.AuditHead{}, nil
	}
	return head, err
}

// AuditRecords implements persistence.AuditLog.
func (s *Store) AuditRecords(ctx context.Context, after uint64, limit int) (list []commerce.AuditRecord, err error) {
	err = s.read(ctx, "audit log", func(conn *pgx.Conn) (err error) {
		list, err = query(ctx, conn, readAuditRow, `SELECT `+auditColumns+` FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2`,
			number(after), page(limit))
		return err
	})
	return list, err
}

func readAuditHead(row pgx.Row) (h persistence.AuditHead, err error) {
	var hash []byte
	var seq int64
	err = row.Scan(&seq, &hash)
	h.Seq = uint64(max(seq, 0))
	copy(h.Hash[:], hash)
	return h, err
}

func readAuditRow(row pgx.CollectableRow) (r commerce.AuditRecord, err error) {
	var previous, hash []byte
	err = row.Scan(&r.Seq, &r.At, &r.Actor, (*string)(&r.Action), &r.Target, &r.Before, &r.After, &r.Correlation, &previous, &hash)
	r.At = r.At.UTC()
	copy(r.Previous[:], previous)
	copy(r.Hash[:], hash)
	return r, err
}
