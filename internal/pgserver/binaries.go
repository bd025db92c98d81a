package pgserver

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Binaries is a folder that holds initdb and postgres.
type Binaries struct {
	Dir string
}

func (b Binaries) path(name string) string { return filepath.Join(b.Dir, name) }

// Look looks for PostgreSQL's binaries on this machine: where pg_config says, in PATH and in the usual places, the
// newest version first. ok is false when there are none.
func Look(ctx context.Context) (found Binaries, ok bool) {
	var dirs []string
	if said, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(said)))
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	for _, pattern := range usualPlaces() {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern
		}
		dirs = append(dirs, newestFirst(matches)...)
	}
	for _, dir := range dirs {
		if b := (Binaries{Dir: dir}); b.Complete() {
			return b, true
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

// Complete reports whether the folder has what a server needs. Clients' packages put pg_config and
// psql on machines that have no server.
func (b Binaries) Complete() bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(b.path(name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}
