package pgstore

import (
	"context"
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

// A page of a product's orders is read from its ledger, which must be read whole, or by walking all orders, which soon
// meets enough of them when the product is in many. A ledger of n lines names about n/2 orders, so that a walk passes over
// limit × orders × 2/n others; a line and an order passed over cost about the same. Both are equal where n² = 2 × orders × limit.
// Orders of one state lie apart from each other: passing over one of them costs three times as much. Of the states that
// orders leave again there are few orders, all the same; and where there are very few, all of them are walked.
const (
	// ledgerLinesMin is up to how many lines a ledger is always read, and ledgerLinesMax from where on never.
	ledgerLinesMin = 1_000
	ledgerLinesMax = 50_000
	// fewOrders is how many orders of one state, in the time asked for, are walked rather than any longer ledger.
	fewOrders = 1_000
)

// ledger is what decides how a page of a product's orders is read.
type ledger struct {
	lines   int64
	orders  int64 // in the store, as of the last time the server counted them
	inState int64 // of the state and the time asked for, up to fewOrders + 1; counted only where it matters
}

// isLong reports whether a page is better read by walking all orders, or all of one state.
func (l *ledger) isLong(limit int64, status commerce.Status) bool {
	passing := int64(1)
	if status != 0 && len(status.Next()) == 0 {
		passing = 3
	}
	switch {
	case l.lines <= ledgerLinesMin:
		return false
	case l.lines > ledgerLinesMax, status != 0 && l.inState <= fewOrders:
		return true
	default:
		return l.lines*l.lines > 2*l.orders*limit*passing
	}
}

// measureLedger returns the statement that tells how long a product's ledger is, about how many orders there are and, when
// the ledger is neither short nor very long, whether few of them are in the query's state.
func measureLedger(q *persistence.OrderQuery) (sql string, args []any) {
	var w where
	product, inState := w.arg([16]byte(q.Product)), "0"
	if q.Status != 0 {
		order := w.along("o.status", int16(q.Status), q)
		inState = "CASE WHEN version > " + strconv.Itoa(ledgerLinesMin) + " AND version <= " + strconv.Itoa(ledgerLinesMax) +
			" THEN (SELECT count(*) FROM (SELECT FROM orders o" + w.sql.String() +
			" ORDER BY " + order + " LIMIT " + strconv.Itoa(fewOrders+1) + ") few) ELSE 0 END"
	}
	sql = `SELECT version, (SELECT coalesce(sum(reltuples) FILTER (WHERE reltuples > 0), 0)::bigint
	  FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'orders'::regclass), ` + inState + `
  FROM stock WHERE product = ` + product
	return sql, w.args
}

func readOrders(ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery) ([]*commerce.Order, error) {
	return readOrdersInto(ctx, conn, q, readOrderRow)
}

// readOrdersInto is readOrders by a function that may read the rows into memory of its own.
func readOrdersInto(
	ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery, read pgx.RowToFunc[*commerce.Order],
) ([]*commerce.Order, error) {
	walk := q.Product.IsZero() || q.Customer != ""
	if !walk {
		sql, args := measureLedger(q)
		rows, err := query(ctx, conn, func(row pgx.CollectableRow) (l ledger, err error) {
			return l, row.Scan(&l.lines, &l.orders, &l.inState)
		}, sql, args...)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		walk = rows[0].isLong(page(q.Limit), q.Status)
	}
	sql, args := orderLines(q)
	if walk {
		sql, args = orderWalk(q)
	}
	return query(ctx, conn, read, sql, args...)
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
