package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/persistence"
)

// EventsAfter implements persistence.Store. Writers follow each other, so that the stream is one
// writer's batches after another's.
func (s *Store) EventsAfter(
	ctx context.Context, after persistence.Position, limit int,
) (list []persistence.StreamEvent, err error) {
	err = s.read(ctx, "events", func(conn *pgx.Conn) error {
		r := streamReader{conn: conn, after: after, limit: int(page(limit))}
		err := r.run(ctx)
		list = r.events
		return err
	})
	return list, err
}

// streamReader reads one page of the stream.
type streamReader struct {
	conn   *pgx.Conn
	after  persistence.Position
	limit  int
	events []persistence.StreamEvent
}

// streamWriter is a writer whose batches are to be read: all up to seq.
type streamWriter struct {
	number, seq int64
	copied      bool // its rows came from another store, in batch 0
}

func (r *streamReader) run(ctx context.Context) error {
	// What these numbers say has been committed, so that whatever is read afterwards has all of it.
	writers, err := query(ctx, r.conn, func(row pgx.CollectableRow) (w streamWriter, err error) {
		err = row.Scan(&w.number, &w.seq, &w.copied)
		return w, err
	}, `SELECT w.number, w.seq, EXISTS (SELECT FROM copies c WHERE c.writer = w.number)
		FROM writers w WHERE w.number >= $1 ORDER BY w.number`, number(r.after.Writer))
	if err != nil {
		return err
	}
	for _, w := range writers {
		if uint64(w.number) > r.after.Writer {
			r.after = persistence.Position{Writer: uint64(w.number)}
		}
		if w.copied && r.after.Batch == 0 {
			if err := r.copied(ctx); err != nil {
				return err
			}
		}
		if err := r.batches(ctx, w.seq); err != nil {
			return err
		}
		if r.full() {
			return nil
		}
	}
	return nil
}

func (r *streamReader) full() bool { return len(r.events) >= r.limit }

// streamRows selects rows of events with whose order they are about. The customer is looked up once the
// page is made.
func streamRows(rows string) string {
	return `SELECT ` + eventColumns + `, e.writer, e.batch, coalesce((SELECT o.customer FROM orders o WHERE o.id = e.entity), '')
		FROM (SELECT * FROM order_events e ` + rows + `) e`
}

// copied reads the rows of a copy. There may be millions, all of one batch: they are walked by key.
func (r *streamReader) copied(ctx context.Context) error {
	return r.read(ctx, streamRows(`WHERE e.writer = $1 AND e.batch = 0 AND (e.entity, e.seq) > ($2, $3)
		ORDER BY e.entity, e.seq LIMIT $4`)+` ORDER BY e.entity, e.seq`,
		number(r.after.Writer), [16]byte(r.after.Entity), number(r.after.Seq), r.limit-len(r.events))
}

const (
	// streamBatchesMin is how many batches are looked into at first: fewer than hold a page, lest many more rows are
	// sorted than are wanted.
	streamBatchesMin = 16
	// streamBatchesMax bounds the later windows: batches of which nothing applied, or of stock changes, have no events.
	streamBatchesMax = 1 << 20
)

// batches reads the batches up to last of the writer that the position is at. One window of them after
// another is looked into, wider each time, because only the rows tell how many events there are.
func (r *streamReader) batches(ctx context.Context, last int64) error {
	from := number(r.after.Batch)
	for span := int64(streamBatchesMin); from <= last && !r.full(); span = min(4*span, streamBatchesMax) {
		to := min(last, from+span-1)
		err := r.read(ctx, streamRows(`WHERE e.writer = $1 AND e.batch BETWEEN $2 AND $3 AND (e.batch, e.entity, e.seq) > ($4, $5, $6)
			ORDER BY e.batch, e.entity, e.seq LIMIT $7`)+` ORDER BY e.batch, e.entity, e.seq`,
			number(r.after.Writer), max(from, 1), to,
			number(r.after.Batch), [16]byte(r.after.Entity), number(r.after.Seq), r.limit-len(r.events))
		if err != nil {
			return err
		}
		from = to + 1
	}
	return nil
}

// read adds the rows of a statement to the page.
func (r *streamReader) read(ctx context.Context, sql string, args ...any) error {
	if r.full() {
		return nil
	}
	rows, err := query(ctx, r.conn, readStreamRow, sql, args...)
	if err != nil || len(rows) == 0 {
		return err
	}
	r.events = append(r.events, rows...)
	r.after = rows[len(rows)-1].Position
	return nil
}

func readStreamRow(row pgx.CollectableRow) (e persistence.StreamEvent, err error) {
	var data []byte
	err = row.Scan((*[16]byte)(&e.Entity), &e.Seq, (*uint8)(&e.Type), &e.At, &e.Actor, &data,
		&e.Position.Writer, &e.Position.Batch, &e.Customer)
	if err != nil {
		return persistence.StreamEvent{}, err
	}
	e.At = e.At.UTC()
	e.Position.Entity, e.Position.Seq = e.Entity, e.Seq
	return e, readEvent(&e.Event, data)
}
