package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Verdict says how bad what a check found is.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictWarning Verdict = "warning" // it works, but could be slower, less safe or full one day
	VerdictProblem Verdict = "problem" // Penstock does not work with it, or breaks a promise
)

// Check is one thing that was looked at.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Advice  string  `json:"advice,omitempty"` // what to do about it
}

// Examination is what Examine found.
type Examination struct {
	Database string  `json:"database"` // without a password
	User     string  `json:"user"`
	Checks   []Check `json:"checks"`

	Unreached error `json:"-"` // why the server could not be reached, if it could not
}

// Count returns how many checks ended with a verdict.
func (e *Examination) Count(v Verdict) int {
	n := 0
	for i := range e.Checks {
		if e.Checks[i].Verdict == v {
			n++
		}
	}
	return n
}

// examineTimeout bounds each check.
const examineTimeout = 10 * time.Second

// Examine looks at a database and its server from the side of Penstock: whether they are there, keep what
// is promised, and are set up well. It changes nothing; to measure a commit it writes a message into the
// server's log of changes that nobody reads. When the server cannot be reached that is the examination's
// only check. The error is that of options that are wrong.
func Examine(ctx context.Context, opts Options) (*Examination, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("examine the database: %w", err)
	}
	place, err := PlaceOf(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("examine the database: %w", err)
	}
	config, err := connConfig(opts.URL, "penstock doctor")
	if err != nil {
		return nil, fmt.Errorf("examine the database: %w", err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // works through any pooler
	report := &Examination{Database: place.String(), User: place.User}
	err = withConfig(ctx, config, func(conn *pgx.Conn) error {
		x := &examiner{conn: conn, config: config, opts: opts}
		report.Checks = x.examine(ctx)
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("examine the database: %w", ctx.Err())
	case err != nil && len(report.Checks) == 0:
		report.Unreached = err
		report.Checks = []Check{{
			Name: "connection", Verdict: VerdictProblem, Found: Plain(err),
			Advice: "Is the server running, and are host, port, role, password and database of the URL right?",
		}}
	}
	return report, nil
}

// examiner goes through the checks on one connection.
type examiner struct {
	conn   *pgx.Conn
	config *pgx.ConnConfig
	opts   Options

	settings settings
	standby  bool
	schema   bool // it is the one that this program works with
}

// look is a check: its name, and what looks.
type look struct {
	name string
	do   func(context.Context) (Check, error)
}

func (x *examiner) examine(ctx context.Context) []Check {
	if err := x.readFacts(ctx); err != nil {
		return []Check{{Name: "connection", Verdict: VerdictProblem, Found: Plain(err)}}
	}
	looks := x.serverLooks()
	looks = append(looks, x.durabilityLooks()...)
	looks = append(looks, x.sessionLooks()...)
	looks = append(looks, x.schemaLooks()...)
	looks = append(looks, x.loadLooks()...)
	looks = append(looks, x.diskLooks()...)
	var checks []Check
	for _, l := range looks {
		if ctx.Err() != nil {
			break
		}
		checks = append(checks, x.try(ctx, l))
	}
	return checks
}

// try does a check. One that fails is told as a warning: what it would have found is not known.
func (x *examiner) try(ctx context.Context, l look) Check {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	check, err := l.do(ctx)
	if err != nil {
		check = warning("it could not be looked at: "+Plain(err), "")
		if ObstacleOf(err) == Locked {
			check.Advice = "Somebody holds a lock on a table: see the check of locks."
		}
	}
	check.Name = l.name
	return check
}

// patiently makes a check that reads tables give up when somebody has locked them; else it would wait until
// the connection is closed.
func (x *examiner) patiently(do func(context.Context) (Check, error)) func(context.Context) (Check, error) {
	return func(ctx context.Context) (check Check, err error) {
		tx, err := x.conn.Begin(ctx)
		if err != nil {
			return check, err
		}
		// It only reads; and what it was not allowed to read has ended the transaction already.
		defer func() { err = errors.Join(err, tx.Rollback(ctx)) }()
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '1s'`); err != nil {
			return check, err
		}
		return do(ctx)
	}
}

func ok(format string, args ...any) Check {
	return Check{Verdict: VerdictOK, Found: fmt.Sprintf(format, args...)}
}

func warning(found, advice string) Check {
	return Check{Verdict: VerdictWarning, Found: found, Advice: advice}
}

func problem(found, advice string) Check {
	return Check{Verdict: VerdictProblem, Found: found, Advice: advice}
}

// settings are those of the server, as a new session of this role in this database has them.
type settings map[string]setting

// setting is a setting's value in its base unit, which the server tells.
type setting struct {
	text string
	unit string // "8kB", "MB", "s", "ms", or empty
}

func (x *examiner) readFacts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	rows, err := x.conn.Query(ctx, `SELECT name, setting, coalesce(unit, '') FROM pg_settings`)
	if err != nil {
		return err
	}
	x.settings = make(settings)
	var name string
	var s setting
	if _, err := pgx.ForEachRow(rows, []any{&name, &s.text, &s.unit}, func() error {
		x.settings[name] = s
		return nil
	}); err != nil {
		return err
	}
	return x.conn.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&x.standby)
}
