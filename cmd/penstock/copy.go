package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/internal/progress"
	"github.com/penstock-dev/penstock/internal/storecopy"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// copyCommand copies a shop from the embedded store into a database.
type copyCommand struct {
	From string `required:"" placeholder:"pebble:DIR" help:"The store to copy: pebble: and its directory, which no process may use."`
	To   string `required:"" placeholder:"postgres:URL" help:"The database to fill: postgres: and its URL, or postgres: alone for the one that --database-url or its variable names."`
	databaseFlags
	Restart bool `help:"Throw away what an unfinished copy has brought into the database, and begin again."`
	JSON    bool `name:"json" help:"Print the summary as JSON."`
}

// Help explains how a copy goes.
func (c *copyCommand) Help() string {
	return "The database needs the schema (penstock migrate up) and must hold no shop; the role must own the tables. The directory is only read. " +
		"A copy that was cut off, in whatever way, goes on when the same command is run again, unless a server has written to the directory in between. " +
		"At the end both sides are verified and compared, row by row; until then no server can serve on the database."
}

// copied is the result of a copy.
type copied struct {
	storecopy.Summary

	From    string  `json:"from"`
	To      string  `json:"to"`
	Seconds float64 `json:"seconds"`
}

// Run copies, compares and says what to do next.
func (c *copyCommand) Run(ctx context.Context, p *process) error {
	dir, err := c.source()
	if err != nil {
		return err
	}
	if err := c.target(); err != nil {
		return err
	}
	place, err := c.place()
	if err != nil {
		return err
	}
	begun := time.Now()
	result := copied{From: dir, To: place.String()}
	result.Summary, err = c.copy(ctx, p, dir, place)
	result.Seconds = time.Since(begun).Seconds()
	if err != nil {
		return c.judge(p, err, place)
	}
	if c.JSON {
		return p.printJSON(&result)
	}
	result.print(p, place)
	return nil
}

