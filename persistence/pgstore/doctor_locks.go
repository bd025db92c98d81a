package pgstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// A writer gives a lock up, and asks for it again a moment later: between the two nobody waits.
	lockLooks = 3
	lockPause = 200 * time.Millisecond

	queryShownMax = 60 // characters
)

// blocker is a session that holds what others wait for.
type blocker struct {
	pid                      int // 0: a prepared transaction
	user, application, state string
	age                      float64 // of its transaction, in seconds
	query                    string
	waiting                  int
	writer                   bool // one of those that wait is a writer of Penstock
}

// lookLocks names those who hold locks that others wait for.
func (x *examiner) lookLocks(ctx context.Context) (Check, error) {
	for range lockLooks {
		found, err := x.readBlockers(ctx)
		if err != nil || len(found) > 0 {
			return judgeBlockers(found), err
		}
		select {
		case <-ctx.Done():
			return Check{}, ctx.Err()
		case <-time.After(lockPause):
		}
	}
	return ok("nobody waits for one"), nil
}

func (x *examiner) readBlockers(ctx context.Context) ([]blocker, error) {
	rows, err := x.conn.Query(ctx, `
		SELECT coalesce(b.pid, 0), coalesce(b.usename, ''), coalesce(b.application_name, ''), coalesce(b.state, ''),
		       coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::float8, coalesce(b.query, ''),
		       count(DISTINCT w.pid), bool_or(w.application_name LIKE 'penstock writer %')
		  FROM (SELECT a.pid, a.application_name, unnest(pg_blocking_pids(a.pid)) AS blocked_by
		          FROM pg_stat_activity a
		         WHERE a.datname = current_database() AND a.pid IN (SELECT pid FROM pg_locks WHERE NOT granted)) w
		  LEFT JOIN pg_stat_activity b ON b.pid = w.blocked_by
		 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 8 DESC, 5 DESC, 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b blocker, err error) {
		err = row.Scan(&b.pid, &b.user, &b.application, &b.state, &b.age, &b.query, &b.waiting, &b.writer)
		return b, err
	})
}

func judgeBlockers(found []blocker) Check {
	var told []string
	writer := false
	for i := range found {
		told = append(told, found[i].String())
		writer = writer || found[i].writer
	}
	const advice = "Let it end its transaction, or end it: SELECT pg_terminate_backend(…); for a prepared one see pg_prepared_xacts."
	if writer {
		return problem("Penstock's writer waits, and nothing is sold meanwhile: "+strings.Join(told, "; "), advice)
	}
	return warning(strings.Join(told, "; "), advice)
}

// String tells who blocks, and with what.
func (b *blocker) String() string {
	if b.pid == 0 {
		return fmt.Sprintf("a prepared transaction holds a lock that %d wait for", b.waiting)
	}
	age := time.Duration(b.age * float64(time.Second)).Round(time.Second)
	query := strings.Join(strings.Fields(b.query), " ")
	if runes := []rune(query); len(runes) > queryShownMax {
		query = string(runes[:queryShownMax]) + "…"
	}
	return fmt.Sprintf("process %d (%s, %q, %s, transaction open for %s) holds a lock that %d wait for; its last query: %s",
		b.pid, b.user, b.application, b.state, age, b.waiting, query)
}
