package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/penstock-dev/penstock/internal/aptget"
	"github.com/penstock-dev/penstock/internal/pgserver"
)

// BinariesVariable names a folder of PostgreSQL's binaries, which is then the only one looked into.
const BinariesVariable = "PENSTOCK_TEST_POSTGRES_BIN"

// ErrNoPostgres says that this machine has no PostgreSQL server and that none could be installed.
var ErrNoPostgres = errors.New("no PostgreSQL server on this machine")

// Find looks for PostgreSQL's binaries: in the folder that BinariesVariable names, else where
// pg_config says, in PATH and in the usual places, the newest version first. When there are none and
// this is root on a system with apt-get, it installs them and says so on standard error; that takes
// its time, whatever the context says.
func Find(ctx context.Context) (pgserver.Binaries, error) {
	if dir := os.Getenv(BinariesVariable); dir != "" {
		given := pgserver.Binaries{Dir: dir}
		if !given.Complete() {
			return pgserver.Binaries{}, fmt.Errorf("%w: %s=%s holds no initdb and postgres", ErrNoPostgres, BinariesVariable, dir)
		}
		return given, nil
	}
	if err := aptget.Wait(ctx); err != nil {
		return pgserver.Binaries{}, err
	}
	if found, ok := pgserver.Look(ctx); ok {
		return found, nil
	}
	if err := installPostgres(ctx); err != nil {
		return pgserver.Binaries{}, fmt.Errorf("%w (%w): install PostgreSQL 13 or newer (Debian: apt-get install postgresql; "+
			"macOS: brew install postgresql), or set %s to the folder of its binaries, or %s to the URL of a server "+
			"on which the tests may create databases", ErrNoPostgres, err, BinariesVariable, DatabaseVariable)
	}
	if found, ok := pgserver.Look(ctx); ok {
		return found, nil
	}
	return pgserver.Binaries{}, fmt.Errorf("%w: it was installed, but initdb and postgres are in no usual place; set %s",
		ErrNoPostgres, BinariesVariable)
}
