package pgstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// transactionOld is when a transaction holds back the removal of dead rows for too long. Stock rows are
// updated by every order: what cannot be removed is read over by every later one.
const transactionOld = 15 * time.Minute

// loadLooks are about what else goes on in the database.
func (x *examiner) loadLooks() []look {
	return []look{
		{"locks", x.lookLocks},
		{"old transactions", x.lookTransactions},
		{"replication slots", x.lookSlots},
		{"writers", x.patiently(x.lookWriters)},
	}
}

func (x *examiner) lookTransactions(ctx context.Context) (Check, error) {
	visible, err := x.seesOthers(ctx)
	if err != nil {
		return Check{}, err
	}
	var oldest, prepared float64
	var pid int
	var application string
	err = x.conn.QueryRow(ctx, `
		SELECT coalesce(extract(epoch FROM clock_timestamp() - o.xact_start), 0)::float8, coalesce(o.pid, 0), coalesce(o.application_name, ''),
		       coalesce((SELECT extract(epoch FROM clock_timestamp() - min(prepared)) FROM pg_prepared_xacts), 0)::float8
		  FROM (SELECT) one LEFT JOIN LATERAL (
			SELECT pid, application_name, xact_start FROM pg_stat_activity
			 WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
			 ORDER BY xact_start LIMIT 1) o ON true`).Scan(&oldest, &pid, &application, &prepared)
	if err != nil {
		return Check{}, err
	}
	return judgeTransactions(openTransactions{
		oldest: time.Duration(oldest * float64(time.Second)), pid: pid, application: application,
		prepared: time.Duration(prepared * float64(time.Second)), allSeen: visible,
	}), nil
}

// openTransactions are the transactions that are open now.
type openTransactions struct {
	oldest      time.Duration // its age; 0 when there is none
	pid         int           // of the oldest
	application string        // of the oldest
	prepared    time.Duration // age of the oldest prepared one; 0 when there is none
	allSeen     bool          // and not only those of this role
}

func judgeTransactions(t openTransactions) Check {
	switch {
	case t.prepared > transactionOld:
		return warning(fmt.Sprintf("a prepared transaction is %s old", t.prepared.Round(time.Second)),
			"Look at pg_prepared_xacts, and commit it or roll it back: it holds back the removal of dead rows for ever.")
	case t.oldest > transactionOld:
		return warning(fmt.Sprintf("process %d (%s) has had a transaction open for %s", t.pid, t.application, t.oldest.Round(time.Second)),
			"End it (SELECT pg_terminate_backend(…)) unless it is a backup: it holds back the removal of dead rows, and orders get slower meanwhile.")
	case !t.allSeen:
		return ok("none of this role's; those of other roles are shown to members of pg_read_all_stats only")
	default:
		return ok("none")
	}
}

func (x *examiner) lookSlots(ctx context.Context) (Check, error) {
	rows, err := x.conn.Query(ctx, `
		SELECT slot_name FROM pg_replication_slots WHERE NOT active AND NOT temporary ORDER BY slot_name`)
	if err != nil {
		return Check{}, err
	}
	idle, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Check{}, err
	}
	if len(idle) > 0 {
		return warning("nobody reads "+strings.Join(idle, ", "),
			"The write-ahead log is kept for a slot until the disk is full. Drop it (SELECT pg_drop_replication_slot(…)), or set max_slot_wal_keep_size."), nil
	}
	return ok("none that nobody reads"), nil
}

// lookWriters tells who serves on this database now.
func (x *examiner) lookWriters(ctx context.Context) (Check, error) {
	if !x.schema {
		return noSchema()
	}
	var number, seq int64
	var by string
	var opened time.Time
	var connected bool
	rows, err := x.conn.Query(ctx, `
		SELECT w.number, w.seq, w.opened_by, w.opened_at, EXISTS (
			SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.application_name = 'penstock writer ' || w.id)
		  FROM writers w WHERE w.fenced_by IS NULL ORDER BY w.number DESC`)
	if err != nil {
		return Check{}, err
	}
	var found []string
	_, err = pgx.ForEachRow(rows, []any{&number, &seq, &by, &opened, &connected}, func() error {
		state := "not connected now"
		if connected {
			state = "connected"
		}
		found = append(found, fmt.Sprintf("%s, since %s, %d batches, %s (writer %d)",
			by, opened.UTC().Format(time.RFC3339), seq, state, number))
		return nil
	})
	if err != nil {
		return Check{}, err
	}
	if len(found) == 0 {
		return ok("nobody has served on this database yet"), nil
	}
	return ok("%s", strings.Join(found, "; ")), nil
}
