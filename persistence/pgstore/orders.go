package pgstore

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Orders implements persistence.Store. It walks the index of the most selective field of the query,
// newest first, and looks at each order for the others.
func (s *Store) Orders(ctx context.Context, q persistence.OrderQuery) (list []*commerce.Order, err error) {
	err = s.read(ctx, "orders", func(conn *pgx.Conn) (err error) {
		list, err = readOrders(ctx, conn, &q)
		return err
	})
	return list, err
}

// Of a product's orders a short ledger tells in one statement. A longer one is read from where the page begins (see
// ledgerReader). One that is far from the order of ids would have to be read whole: when it is long, too, all orders are
// walked, which soon meets enough of a product that is in many.
const (
	// ledgerLinesMin is up to how many lines a ledger is short, and ledgerLinesMax from where on it is too long to be read whole.
	ledgerLinesMin = 500
	ledgerLinesMax = 10_000
	// lagMax is from which lag on a ledger is far from the order of ids, in milliseconds: 30 days.
	lagMax = 30 * 24 * 60 * 60 * 1000
)

// ledger is what decides how a page of a product's orders is read.
type ledger struct {
	lines int64
	lag   int64 // in milliseconds
	// oldest and newest are of the state and the time asked for, oldest only of a state that orders leave again.
	oldest, newest commerce.ID
}

// isPassing reports whether orders leave a state again, so that nearly all that are in it are new.
func isPassing(status commerce.Status) bool { return status != 0 && len(status.Next()) > 0 }

// measureLedger returns the statement that tells how long a product's ledger is, how far from the order of ids and, when
// it is not short, which orders of the state are the oldest and the newest.
func measureLedger(q *persistence.OrderQuery) (sql string, args []any) {
	var w where
	product, oldest, newest := w.arg([16]byte(q.Product)), "NULL::uuid", "NULL::uuid"
	if q.Status != 0 {
		order := w.along("o.status", int16(q.Status), q)
		end := func(order string) string {
			return "CASE WHEN version > " + strconv.Itoa(ledgerLinesMin) +
				" THEN (SELECT o.id FROM orders o" + w.sql.String() + " ORDER BY " + order + " LIMIT 1) END"
		}
		newest = end(order)
		if isPassing(q.Status) {
			oldest = end("o.status, o.id")
		}
	}
	sql = "SELECT version, coalesce((SELECT ms FROM ledger_lag), " + strconv.FormatInt(math.MaxInt64, 10) + "), " +
		oldest + ", " + newest + " FROM stock WHERE product = " + product
	return sql, w.args
}

func readOrders(ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery) ([]*commerce.Order, error) {
	return readOrdersInto(ctx, conn, q, readOrderRow)
}

// readOrdersInto is readOrders by a function that may read the rows into memory of its own.
func readOrdersInto(
	ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery, read pgx.RowToFunc[*commerce.Order],
) ([]*commerce.Order, error) {
	sql, args := orderWalk(q)
	if !q.Product.IsZero() && q.Customer == "" {
		l, some, err := lookAtLedger(ctx, conn, q)
		switch {
		case err != nil || !some:
			return nil, err
		case l.lines <= ledgerLinesMin:
			sql, args = orderLines(q)
		case l.lag <= lagMax || l.lines <= ledgerLinesMax:
			return readLedger(ctx, conn, q, &l, read)
		}
	}
	return query(ctx, conn, read, sql, args...)
}

// lookAtLedger returns what is to be known of a product's ledger; some is false when the page is empty.
func lookAtLedger(ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery) (l ledger, some bool, err error) {
	var oldest, newest *[16]byte
	sql, args := measureLedger(q)
	err = conn.QueryRow(ctx, sql, args...).Scan(&l.lines, &l.lag, &oldest, &newest)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return l, false, nil
	case err != nil:
		return l, false, err
	case q.Status != 0 && newest == nil && l.lines > ledgerLinesMin:
		return l, false, nil
	}
	if newest != nil {
		l.newest = *newest
	}
	if oldest != nil {
		l.oldest = *oldest
	}
	return l, true, nil
}

// orderWalk returns the statement that reads a page by walking an index of the orders.
//
// It is one of a few dozen texts, so that each is prepared once. Its plan is made once too, for
// any values, and must be right for the rarest customer and for the best, so it leaves the planner no
// choice but the index whose order is that of the page: readers' connections do not sort where there is
// another way (see prepareReader), and the field that is walked by is compared together with the id, as a
// row. With a plain equality the planner would see that the primary key has the page's order as well, and
// look for the few orders of a rare state among all.
func orderWalk(q *persistence.OrderQuery) (sql string, args []any) {
	var w where
	order := "o.id DESC"
	switch {
	case q.Customer != "":
		order = w.along("o.customer", q.Customer, q)
		w.status(q)
	case q.Status != 0:
		order = w.along("o.status", int16(q.Status), q)
	default:
		w.ids(q)
	}
	w.placed(q)
	if !q.Product.IsZero() {
		// As detailWriter writes it. A text of the customer's cannot look so: it has its quotes escaped.
		w.and("strpos(o.detail::text, ", w.arg(`"product":"`+q.Product.String()+`"`), ") > 0")
	}
	sql = "SELECT " + orderColumns + " FROM orders o" + w.sql.String() + " ORDER BY " + order + " LIMIT " + w.arg(page(q.Limit))
	return sql, w.args
}

