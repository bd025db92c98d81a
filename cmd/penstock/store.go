package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// The kinds of stores, as --store names them.
const (
	storePebble   = "pebble"
	storePostgres = "postgres"
)

// storeFlags choose a store, and say how it is used.
type storeFlags struct {
	Store string `default:"pebble" placeholder:"KIND" help:"Kind of store: pebble (embedded) or postgres."`
	Data  string `default:"data" placeholder:"DIR" help:"Directory of the embedded store. It is made when it does not exist."`
	databaseFlags

	// Flags of the packages' own settings.
	Embedded any `embed:"" prefix:"store-"`
	Postgres any `embed:"" prefix:"postgres-"`
}

func newStoreFlags() storeFlags {
	return storeFlags{Embedded: flagsOf(pebblestore.Options{}), Postgres: flagsOf(pgstore.Options{})}
}

// check names the first flag that is wrong, or that another one makes useless.
func (f *storeFlags) check() error {
	if err := f.checkKind(); err != nil {
		return err
	}
	if err := f.checkNumbers(); err != nil {
		return &exitError{code: exitConfig, err: err}
	}
	if f.Store == storePostgres {
		_, err := f.place()
		return err
	}
	return nil
}

// checkKind refuses a kind that there is not, and one that does not go with what else is given.
func (f *storeFlags) checkKind() error {
	switch {
	case f.Store == storePostgres && f.DatabaseURL == "":
		return &exitError{
			code: exitConfig, err: errors.New("--store postgres needs a database"),
			hint: "Say which in PENSTOCK_DATABASE_URL or --database-url, like postgres://penstock@127.0.0.1:5432/shop.",
		}
	case f.Store == storePebble && f.DatabaseURL != "":
		return &exitError{
			code: exitConfig, err: errors.New("a database is given, but --store is pebble, which would not use it"),
			hint: "Give --store postgres; or unset PENSTOCK_DATABASE_URL and leave --database-url out.",
		}
	case f.Store != storePebble && f.Store != storePostgres:
		return &exitError{
			code: exitConfig, err: fmt.Errorf("there is no store %q", f.Store), hint: "The kinds of stores are pebble and postgres.",
		}
	}
	return nil
}

func (f *storeFlags) checkNumbers() error {
	embedded, postgres := f.embeddedOptions(slog.New(slog.DiscardHandler)), f.postgresOptions(slog.New(slog.DiscardHandler))
	switch {
	case embedded.CacheSize < 0:
		return fmt.Errorf("--store-cache-size must not be negative, but is %d", embedded.CacheSize)
	case embedded.MemTableSize != 0 && (embedded.MemTableSize < memTableMin || embedded.MemTableSize > memTableMax):
		return fmt.Errorf("--store-mem-table-size must be from %d to %d bytes, but is %d", memTableMin, memTableMax, embedded.MemTableSize)
	case postgres.ReadTimeout <= 0:
		return fmt.Errorf("--postgres-read-timeout must be more than nothing, but is %s", postgres.ReadTimeout)
	case postgres.AttemptTimeout <= 0:
		return fmt.Errorf("--postgres-attempt-timeout must be more than nothing, but is %s", postgres.AttemptTimeout)
	}
	return checkConnections(postgres.Connections)
}

func checkConnections(n int) error {
	if n < connectionsMin || n > pgstore.ConnectionsMax {
		return fmt.Errorf("--postgres-connections must be from %d to %d, but is %d", connectionsMin, pgstore.ConnectionsMax, n)
	}
	return nil
}

const (
	// The bounds of a memtable, in bytes. Pebble's own are 4 GiB and more than nothing.
	memTableMin = 64 << 10
	memTableMax = 1 << 30

	connectionsMin = 2 // one writes, one reads
)

func (f *storeFlags) embeddedOptions(log *slog.Logger) pebblestore.Options {
	options := pebblestore.Options{Dir: f.Data, Logger: log.With("logger", "store")}
	copyFlags(&options, f.Embedded)
	return options
}

func (f *storeFlags) postgresOptions(log *slog.Logger) pgstore.Options {
	options := pgstore.Options{URL: f.DatabaseURL, Logger: log.With("logger", "store")}
	copyFlags(&options, f.Postgres)
	return options
}

// open opens the store, or says what keeps it from being opened. REQUIRES: check has been called.
func (f *storeFlags) open(ctx context.Context, log *slog.Logger) (persistence.Store, error) {
	if f.Store == storePostgres {
		return openPostgres(ctx, f.postgresOptions(log))
	}
	return openPebble(ctx, f.embeddedOptions(log))
}

// where says where the store is: an absolute directory, or a database without its password.
func (f *storeFlags) where() string {
	if f.Store == storePostgres {
		place, err := f.place()
		if err != nil {
			return "an unknown database"
		}
		return place.String()
	}
	dir, err := filepath.Abs(f.Data)
	if err != nil {
		return f.Data
	}
	return dir
}

// openPebble opens the embedded store, or says what keeps it from being opened.
func openPebble(ctx context.Context, options pebblestore.Options) (persistence.Store, error) {
	store, err := pebblestore.Open(ctx, options)
	if err != nil {
		return nil, pebbleError(err, options.Dir)
	}
	return store, nil
}

// pebbleError says what kept the store in a directory from being opened, and what to do about it.
func pebbleError(err error, dir string) error {
	failure := &exitError{code: exitIO, err: fmt.Errorf("open the store in %s: %w", dir, err)}
	switch {
	case isLocked(err):
		failure.code = exitUnavailable
		failure.hint = "Another process uses this directory. Stop it, or give another directory; a running server is verified with --target."
	case errors.Is(err, pebblestore.ErrNoStore):
		failure.code = exitNoInput
		failure.hint = "There is no store in this directory, and none was made. Is it the right one?"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		failure.hint = "The directory must be writable for the user that runs penstock. Give another directory, or change its owner."
	case errors.Is(err, syscall.ENOSPC):
		failure.hint = "The disk is full. Free some space, or give another directory."
	case errors.Is(err, fs.ErrNotExist):
		failure.hint = "A file of the store is missing. Restore the directory from a backup."
	case pebblestore.IsDamaged(err):
		failure.hint = "A file of the store is damaged. Restore the directory from a backup."
	}
	return failure
}

// isLocked reports whether a directory is another process's, or another store's of this one. The
// lock is fcntl's, whose two answers for that are EAGAIN and EACCES; within one process Pebble keeps
// a list, and has only words.
func isLocked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process")
}

// listen takes an address, or says what keeps it from being taken.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	failure := &exitError{code: exitConfig, err: err, hint: "Give --listen another HOST:PORT, like 127.0.0.1:8001."}
	if errors.Is(err, syscall.EADDRINUSE) {
		failure.code = exitUnavailable
		failure.hint = "Another process serves on this address. Stop it, or give --listen another port, like 127.0.0.1:8001."
	}
	return nil, failure
}