// source reads --from. It returns the absolute directory: by it a copy is known again.
func (c *copyCommand) source() (dir string, err error) {
	dir, isPebble := strings.CutPrefix(c.From, storePebble+":")
	if !isPebble || dir == "" {
		return "", &exitError{
			code: exitUsage, err: errors.New("--from must be pebble:DIR"),
			hint: "Only the embedded store can be copied from.",
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fmt.Errorf("find the directory %s: %w", dir, err)
	}
	return dir, nil
}

// target reads --to into the database's URL.
func (c *copyCommand) target() error {
	rest, isPostgres := strings.CutPrefix(c.To, storePostgres+":")
	switch {
	case !isPostgres:
		return &exitError{
			code: exitUsage, err: errors.New("--to must be postgres:URL"),
			hint: "Only a PostgreSQL database can be copied to, like postgres:postgres://penstock@127.0.0.1:5432/shop.",
		}
	case strings.HasPrefix(rest, "//"): // it is a URL already
		c.DatabaseURL = c.To
	case rest != "":
		c.DatabaseURL = rest
	}
	return c.required()
}

func (c *copyCommand) copy(ctx context.Context, p *process, dir string, place pgstore.Place) (s storecopy.Summary, err error) {
	log := p.log.With("logger", "store")
	source, err := pebblestore.Open(ctx, pebblestore.Options{Dir: dir, MustExist: true, Logger: log})
	if err != nil {
		return s, pebbleError(err, dir)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	options := pgstore.Options{URL: c.DatabaseURL, Logger: log}
	target, err := pgstore.Open(ctx, options)
	if err != nil {
		return s, databaseError(err, place)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	epoch, batch := source.State()
	audit, err := source.AuditHead(ctx) // keys are changed without a batch
	if err != nil {
		return s, pebbleError(err, dir)
	}
	loader, err := pgstore.OpenLoader(ctx, options, fmt.Sprintf("pebble:%s, batch %d, epoch %d, record %d", dir, batch, epoch, audit.Seq), c.Restart)
	if err != nil {
		return s, c.loaderError(err, place)
	}
	defer func() { err = errors.Join(err, loader.Close()) }()

	bars := phases{p: p}
	defer bars.done()
	return storecopy.Run(ctx, storecopy.Config{Source: source, Loader: loader, Target: target, Progress: bars.show})
}

// loaderError says what keeps a copy from beginning, or from going on.
func (c *copyCommand) loaderError(err error, place pgstore.Place) error {
	failure := &exitError{code: exitData, err: fmt.Errorf("%s: %w", place, plain{err})}
	switch {
	case errors.Is(err, pgstore.ErrCopied):
		failure.hint = "There is nothing left to do, and nothing was done: serve on it. To copy again, make a new database (createdb, penstock migrate up)."
	case errors.Is(err, pgstore.ErrNotEmpty):
		failure.hint = "A shop is copied into a database that holds none. Make a new one (createdb, penstock migrate up)."
	case errors.Is(err, pgstore.ErrOtherCopy):
		failure.hint = "If the directory is the same, a server has written to it since. With --restart what was copied is thrown away, and the copy begins again."
	case errors.Is(err, pgstore.ErrCopyRunning):
		failure.code = exitUnavailable
		failure.hint = "Let it finish, or stop it and run this command again."
	default:
		return databaseError(err, place)
	}
	return failure
}

// judge says what a copy that did not finish means.
func (c *copyCommand) judge(p *process, err error, place pgstore.Place) error {
	var exit *exitError
	var faults *storecopy.FaultsError
	const again = "What has been copied stays. Run the same command again to go on."
	switch {
	case errors.As(err, &exit):
		return err
	case errors.As(err, &faults):
		printReport(p, faults.Report)
		failure := &exitError{code: exitFailed, err: err, hint: "Nothing was copied. Restore the directory from a backup, or look for what broke it."}
		if faults.Side != storecopy.SideSource {
			failure.hint = "No server can serve on this copy. Throw it away and begin again with --restart; if the faults come back, please report them."
		}
		return failure
	case errors.Is(err, storecopy.ErrDifferent):
		return &exitError{code: exitFailed, err: plain{err}, hint: "No server can serve on this copy. Throw it away and begin again with --restart; if it differs again, please report it."}
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, err: err, hint: again}
	case pgstore.ObstacleOf(err) == pgstore.NoObstacle:
		return &exitError{code: exitIO, err: plain{err}, hint: again}
	default:
		failed := databaseError(err, place)
		if errors.As(failed, &exit) {
			exit.hint += "\n" + again
		}
		return failed
	}
}

func (r *copied) print(p *process, place pgstore.Place) {
	p.printf("copied %s products, %s orders, %s movements, %s events, %s keys, %s access keys, %s audit records from %s to %s in %.1f s",
		progress.Count(r.Products), progress.Count(r.Orders), progress.Count(r.Movements), progress.Count(r.Events),
		progress.Count(r.Keys), progress.Count(r.AccessKeys), progress.Count(r.AuditRecords), r.From, r.To, r.Seconds)
	if r.Resumed > 0 {
		p.printf(" (%s rows had been copied before)", progress.Count(r.Resumed))
	}
	p.printf("\nboth sides add up; all rows are the same, and %s read the same\n", progress.Count(r.Sampled))
	if r.AuditFault != "" {
		p.printf("the audit log of %s has been tampered with, and was copied as it is: %s\n", r.From, r.AuditFault)
	}
	p.printf("next:\n  %s\n  %s\n", onDatabase("penstock doctor", place), onDatabase("penstock serve --store postgres", place))
	p.printf("keep %s until you are satisfied, and do not serve it any more: two servers would sell the same units twice\n", r.From)
}

// phases shows a bar for each phase of a copy.
type phases struct {
	p     *process
	phase storecopy.Phase
	bar   *progress.Progress
}

func (b *phases) show(phase storecopy.Phase, rows, all int64) {
	if b.phase != phase {
		b.done()
		b.phase = phase
		b.bar = progress.Start(progress.Config{Out: b.p.stderr, Log: b.p.log, What: string(phase), Unit: "rows"})
	}
	b.bar.Set(rows, part(rows, all))
}

func (b *phases) done() {
	if b.bar != nil {
		b.bar.Done()
	}
}
