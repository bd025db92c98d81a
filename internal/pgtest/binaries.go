package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// BinariesVariable names a folder of PostgreSQL's binaries, which is then the only one looked into.
const BinariesVariable = "PENSTOCK_TEST_POSTGRES_BIN"

// ErrNoPostgres says that this machine has no PostgreSQL server and that none could be installed.
var ErrNoPostgres = errors.New("no PostgreSQL server on this machine")

// Binaries is a folder that holds initdb and postgres.
type Binaries struct {
	Dir string
}

func (b Binaries) path(name string) string { return filepath.Join(b.Dir, name) }

// Find looks for PostgreSQL's binaries: in the folder that BinariesVariable names, else where
// pg_config says, in PATH and in the usual places, the newest version first. When there are none and
// this is root on a system with apt-get, it installs them and says so on standard error; that takes
// its time, whatever the context says.
func Find(ctx context.Context) (Binaries, error) {
	if dir := os.Getenv(BinariesVariable); dir != "" {
		if !holdsServer(dir) {
			return Binaries{}, fmt.Errorf("%w: %s=%s holds no initdb and postgres", ErrNoPostgres, BinariesVariable, dir)
		}
		return Binaries{Dir: dir}, nil
	}
	if err := waitForInstalls(ctx); err != nil {
		return Binaries{}, err
	}
	if found, ok := lookAround(ctx); ok {
		return found, nil
	}
	if err := installPostgres(ctx); err != nil {
		return Binaries{}, fmt.Errorf("%w (%w): install PostgreSQL 13 or newer (Debian: apt-get install postgresql; "+
			"macOS: brew install postgresql), or set %s to the folder of its binaries, or %s to the URL of a server "+
			"on which the tests may create databases", ErrNoPostgres, err, BinariesVariable, DatabaseVariable)
	}
	if found, ok := lookAround(ctx); ok {
		return found, nil
	}
	return Binaries{}, fmt.Errorf("%w: it was installed, but initdb and postgres are in no usual place; set %s",
		ErrNoPostgres, BinariesVariable)
}

func lookAround(ctx context.Context) (Binaries, bool) {
	var dirs []string
	if said, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(said)))
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	for _, pattern := range usualPlaces() {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern
		}
		dirs = append(dirs, newestFirst(found)...)
	}
	for _, dir := range dirs {
		if holdsServer(dir) {
			return Binaries{Dir: dir}, true
		}
	}
	return Binaries{}, false
}

func usualPlaces() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", // Debian
		"/usr/pgsql-*/bin",          // packages of postgresql.org for Red Hat
		"/usr/libexec/postgresql*",  // Alpine
		"/usr/local/pgsql/bin",      // built from source
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
}

// newestFirst sorts paths by the number in them, the highest first.
func newestFirst(paths []string) []string {
	digits := regexp.MustCompile(`[0-9]+`)
	version := func(path string) int {
		n, err := strconv.Atoi(digits.FindString(path))
		if err != nil {
			return 0
		}
		return n
	}
	slices.SortStableFunc(paths, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return paths
}

// holdsServer reports whether a folder has what a server needs. Clients' packages put pg_config and
// psql on machines that have no server.
func holdsServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}
