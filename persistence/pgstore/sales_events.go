package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// What the orders' rows and events say of sales. An event's type is the state that the order reached by it, and all
// states but cancelled have one before them, so that only for a cancelled order the event before is looked up. What
// counts of an order's row never changes: it does not matter when it is read.

// sqlTailEvents reads the changes of some batches of a writer. OFFSET 0 keeps the planner from turning the join
// around: there are few events and many orders.
const sqlTailEvents = `
SELECT CASE e.type WHEN 7 THEN (SELECT p.type FROM order_events p WHERE p.entity = e.entity AND p.seq = e.seq - 1) ELSE e.type - 1 END,
	e.type, o.placed_at, o.total, o.currency, CASE WHEN e.type IN (1, 7) THEN o.detail END
  FROM (SELECT entity, seq, type FROM order_events
	 WHERE writer = $1::bigint AND batch > $2::bigint AND batch <= $3::bigint AND type <= 7 OFFSET 0) e
 CROSS JOIN LATERAL (SELECT placed_at, total, currency, detail FROM orders WHERE id = e.entity OFFSET 0) o`

// batchRange is some batches of a writer: those after from, up to to.
type batchRange struct {
	writer   int64
	from, to uint64
}

// readTailEvents adds what some batches have changed.
func readTailEvents(ctx context.Context, db querier, t *salesbook.Tally, batches batchRange) error {
	rows, err := db.Query(ctx, sqlTailEvents, batches.writer, number(batches.from), number(batches.to))
	if err != nil {
		return err
	}
	var r changeRow
	_, err = pgx.ForEachRow(rows, r.fields(), func() error { return r.note(t) })
	return err
}

// changeRow is a change as it is read: the states before and after, and what counts of the order.
type changeRow struct {
	from, to *int16 // to is nil when the order has not reached any state that counts
	order    commerce.Order
	currency string
	detail   []byte
}

func (r *changeRow) fields() []any {
	return []any{&r.from, &r.to, &r.order.PlacedAt, &r.order.Total.Amount, &r.currency, &r.detail}
}

func (r *changeRow) note(t *salesbook.Tally) error {
	if r.to == nil {
		return nil
	}
	copy(r.order.Total.Currency[:], r.currency)
	c := salesbook.Change{Placed: persistence.QuarterOf(r.order.PlacedAt), Total: r.order.Total, To: commerce.Status(*r.to)}
	if r.from != nil {
		c.From = commerce.Status(*r.from)
	}
	if c.MovesItems() {
		if err := readOrderDetail(&r.order, r.detail); err != nil {
			return err
		}
	}
	noteChange(t, &c, &r.order)
	return nil
}

// salesMark is how far a writer's events are in the sums, and how far its batches go.
type salesMark struct {
	writer      int64
	batch, last uint64
	fenced      bool
}

// sqlTails reads the writers whose events are not all in the sums.
const sqlTails = `
SELECT m.writer, m.batch, w.seq, w.fenced_by IS NOT NULL
  FROM sales_marks m JOIN writers w ON w.number = m.writer WHERE w.seq > m.batch ORDER BY m.writer`

func readMark(row pgx.CollectableRow) (m salesMark, err error) {
	return m, row.Scan(&m.writer, &m.batch, &m.last, &m.fenced)
}

// addTail adds what the sums of a transaction's snapshot lack of a writer: from memory what is there, the rest from
// events. The segments were taken before the snapshot. It returns up to which batch it came.
func addTail(
	ctx context.Context, db querier, t *salesbook.Tally, m salesMark, segments []*salesSegment,
) (to uint64, err error) {
	own := false
	to = m.batch
	for _, s := range segments {
		if s.writer != m.writer {
			continue
		}
		own = true
		if s.to <= to {
			continue
		}
		// What lies between was forgotten; or another process has added a part of the segment, once this one was fenced.
		upTo, whole := s.from, true
		if s.from < to {
			upTo, whole = s.to, false
		}
		if upTo > to {
			if err := readTailEvents(ctx, db, t, batchRange{m.writer, to, upTo}); err != nil {
				return 0, err
			}
		}
		if whole {
			t.Add(&s.tally)
		}
		to = s.to
	}
	// What this process has committed and not noted yet, it has not answered either.
	if to < m.last && (m.fenced || !own) {
		if err := readTailEvents(ctx, db, t, batchRange{m.writer, to, m.last}); err != nil {
			return 0, err
		}
		to = m.last
	}
	return to, nil
}

// sqlHistory reads the next orders of before the marks, in the state in which the marks' first writer found them.
const sqlHistory = `
SELECT o.id, NULL::smallint, e.type, o.placed_at, o.total, o.currency, o.detail
  FROM (SELECT id, placed_at, total, currency, detail FROM orders WHERE id > $1::uuid ORDER BY id LIMIT $2::bigint) o
  LEFT JOIN LATERAL (SELECT type FROM order_events WHERE entity = o.id AND writer < $3::bigint ORDER BY seq DESC LIMIT 1) e ON true`

// history is how far the orders of before the marks are added up.
type history struct {
	at  commerce.ID // the last one
	cut int64       // the marks' first writer
}

// readHistory adds the next orders, at most limit, and moves h on. It returns how many there were.
func readHistory(ctx context.Context, db querier, t *salesbook.Tally, h *history, limit int) (read int, err error) {
	rows, err := db.Query(ctx, sqlHistory, [16]byte(h.at), int64(limit), h.cut)
	if err != nil {
		return 0, err
	}
	var r changeRow
	_, err = pgx.ForEachRow(rows, append([]any{(*[16]byte)(&h.at)}, r.fields()...), func() error {
		read++
		return r.note(t)
	})
	return read, err
}
