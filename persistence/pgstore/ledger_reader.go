package pgstore

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	// ledgerStepMin and ledgerStepMax bound the lines of one step.
	ledgerStepMin = 512
	ledgerStepMax = 4096
	// ledgerAhead is how many lines behind the page's beginning are read too when a state is asked for: by then most
	// orders have been shipped or cancelled, and their lines tell.
	ledgerAhead = 512
	// ledgerFetchMax is how many orders one statement looks at.
	ledgerFetchMax = 1024
	// ledgerPassingMax is how many lines are read for orders of a state that orders leave again. Nearly all of them are
	// new; the few that got stuck are found among all of their state.
	ledgerPassingMax = 4096
)

// ledgerReader reads a page of a product's orders from its ledger: from where the page begins, backwards, until it is full.
// The lines are nearly in the order of ids, to the lag (see lag), so that each tells how new the orders can be whose lines
// lie before it. Lines also tell of which orders the state can be the one asked for: only these are looked up.
type ledgerReader struct {
	conn     *pgx.Conn
	q        *persistence.OrderQuery
	read     pgx.RowToFunc[*commerce.Order]
	lag      int64
	from, to commerce.ID // the ids asked for, to excluded

	high   int64       // the lines up to here have not been read
	lines  int64       // how many have been
	whole  bool        // the first of them was the ledger's last
	unseen commerce.ID // greater than any id of which no line has been read
	told   map[commerce.ID]struct{}
	found  []commerce.ID // may be asked for, and have not been looked up
	seen   int           // how many have been found so far
	list   []*commerce.Order
}

// readLedger reads a page from a product's ledger.
func readLedger(
	ctx context.Context, conn *pgx.Conn, q *persistence.OrderQuery, l *ledger, read pgx.RowToFunc[*commerce.Order],
) ([]*commerce.Order, error) {
	r := &ledgerReader{
		conn: conn, q: q, read: read, lag: min(l.lag, idTimeMax), high: l.lines, whole: true, told: make(map[commerce.ID]struct{}),
	}
	r.from, r.to = orderBounds(q)
	if l.oldest.Compare(r.from) > 0 {
		r.from = l.oldest
	}
	end := r.to
	if !l.newest.IsZero() {
		end = l.newest
	}
	r.unseen = r.to
	if end.Time().UnixMilli() < idTimeMax {
		if err := r.begin(ctx, end); err != nil {
			return nil, err
		}
	}
	for r.missing() > 0 && r.unseen.Compare(r.from) > 0 {
		if isPassing(q.Status) && r.lines >= ledgerPassingMax {
			return r.walkRest(ctx)
		}
		if err := r.step(ctx); err != nil {
			return nil, err
		}
		if err := r.fetch(ctx, false); err != nil {
			return nil, err
		}
	}
	return r.list, nil
}

// missing is how many orders the page has room for.
func (r *ledgerReader) missing() int { return int(page(r.q.Limit)) - len(r.list) }

// sqlBegin halves the ledger as if it were in the order of ids, and returns a line behind which there is none of an id
// less than $3 made later than the lag allows. What it goes by is the first order placed behind a middle; nothing is
// said by a middle behind which there is none for long.
const sqlBegin = `
WITH RECURSIVE search (low, high) AS (
	SELECT 0::bigint, $2::bigint
	UNION ALL
	SELECT CASE WHEN newer THEN low ELSE middle END, CASE WHEN newer THEN middle ELSE high END
	  FROM (SELECT low, high, (low + high) / 2 AS middle FROM search WHERE high - low > 64) half
	 CROSS JOIN LATERAL (SELECT coalesce((
			SELECT m.order_id >= $3 FROM stock_movements m
			 WHERE m.product = $1 AND m.version > middle AND m.version <= least(high, middle + 1024)
			   AND m.allocated_delta > 0 AND m.order_id IS NOT NULL
			 ORDER BY m.version LIMIT 1), middle + 1024 >= high) AS newer) looked)
SELECT min(high) FROM search`

// begin finds where the page begins: all orders placed behind that line are newer than end.
func (r *ledgerReader) begin(ctx context.Context, end commerce.ID) error {
	last := r.high
	err := r.conn.QueryRow(ctx, sqlBegin, [16]byte(r.q.Product), last, [16]byte(laterThan(end, r.lag))).Scan(&r.high)
	if err != nil {
		return err
	}
	if r.q.Status != 0 {
		r.high = min(last, r.high+ledgerAhead)
	}
	r.whole = r.high == last
	return nil
}

// idTimeMax is the last millisecond of which there are ids.
const idTimeMax = 1<<48 - 1

// laterThan returns the smallest id that is made more than so many milliseconds after another.
func laterThan(id commerce.ID, milliseconds int64) commerce.ID {
	made := min(id.Time().UnixMilli(), idTimeMax-1-milliseconds)
	return commerce.IDFloor(time.UnixMilli(made + milliseconds + 1))
}

