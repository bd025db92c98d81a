package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/persistence"
)

// ErrHalfCopied says that the database holds a copy of another store that is not finished. Nobody may write
// to it before it is.
var ErrHalfCopied = errors.New("the database holds an unfinished copy of another store")

// Errors of OpenLoader.
var (
	// ErrNotEmpty: the database holds a shop, so that none can be copied into it.
	ErrNotEmpty = errors.New("the database is not empty")
	// ErrOtherCopy: the unfinished copy is of another source, or of the source in another state.
	ErrOtherCopy = errors.New("the unfinished copy in the database is of another source")
	// ErrCopyRunning: another process is copying into the database.
	ErrCopyRunning = errors.New("another process is copying into this database")
)

// loadLock is held for as long as a Loader is open: a number of our own.
const loadLock = 0x70656e73636f7079

// Loader fills an empty database with the rows of another store, in chunks, past the writer. A chunk and
// the mark how far it goes are one transaction, so that a load that was cut off goes on where it ended.
// From its beginning until Finish nobody can open a writer, and older ones are fenced.
//
// A Loader is one connection, for one goroutine.
type Loader struct {
	conn   *pgx.Conn
	writer int64 // the name of the copied rows' writer
	marks  map[string]Mark
}

// Mark says how far a section of a load has come. A section is a run of rows in an order that its reader
// knows: the mark is the place of the last one loaded.
type Mark struct {
	ID   [16]byte
	Seq  uint64
	Rows int64 // so far
	Done bool  // there are no more
}

// OpenLoader begins to load, or goes on with what an earlier Loader of the same source has begun. source
// names the store that is copied and the state it is in. With restart an unfinished load is thrown away
// first, whatever its source.
//
// It fails with a *SchemaError, ErrUnsuitable, ErrNotEmpty, ErrOtherCopy or ErrCopyRunning.
func OpenLoader(ctx context.Context, opts Options, source string, restart bool) (*Loader, error) {
	opts = opts.withDefaults()
	l, err := openLoader(ctx, opts, source, restart)
	if err != nil {
		return nil, fmt.Errorf("open the database for loading: %w", err)
	}
	return l, nil
}

func openLoader(ctx context.Context, opts Options, source string, restart bool) (*Loader, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	config, err := primaryConfig(opts.URL, "penstock copy")
	if err != nil {
		return nil, err
	}
	if err := checkPooler(ctx, config); err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	l := &Loader{conn: conn}
	if err := l.prepare(ctx, source, restart); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Loader) prepare(ctx context.Context, source string, restart bool) error {
	if err := checkServer(ctx, l.conn); err != nil {
		return err
	}
	if err := checkSchema(ctx, l.conn); err != nil {
		return err
	}
	if _, err := l.conn.Exec(ctx, sessionSettings(0)); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	// The server may need a moment to notice that the process before has gone: lockTimeout.
	_, err := l.conn.Exec(ctx, `SELECT pg_advisory_lock($1::bigint)`, int64(loadLock))
	if failure := refusal(err); failure != nil && failure.Code == codeLockTimeout {
		return ErrCopyRunning
	}
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		found, writer, err := unfinishedCopy(ctx, tx)
		switch {
		case err != nil:
			return err
		case found != "" && restart:
			if err := discardCopy(ctx, tx); err != nil {
				return err
			}
		case found != "" && found != source:
			return fmt.Errorf("%w: it is of %s; this is %s", ErrOtherCopy, found, source)
		case found != "":
			l.writer = writer
			l.marks, err = readMarks(ctx, tx)
			return err
		}
		l.marks = make(map[string]Mark)
		l.writer, err = beginCopy(ctx, tx, source)
		return err
	})
}

// unfinishedCopy returns the source of the unfinished copy that the database holds; empty when it holds
// none.
func unfinishedCopy(ctx context.Context, tx pgx.Tx) (source string, writer int64, err error) {
	err = tx.QueryRow(ctx, `SELECT source, writer FROM copies WHERE finished_at IS NULL`).Scan(&source, &writer)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, nil
	}
	return source, writer, err
}

// refuseHalfCopied returns ErrHalfCopied when the database holds an unfinished copy. A writer calls it
// after it has locked the row of engine, as beginCopy does, so that one of the two sees the other.
func refuseHalfCopied(ctx context.Context, tx pgx.Tx) error {
	source, _, err := unfinishedCopy(ctx, tx)
	if err == nil && source != "" {
		return fmt.Errorf("%w: of %s", ErrHalfCopied, source)
	}
	return err
}

// loadedTables are those that a copy fills.
func loadedTables() []Table {
	return []Table{TableProducts, TableStock, TableMovements, TableOrders, TableEvents, TableKeys, TableAccess, TableAudit}
}