// orderLines returns the statement that reads a page of a product's orders from its ledger. Its lines also say of which
// orders the state can be the one asked for, so that few others are looked up. OFFSET 0 keeps the planner from turning
// the join around.
func orderLines(q *persistence.OrderQuery) (sql string, args []any) {
	from, to := orderBounds(q)
	var w where
	lines := `(SELECT m.order_id FROM stock_movements m
		WHERE m.product = ` + w.arg([16]byte(q.Product)) + `
			AND m.order_id >= ` + w.arg([16]byte(from)) + ` AND m.order_id < ` + w.arg([16]byte(to)) + linesOf(q.Status) + `
		ORDER BY m.order_id DESC OFFSET 0) l`
	w.status(q)
	w.placed(q)
	sql = "SELECT " + orderColumns + " FROM " + lines + `
		CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = l.order_id OFFSET 0) o` + w.sql.String() +
		" ORDER BY l.order_id DESC LIMIT " + w.arg(page(q.Limit))
	return sql, w.args
}

// linesOf returns the condition of one line for each order of a product that may be in a state, and perhaps for others:
// placing takes units, shipping takes them out of the building, cancelling gives them back.
func linesOf(status commerce.Status) string {
	switch {
	case status == 0:
		return " AND m.allocated_delta > 0"
	case status.HoldsAllocation():
		return " GROUP BY m.order_id HAVING sum(m.allocated_delta) > 0"
	case status == commerce.StatusCancelled:
		return " AND m.allocated_delta < 0 AND m.on_hand_delta = 0"
	default:
		return " AND m.allocated_delta < 0 AND m.on_hand_delta < 0"
	}
}

// orderBounds returns the ids between which the query's orders lie, to excluded: an id starts with the
// time of placing, to the millisecond.
func orderBounds(q *persistence.OrderQuery) (from, to commerce.ID) {
	if !q.From.IsZero() {
		from = commerce.IDFloor(q.From)
	}
	for i := range to {
		to[i] = 0xff
	}
	if !q.Before.IsZero() {
		to = q.Before
	}
	if !q.To.IsZero() {
		// Up to the end of the millisecond in which To lies.
		if end := commerce.IDFloor(q.To.Add(time.Millisecond - 1)); end.Compare(to) < 0 {
			to = end
		}
	}
	return from, to
}

// nextMicrosecond rounds up to what the database keeps of a time: a row's time lies before the bound if
// and only if it lies before the rounded one.
func nextMicrosecond(t time.Time) time.Time {
	rounded := t.Truncate(time.Microsecond)
	if rounded.Before(t) {
		rounded = rounded.Add(time.Microsecond)
	}
	return rounded
}

// where gathers the conditions of a statement and its arguments.
type where struct {
	sql  strings.Builder
	args []any
}

// ids bounds the ids, so that months out of question are left out. It returns the placeholders of the bounds.
func (w *where) ids(q *persistence.OrderQuery) (lower, upper string) {
	from, to := orderBounds(q)
	lower, upper = w.arg([16]byte(from)), w.arg([16]byte(to))
	w.and("o.id >= ", lower)
	w.and("o.id < ", upper)
	return lower, upper
}

// along bounds the ids, and compares a column together with them, as a row. It returns the order of the column's index.
func (w *where) along(column string, value any, q *persistence.OrderQuery) (order string) {
	lower, upper := w.ids(q)
	v := w.arg(value)
	w.and("(", column, ", o.id) >= (", v, ", ", lower, ")")
	w.and("(", column, ", o.id) < (", v, ", ", upper, ")")
	return column + " DESC, o.id DESC"
}

func (w *where) status(q *persistence.OrderQuery) {
	if q.Status != 0 {
		w.and("o.status = ", w.arg(int16(q.Status)))
	}
}

// placed compares the times that the bounds of ids tell only to the millisecond.
func (w *where) placed(q *persistence.OrderQuery) {
	if !q.From.IsZero() {
		w.and("o.placed_at >= ", w.arg(nextMicrosecond(q.From)))
	}
	if !q.To.IsZero() {
		w.and("o.placed_at < ", w.arg(nextMicrosecond(q.To)))
	}
}

// arg adds an argument and returns its placeholder.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

// and adds a condition, given in pieces.
func (w *where) and(pieces ...string) {
	if w.sql.Len() == 0 {
		w.sql.WriteString(" WHERE ")
	} else {
		w.sql.WriteString(" AND ")
	}
	for _, p := range pieces {
		w.sql.WriteString(p)
	}
}