// step reads the next lines, from the newest on.
func (r *ledgerReader) step(ctx context.Context) error {
	low := max(0, r.high-r.size())
	var placed, told []byte
	err := r.conn.QueryRow(ctx, stepSQL(r.q.Status, r.whole), [16]byte(r.q.Product), low, r.high).Scan(&placed, &told)
	if err != nil {
		return err
	}
	for id := range slices.Chunk(told, len(commerce.ID{})) {
		r.told[commerce.ID(id)] = struct{}{}
	}
	oldest := r.unseen
	for chunk := range slices.Chunk(placed, len(commerce.ID{})) {
		id := commerce.ID(chunk)
		if oldest.Compare(id) > 0 {
			oldest = id
		}
		if r.mayBe(id) {
			r.found = append(r.found, id)
			r.seen++
		}
	}
	r.lines += r.high - low
	r.high = low
	switch unseen := laterThan(oldest, r.lag); {
	case low == 0:
		r.unseen = commerce.ID{}
	case unseen.Compare(r.unseen) < 0:
		r.unseen = unseen
	}
	return nil
}

// size is how many lines to read: as many as fill the page if they are like those so far.
func (r *ledgerReader) size() int64 {
	missing, size := int64(r.missing()-len(r.found)), r.lines/2
	switch {
	case r.lines == 0:
		size = 3 * missing
	case r.seen > 0:
		size = max(size, missing*r.lines/int64(r.seen)*9/8)
	default:
		size = r.lines
	}
	return min(max(size, ledgerStepMin), ledgerStepMax)
}

// stepSQL returns the statement that reads lines: which orders were placed there, and of which a line tells that they are
// in a state, or may be, if no line behind was left out; else, of which a line tells that they are not. Placing takes units,
// shipping takes them out of the building, cancelling gives them back. The ids come one behind the other, as bytes: an
// array of them would take as long to pack and unpack as the lines to read.
func stepSQL(status commerce.Status, whole bool) string {
	const cancelled, shipped = "allocated_delta < 0 AND on_hand_delta = 0", "allocated_delta < 0 AND on_hand_delta < 0"
	told := shipped
	switch {
	case status == 0:
		told = "false"
	case status.HoldsAllocation():
		told = "allocated_delta < 0"
	case (status == commerce.StatusCancelled) == whole:
		told = cancelled
	}
	return `SELECT string_agg(uuid_send(order_id), '') FILTER (WHERE allocated_delta > 0),
			string_agg(uuid_send(order_id), '') FILTER (WHERE ` + told + `)
		FROM stock_movements WHERE product = $1 AND version > $2 AND version <= $3 AND order_id IS NOT NULL`
}

// mayBe reports whether an order that was placed in a line may be asked for, by what its lines tell.
func (r *ledgerReader) mayBe(id commerce.ID) bool {
	if id.Compare(r.from) < 0 || id.Compare(r.to) >= 0 {
		return false
	}
	_, told := r.told[id]
	switch status := r.q.Status; {
	case status == 0:
		return true
	case status.HoldsAllocation() || !r.whole:
		return !told
	default:
		return told
	}
}

// fetch looks up the orders found that come before any not found yet, when they may fill the page or are the last; or
// at once.
func (r *ledgerReader) fetch(ctx context.Context, atOnce bool) error {
	slices.SortFunc(r.found, func(a, b commerce.ID) int { return b.Compare(a) })
	r.found = slices.Compact(r.found)
	for r.missing() > 0 {
		ready, _ := slices.BinarySearchFunc(r.found, r.unseen, func(id, unseen commerce.ID) int {
			if id.Compare(unseen) >= 0 {
				return -1
			}
			return 1
		})
		last := r.unseen.Compare(r.from) <= 0
		if ready == 0 || ready < r.missing() && !last && !atOnce {
			return nil
		}
		ready = min(ready, ledgerFetchMax)
		sql, args := orderFetch(r.q, r.found[:ready], r.missing())
		list, err := query(ctx, r.conn, r.read, sql, args...)
		if err != nil {
			return err
		}
		r.list, r.found = append(r.list, list...), r.found[ready:]
	}
	return nil
}

// orderFetch returns the statement that looks up orders by their ids, which are in the page's order. The bounds leave only
// the months of these ids to look into, once for the statement. OFFSET 0 keeps the planner from looking for the state first.
func orderFetch(q *persistence.OrderQuery, ids []commerce.ID, limit int) (sql string, args []any) {
	array := make(pgtype.FlatArray[[16]byte], len(ids))
	for i, id := range ids {
		array[i] = id
	}
	var w where
	list, newest, oldest := w.arg(array), w.arg([16]byte(ids[0])), w.arg([16]byte(ids[len(ids)-1]))
	w.status(q)
	w.placed(q)
	sql = "SELECT " + orderColumns + " FROM (SELECT * FROM orders WHERE id = ANY(" + list + ") AND id <= " + newest + " AND id >= " + oldest +
		" ORDER BY id DESC OFFSET 0) o" + w.sql.String() + " ORDER BY o.id DESC LIMIT " + w.arg(int64(limit))
	return sql, w.args
}

// walkRest reads what is older than the lines read by walking the orders of the state.
func (r *ledgerReader) walkRest(ctx context.Context) ([]*commerce.Order, error) {
	if err := r.fetch(ctx, true); err != nil || r.missing() == 0 {
		return r.list, err
	}
	q := *r.q
	q.Before, q.Limit = r.unseen, r.missing()
	sql, args := orderWalk(&q)
	list, err := query(ctx, r.conn, r.read, sql, args...)
	return append(r.list, list...), err
}
