package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// carefulTriesMax is how often the careful way is tried: another writer can still get in between what
// it has read and what it writes, where there was no row to lock.
const carefulTriesMax = 3

// commitCarefully locks what the batch names, decides each entry by the rules of commerce, and writes
// what applies.
func (w *writer) commitCarefully(batch *persistence.Batch, res *persistence.Result) (sent bool, err error) {
	for range carefulTriesMax {
		sent, err = w.tryCarefully(batch, res)
		if err == nil {
			return sent, nil
		}
		failure := refusal(err)
		if failure == nil {
			return sent, err
		}
		if rollback := w.rollback(); rollback != nil {
			return sent, errors.Join(err, rollback)
		}
		if !needsCare(failure) {
			return sent, err
		}
	}
	return sent, err
}

func (w *writer) rollback() error {
	_, err := w.conn.Exec(context.Background(), "ROLLBACK")
	return err
}

func (w *writer) tryCarefully(batch *persistence.Batch, res *persistence.Result) (sent bool, err error) {
	turn, err := w.lock(batch)
	if err != nil {
		return false, err
	}
	again, err := w.judge(turn, batch)
	if err != nil {
		return false, errors.Join(err, w.rollback())
	}
	if again {
		return true, w.answerAgain(turn, batch, res)
	}
	return w.writeDecided(batch, res)
}

// answerAgain answers a batch that has been committed before. It ends in a COMMIT, although it only
// reads: its lock on the writer's row has written to the log, so that where a commit waits for a standby this one
// does too, and with it everything before it. The first attempt may have been cut off while it waited.
func (w *writer) answerAgain(t turn, batch *persistence.Batch, res *persistence.Result) error {
	if err := w.recall(t, batch, res); err != nil {
		return err
	}
	_, err := w.conn.Exec(context.Background(), "COMMIT")
	return err
}

// turn is the writer's row.
type turn struct {
	found    bool
	epoch    int64
	seq      uint64
	batch    [16]byte
	outcomes []byte
}

// judge says whether the batch has been committed before. The error is ErrFenced.
func (w *writer) judge(t turn, batch *persistence.Batch) (again bool, err error) {
	switch {
	case !t.found:
		return false, fmt.Errorf("%w: %w: the row of writer %d is gone", persistence.ErrFenced, ErrOlderState, w.number)
	case t.epoch != w.number:
		return false, fmt.Errorf("%w: it is writer %d, this one is %d", persistence.ErrFenced, t.epoch, w.number)
	case t.seq+1 == batch.Seq:
		return false, nil
	case t.seq == batch.Seq && (t.batch == batch.ID || planted.Is(planted.ForeignBatch)):
		return true, nil
	default:
		return false, fmt.Errorf("%w: %w: batch %d is neither the next after %d nor the same again",
			persistence.ErrFenced, ErrOlderState, batch.Seq, t.seq)
	}
}

// ErrOlderState says why a writer was fenced although no other one has taken over: the database is not in
// the state in which this writer left it. It was restored from a backup, a standby that was behind has taken its place,
// or it is another database. What was acknowledged since that state is not in it.
var ErrOlderState = errors.New("the database is in an older state than this process left it in")

// writeDecided decides the entries and commits those that apply.
func (w *writer) writeDecided(batch *persistence.Batch, res *persistence.Result) (sent bool, err error) {
	applied, refused := w.decide(batch, res)
	outcomes, err := encodeOutcomes(res.Outcomes)
	if err != nil {
		return false, err
	}
	w.changes.gather(applied, false)
	for _, e := range applied {
		if e.Key != nil && slices.Contains(w.expired, e.Key.ID) {
			w.changes.unbind.uuid(e.Key.ID)
		}
	}
	p := w.newPipeline()
	p.add(stmtTurn, w.turnParams(batch, outcomes))
	w.changes.queue(p, w.number, batch.Seq)
	plantDeltaOfRefused(p, refused)
	p.add(stmtCommit, nil)
	if sent, err = p.send(); err != nil {
		return sent, err
	}
	w.changes.moves.learn(res.Stock)
	w.changes.audit.settle()
	w.changes.lag.settle()
	w.store.stats.entries.Add(uint64(len(applied)))
	return true, nil
}

// decide says what becomes of each entry.
func (w *writer) decide(batch *persistence.Batch, res *persistence.Result) (applied, refused []*commerce.Entry) {
	res.Outcomes = res.Outcomes[:0]
	for _, e := range batch.Entries {
		outcome := commerce.Outcome{Kind: commerce.Unstorable}
		if storable(e) {
			outcome = w.state.Decide(e)
		}
		if outcome.Kind == commerce.Applied {
			applied = append(applied, e)
		} else {
			refused = append(refused, e)
		}
		res.Outcomes = append(res.Outcomes, outcome)
	}
	res.Stock = w.state.Touched(res.Stock[:0])
	return applied, refused
}