// discardCopy empties what an unfinished copy has filled.
func discardCopy(ctx context.Context, tx pgx.Tx) error {
	for _, table := range append(loadedTables(), "copies", "copy_sections") {
		if _, err := tx.Exec(ctx, "TRUNCATE "+string(table)); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	_, err := tx.Exec(ctx, sqlMoveAudit, int64(0), make([]byte, 32))
	return err
}

// beginCopy takes the store over as a writer would, and notes that a copy has begun.
func beginCopy(ctx context.Context, tx pgx.Tx, source string) (writer int64, err error) {
	if writer, err = raiseEpoch(ctx, tx); err != nil {
		return 0, err
	}
	if err := fenceOlder(ctx, tx, writer); err != nil {
		return 0, err
	}
	if _, err := lockAudit(ctx, tx); err != nil { // against those who append without a writer
		return 0, err
	}
	for _, table := range loadedTables() {
		var filled bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+string(table)+")").Scan(&filled); err != nil {
			return 0, err
		}
		if filled {
			return 0, notEmpty(ctx, tx, table, source)
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO writers (number, id, epoch, opened_by, fenced_by, fenced_at)
		VALUES ($1::bigint, $2::uuid, $1::bigint, $3::text, $1::bigint, clock_timestamp())`,
		writer, [16]byte(uuid.New()), "penstock copy on "+thisProcess())
	if err != nil {
		return 0, err
	}
	for _, table := range []string{"copies", "copy_sections"} { // of an earlier one, of an empty store
		if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
			return 0, err
		}
	}
	if err := resetSales(ctx, tx); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO copies (source, writer) VALUES ($1::text, $2::bigint)`, source, writer)
	return writer, err
}

// ErrCopied says, beside ErrNotEmpty, that this very copy was made and finished before.
var ErrCopied = errors.New("this copy is already finished")

// notEmpty says what fills a database: a finished copy, perhaps the one that was asked for again, or a shop.
func notEmpty(ctx context.Context, tx pgx.Tx, table Table, asked string) error {
	var source string
	err := tx.QueryRow(ctx, `SELECT source FROM copies`).Scan(&source)
	switch {
	case err == nil && source == asked:
		return fmt.Errorf("%w: it holds a finished copy of %s: %w", ErrNotEmpty, source, ErrCopied)
	case err == nil:
		return fmt.Errorf("%w: it holds a finished copy of %s", ErrNotEmpty, source)
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%w: its table %s has rows", ErrNotEmpty, table)
	default:
		return err
	}
}

func readMarks(ctx context.Context, tx pgx.Tx) (map[string]Mark, error) {
	rows, err := tx.Query(ctx, `SELECT name, at_id, at_seq, rows, done FROM copy_sections`)
	if err != nil {
		return nil, err
	}
	marks := make(map[string]Mark)
	var name string
	var m Mark
	_, err = pgx.ForEachRow(rows, []any{&name, &m.ID, &m.Seq, &m.Rows, &m.Done}, func() error {
		marks[name] = m
		return nil
	})
	return marks, err
}

// Mark returns how far a section has come; the zero Mark when it has not begun.
func (l *Loader) Mark(section string) Mark { return l.marks[section] }

// PrepareMonths makes the partitions of the months in which ids were made. It is to be called before
// rows are loaded: what lies in the default partition stays there.
func (l *Loader) PrepareMonths(ctx context.Context, made []time.Time) error {
	return makePastMonths(ctx, l.conn, made)
}

// Load writes rows of one section and the mark they reach, as one transaction. The mark's Rows are
// counted here. When it fails nothing of the chunk was written, or all: a new Loader's Mark tells.
func (l *Loader) Load(ctx context.Context, section string, rows *Rows, to Mark) error {
	from := l.marks[section]
	to.Rows = from.Rows + int64(rows.Len())
	err := pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		if rows.Len() > 0 {
			if _, err := l.conn.PgConn().CopyFrom(ctx, rows.reader(), rows.table.copySQL()); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO copy_sections (name, at_id, at_seq, rows, done) VALUES ($1::text, $2::uuid, $3::bigint, $4::bigint, $5::boolean)
			ON CONFLICT (name) DO UPDATE SET at_id = excluded.at_id, at_seq = excluded.at_seq, rows = excluded.rows, done = excluded.done`,
			section, to.ID, int64(to.Seq), to.Rows, to.Done)
		return err
	})
	if err != nil {
		return fmt.Errorf("load %d rows of %s after %d: %w", rows.Len(), section, from.Rows, err)
	}
	l.marks[section] = to
	return nil
}

// sqlMoveAudit says where the audit log ends.
const sqlMoveAudit = `UPDATE audit_head SET seq = $1::bigint, hash = $2::bytea`

// EndAudit says where the audit log that was loaded ends. It is told what its source says, which is not what the
// rows say when somebody has tampered with the source: that must show in the copy too.
func (l *Loader) EndAudit(ctx context.Context, head persistence.AuditHead) error {
	if _, err := l.conn.Exec(ctx, sqlMoveAudit, number(head.Seq), head.Hash[:]); err != nil {
		return fmt.Errorf("end the audit log: %w", err)
	}
	return nil
}

// Finish ends the load: from now on writers may be opened. Their epoch is later than any that a copied
// line of the ledger names.
func (l *Loader) Finish(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`UPDATE engine SET epoch = greatest(epoch, (SELECT coalesce(max(epoch), 0) FROM stock_movements))`,
			`UPDATE access_state SET version = version + 1`,
			`UPDATE copies SET finished_at = clock_timestamp()`,
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sqlLagOfLedger, int64(lagMin))
		return err
	})
	if err != nil {
		return fmt.Errorf("finish the copy: %w", err)
	}
	return nil
}

// Abandon takes back the beginning of a load of which nothing has been loaded.
func (l *Loader) Abandon(ctx context.Context) error {
	_, err := l.conn.Exec(ctx, `DELETE FROM copies WHERE finished_at IS NULL AND NOT EXISTS (SELECT FROM copy_sections)`)
	if err != nil {
		return fmt.Errorf("abandon the copy: %w", err)
	}
	return nil
}

// Analyze lets the server learn what lies in the tables: plans of reads depend on it, and its own turn
// would come minutes later.
func (l *Loader) Analyze(ctx context.Context) error {
	for _, table := range loadedTables() {
		if _, err := l.conn.Exec(ctx, "ANALYZE "+string(table)); err != nil {
			return fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return nil
}

// Close releases the connection. What has been loaded stays.
func (l *Loader) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := l.conn.Close(ctx); err != nil {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}
