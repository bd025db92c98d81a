package pgstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where the schema's version stands.
const versionTable = "penstock_schema"

// SchemaError says that the database has another schema than this program works with.
type SchemaError struct {
	Found int64 // 0 when there is none
	Want  int64
}

func (e *SchemaError) Error() string {
	switch {
	case e.Found == 0:
		return fmt.Sprintf("the database has no schema yet, this program needs version %d", e.Want)
	case e.Found < e.Want:
		return fmt.Sprintf("the database's schema is at version %d, this program needs version %d", e.Found, e.Want)
	default:
		return fmt.Sprintf("the database's schema is at version %d, which is newer than this program, which knows version %d", e.Found, e.Want)
	}
}

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema of the database at url to the version that this program works with, one
// transaction a step, and makes the months' partitions. It returns the steps it took; none when there was
// nothing to do. Two processes that migrate at the same time wait for each other. It fails before it has
// changed anything with a *SchemaError when the schema is newer than this program, and with ErrUnsuitable
// when the database can hold no store; with ErrStrayRows when all steps were taken and a month's partition
// could not be made.
func Migrate(ctx context.Context, url string) (taken []Migration, err error) {
	if err := withConn(ctx, url, func(conn *pgx.Conn) error { return checkMigratable(ctx, conn) }); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	err = withProvider(url, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			if r.Error == nil {
				taken = append(taken, Migration{Version: r.Source.Version, Name: r.Source.Path, Applied: true})
			}
		}
		return err
	})
	if err == nil {
		err = prepareMonths(ctx, url)
		if failure, ok := errors.AsType[*pgconn.PgError](err); ok && failure.Code == codeCheck {
			err = fmt.Errorf("%w: %w", ErrStrayRows, err)
		}
	}
	if err != nil {
		return taken, fmt.Errorf("migrate: %w", err)
	}
	return taken, nil
}

// ErrStrayRows says that a month's partition cannot be made because the default partition holds rows of
// that month. They are read like all others.
var ErrStrayRows = errors.New("the default partition holds rows of a month that has no partition yet")

// codeCheck is a row that a constraint, or a partition's bounds, do not allow.
const codeCheck = "23514"

// checkMigratable refuses a database that the steps would fail in, or that could hold no store after them.
func checkMigratable(ctx context.Context, conn *pgx.Conn) error {
	var encoding, path string
	var schema *string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding'), current_setting('search_path'), current_schema()`).
		Scan(&encoding, &path, &schema)
	switch {
	case err != nil:
		return fmt.Errorf("look at the database: %w", err)
	case encoding != "UTF8":
		return errEncoding(encoding)
	case schema == nil:
		return fmt.Errorf("%w: no schema of the search_path (%s) exists, or the role may not use it; make it (CREATE SCHEMA), or name another", ErrUnsuitable, path)
	}
	applied, err := appliedVersions(ctx, conn)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	return refuseNewer(applied)
}

// refuseNewer returns a SchemaError when a step has been taken that this program does not know.
func refuseNewer(applied map[int64]bool) error {
	want, err := newestMigration()
	if found := newestOf(applied); err == nil && found > want {
		return &SchemaError{Found: found, Want: want}
	}
	return err
}

// newestOf returns the newest step that was taken; 0 when there is none.
func newestOf(applied map[int64]bool) (newest int64) {
	for version := range applied {
		newest = max(newest, version)
	}
	return newest
}

// MigrationStatus lists all steps that this program knows, applied or not. It changes nothing. It fails with
// a *SchemaError when the database has taken steps that this program does not know.
func MigrationStatus(ctx context.Context, url string) (all []Migration, err error) {
	err = withConn(ctx, url, func(conn *pgx.Conn) error {
		applied, err := appliedVersions(ctx, conn)
		if err != nil {
			return err
		}
		if err := refuseNewer(applied); err != nil {
			return err
		}
		all, err = knownMigrations()
		for i := range all {
			all[i].Applied = applied[all[i].Version]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	return all, nil
}

func withProvider(url string, use func(*goose.Provider) error) (err error) {
	config, err := parseURL(url)
	if err != nil {
		return err
	}
	config.RuntimeParams["application_name"] = "penstock migrate"
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := newProvider(db)
	if err != nil {
		return err
	}
	return use(p)
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
}

// withConn lends a connection for a while.
func withConn(ctx context.Context, url string, use func(*pgx.Conn) error) error {
	config, err := parseURL(url)
	if err != nil {
		return err
	}
	return withConfig(ctx, config, use)
}

// appliedVersions tells which steps the database has taken.
func appliedVersions(ctx context.Context, conn *pgx.Conn) (map[int64]bool, error) {
	rows, err := conn.Query(ctx, "SELECT version_id FROM "+versionTable+" WHERE is_applied")
	var versions []int64
	if err == nil {
		versions, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && failure.Code == codeUndefinedTable {
		err = nil
	}
	applied := make(map[int64]bool, len(versions))
	for _, v := range versions {
		applied[v] = true
	}
	return applied, err
}

// checkSchema returns a SchemaError unless the database has the schema that this program works with.
func checkSchema(ctx context.Context, conn *pgx.Conn) error {
	want, err := newestMigration()
	if err != nil {
		return err
	}
	applied, err := appliedVersions(ctx, conn)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if found := newestOf(applied); found != want {
		return &SchemaError{Found: found, Want: want}
	}
	return nil
}

// knownMigrations lists the steps that this program knows.
func knownMigrations() (all []Migration, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: name})
	}
	return all, err
}

func newestMigration() (newest int64, err error) {
	all, err := knownMigrations()
	for _, step := range all {
		newest = max(newest, step.Version)
	}
	return newest, err
}