// lock begins a transaction, locks the writer's row and the rows that the batch names, and loads them.
// The order is that of the statements: writer, keys, orders, products, stock, each sorted, the end of the
// audit log; the epochs of partitions are read last.
func (w *writer) lock(batch *persistence.Batch) (t turn, err error) {
	n := namesOf(batch)
	q := &pgx.Batch{}
	q.Queue("BEGIN")
	q.Queue(`SELECT epoch, seq, batch, outcomes FROM writers WHERE number = $1::bigint AND id = $2::uuid FOR UPDATE`, w.number, w.id)
	q.Queue(`SELECT id, request, operation, resource, version, expires_at FROM idempotency_keys
		WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`, n.keys)
	q.Queue(`SELECT id, version FROM orders WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`, n.orders)
	q.Queue(`SELECT id, version, sku FROM products WHERE id = ANY ($1::uuid[]) OR (sku <> '' AND sku = ANY ($2::text[]))
		ORDER BY id FOR UPDATE`, n.products, n.skus)
	q.Queue(`SELECT product, on_hand, allocated, version FROM stock WHERE product = ANY ($1::uuid[]) ORDER BY product FOR UPDATE`, n.stock)
	if n.audit {
		q.Queue(sqlLockAudit)
		q.Queue(sqlLastAudit)
	}
	q.Queue(`SELECT id, epoch FROM partitions WHERE id = ANY ($1::smallint[])`, n.partitions)
	w.state.Reset(batch.At)
	w.expired = w.expired[:0]
	clear(w.epochs)

	results := w.conn.SendBatch(context.Background(), q)
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil {
		return t, err
	}
	loads := []func(pgx.Rows) error{t.load, w.loadKey, w.loadOrder, w.loadProduct, w.loadStock}
	var end auditEnd
	if n.audit {
		loads = append(loads, end.loadHead, end.load)
	}
	for _, load := range append(loads, w.loadEpoch) {
		if err := loadRows(results, load); err != nil {
			return t, err
		}
	}
	if n.audit {
		w.changes.audit.learn(end)
	}
	return t, nil
}

func loadRows(results pgx.BatchResults, load func(pgx.Rows) error) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := load(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *turn) load(rows pgx.Rows) error {
	t.found = true
	var batch *[16]byte
	if err := rows.Scan(&t.epoch, &t.seq, &batch, &t.outcomes); err != nil {
		return err
	}
	if batch != nil {
		t.batch = *batch
	}
	return nil
}

func (w *writer) loadKey(rows pgx.Rows) error {
	var b commerce.KeyBinding
	var request []byte
	if err := rows.Scan((*[16]byte)(&b.ID), &request, &b.Operation, (*[16]byte)(&b.Resource), &b.Version, &b.ExpiresAt); err != nil {
		return err
	}
	copy(b.Request[:], request)
	b.ExpiresAt = b.ExpiresAt.UTC()
	if b.ExpiresAt.After(w.state.Now) {
		w.state.LoadKey(b)
	} else {
		w.expired = append(w.expired, b.ID)
	}
	return nil
}

func (w *writer) loadOrder(rows pgx.Rows) error {
	var id [16]byte
	var version uint64
	if err := rows.Scan(&id, &version); err != nil {
		return err
	}
	w.state.LoadOrder(id, version)
	return nil
}

func (w *writer) loadProduct(rows pgx.Rows) error {
	var id [16]byte
	var version uint64
	var sku string
	if err := rows.Scan(&id, &version, &sku); err != nil {
		return err
	}
	w.state.LoadProduct(id, version)
	if sku != "" {
		w.state.LoadSKU(sku, id)
	}
	return nil
}

func (w *writer) loadStock(rows pgx.Rows) error {
	var row commerce.Stock
	if err := rows.Scan((*[16]byte)(&row.Product), &row.OnHand, &row.Allocated, &row.Version); err != nil {
		return err
	}
	w.state.LoadStock(row)
	return nil
}

func (w *writer) loadEpoch(rows pgx.Rows) error {
	var partition int
	var epoch uint64
	if err := rows.Scan(&partition, &epoch); err != nil {
		return err
	}
	w.epochs[partition] = epoch
	return nil
}

// plantDeltaOfRefused is a planted bug: see package planted.
func plantDeltaOfRefused(p *pipeline, refused []*commerce.Entry) {
	if !planted.Is(planted.DeltaOfRefused) {
		return
	}
	for _, e := range refused {
		for i := range e.Movements {
			m := &e.Movements[i]
			p.addText(`UPDATE stock SET on_hand = on_hand + $2::bigint, allocated = allocated + $3::bigint
				WHERE product = $1::uuid AND allocated + $3::bigint BETWEEN 0 AND on_hand + $2::bigint`,
				[][]byte{m.Product[:], int8Param(m.OnHandDelta), int8Param(m.AllocatedDelta)})
		}
	}
}
