package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// databaseFlags say where a database is.
type databaseFlags struct {
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"The PostgreSQL database, like postgres://penstock@db.example:5432/shop?sslmode=verify-full. Whoever lists this machine's processes sees flags: keep a password in PENSTOCK_DATABASE_URL, PGPASSWORD or a passfile."`
}

// required says that a command needs a database.
func (f *databaseFlags) required() error {
	if f.DatabaseURL != "" {
		return nil
	}
	return &exitError{
		code: exitUsage, err: errors.New("missing flags: --database-url=URL"),
		hint: "Say which database in PENSTOCK_DATABASE_URL or --database-url, like postgres://penstock@127.0.0.1:5432/shop.",
	}
}

// place returns where the database is, without a password, or says what is wrong with the URL.
func (f *databaseFlags) place() (pgstore.Place, error) {
	place, err := pgstore.PlaceOf(f.DatabaseURL)
	if err != nil {
		return pgstore.Place{}, databaseError(err, pgstore.Place{})
	}
	return place, nil
}

// openPostgres opens the store in a database, or says what keeps it from being opened.
func openPostgres(ctx context.Context, options pgstore.Options) (persistence.Store, error) {
	place, err := pgstore.PlaceOf(options.URL)
	if err != nil {
		return nil, databaseError(err, pgstore.Place{})
	}
	store, err := pgstore.Open(ctx, options)
	if err != nil {
		return nil, databaseError(err, place)
	}
	return store, nil
}

// openError says what kept the engine from opening the store for writing.
func (f *storeFlags) openError(err error) error {
	if f.Store == storePostgres {
		if place, bad := pgstore.PlaceOf(f.DatabaseURL); bad == nil {
			return databaseError(err, place)
		}
	}
	return &exitError{code: exitIO, err: err}
}

// databaseError says what kept a database from being used, and what to do about it. The place is zero
// when the URL is what is wrong.
func databaseError(err error, place pgstore.Place) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	failure := &exitError{code: exitIO, err: plain{err}}
	if place.URL != "" {
		failure.err = fmt.Errorf("%s: %w", place, failure.err)
	}
	switch pgstore.ObstacleOf(err) {
	case pgstore.BadURL:
		failure.code = exitConfig
		failure.hint = "A database's URL looks like postgres://user@host:5432/database?sslmode=verify-full, or host=… port=… user=… dbname=…. A parameter that is not of the connection is one of the server's settings, and must exist there."
	case pgstore.NoServer:
		failure.code = exitUnavailable
		failure.hint = "Is the database's server running, and are host and port right? Does anything between here and there let the connection through?"
	case pgstore.NotReady:
		failure.code = exitUnavailable
		failure.hint = "The database's server is starting or stopping. Try again in a moment."
	case pgstore.Busy:
		failure.code = exitUnavailable
		failure.hint = "The database's server has no connection left. Raise max_connections, lower --postgres-connections, or let others hold fewer."
	case pgstore.NotLetIn:
		failure.code = exitNotAllowed
		failure.hint = "Look at the role and its password (in PENSTOCK_DATABASE_URL, PGPASSWORD or a passfile), and at the server's pg_hba.conf."
	case pgstore.NoDatabase:
		failure.code = exitNoInput
		failure.hint = fmt.Sprintf("Make it: %s\nThen: %s", createdb(place), migrateUp(place))
	case pgstore.NotAllowed:
		failure.code = exitNotAllowed
		failure.hint = `The role lacks a privilege. "penstock doctor" says which; migrations are for the tables' owner.`
	case pgstore.OtherSchema:
		failure.code = exitConfig
		failure.hint = schemaHint(err, place)
	case pgstore.Unsuitable:
		failure.code = exitConfig
		failure.hint = `"penstock doctor" looks at everything that matters and says what to do.`
	case pgstore.HalfCopied:
		failure.code = exitConfig
		failure.hint = "Run the same penstock copy again: it goes on where it ended. With --restart it throws away what was copied and begins again."
	case pgstore.NoTLS:
		failure.code = exitConfig
		failure.hint = "The server has no TLS, or its certificate is not believed. Look at sslmode and sslrootcert of the URL, and at ssl of the server. sslmode=disable is for a network that you trust."
	case pgstore.WrongServer:
		failure.code = exitConfig
		failure.hint = "The servers answer, and none is as target_session_attrs of the URL asks for. Penstock needs the primary: target_session_attrs=read-write."
	case pgstore.Locked:
		failure.code = exitUnavailable
		failure.hint = `Somebody holds a lock on a table or a row for long. "penstock doctor" names who. Try again when it has ended.`
	case pgstore.StrayRows:
		failure.code = exitConfig
		failure.hint = `The steps of the schema are taken, and a server works: such rows are read like all others. "Roles" in docs/postgres.md says how to move the rows into a partition of their own.`
	case pgstore.NoObstacle:
	}
	return failure
}

func schemaHint(err error, place pgstore.Place) string {
	var mismatch *pgstore.SchemaError
	if errors.As(err, &mismatch) && mismatch.Found > mismatch.Want {
		return "Run the newer penstock that made it, or one that is newer still. A schema is never taken back."
	}
	return "As the tables' owner run: " + migrateUp(place)
}

// migrateUp is the command that sets the database up.
func migrateUp(place pgstore.Place) string {
	return onDatabase("penstock migrate up", place)
}

// onDatabase is a command that works on a database. It can be pasted into a shell, and has no password.
func onDatabase(command string, place pgstore.Place) string {
	command += " --database-url " + quoted(place.URL)
	if place.Secret {
		command = "PGPASSWORD=… " + command
	}
	return command
}

func createdb(place pgstore.Place) string {
	return fmt.Sprintf("createdb -h %s -p %d -U %s -E UTF8 -T template0 %s",
		quoted(place.Host), place.Port, quoted(place.User), quoted(place.Database))
}

// quoted quotes a word for a shell, where it must be.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// plain is an error of a database as a person wants to read it, in one line.
type plain struct{ err error }

// Error implements error.
func (e plain) Error() string { return pgstore.Plain(e.err) }

// Unwrap returns what went wrong.
func (e plain) Unwrap() error { return e.err }
