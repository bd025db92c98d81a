package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	freeProblem = 512 << 20
	freeWarning = 4 << 30
)

// diskLooks are about space.
func (x *examiner) diskLooks() []look {
	return []look{
		{"database size", x.lookSize},
		{"write-ahead log", x.lookWAL},
		{"free space", x.lookFree},
	}
}

func (x *examiner) lookSize(ctx context.Context) (Check, error) {
	var bytes int64
	if err := x.conn.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes); err != nil {
		return Check{}, err
	}
	return ok("%s", size(bytes)), nil
}

func (x *examiner) lookWAL(ctx context.Context) (Check, error) {
	var bytes int64
	err := x.conn.QueryRow(ctx, `SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()`).Scan(&bytes)
	if failure, isServer := errors.AsType[*pgconn.PgError](err); isServer && obstacleOfCode(failure.Code) == NotAllowed {
		return ok("its size is shown to members of pg_monitor only"), nil
	}
	if err != nil {
		return Check{}, err
	}
	if most := x.settings.bytes("max_wal_size"); bytes > 2*most {
		return warning(fmt.Sprintf("%s, more than twice max_wal_size (%s)", size(bytes), size(most)),
			"Something keeps it: an archive_command that fails, a replication slot, a standby that is away. Look at pg_stat_archiver and pg_replication_slots."), nil
	}
	return ok("%s", size(bytes)), nil
}

// lookFree looks at the server's disk when the server is on this machine and its directory can be seen.
func (x *examiner) lookFree(ctx context.Context) (Check, error) {
	unseen := func(why string) (Check, error) {
		return ok("it cannot be seen from here: %s. Watch it on the server: when the disk is full nothing is sold", why), nil
	}
	if !x.isLocal() {
		return unseen("the server is on another machine")
	}
	var dir string // shown to members of pg_read_all_settings only
	if err := x.conn.QueryRow(ctx, `SELECT coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), '')`).Scan(&dir); err != nil {
		return Check{}, err
	}
	if dir == "" {
		return unseen("the role may not know where the server's directory is")
	}
	if _, err := os.Stat(dir); err != nil {
		return unseen("the server's directory is not visible to this user")
	}
	least, err := freeBytes(dir)
	if err != nil {
		return unseen(err.Error())
	}
	if wal, err := freeBytes(filepath.Join(dir, "pg_wal")); err == nil { // it may be on a disk of its own
		least = min(least, wal)
	}
	switch {
	case least < freeProblem:
		return problem(size(least)+" are left on the server's disk", "Free some space, or give it a bigger disk: when it is full nothing is sold."), nil
	case least < freeWarning:
		return warning(size(least)+" are left on the server's disk",
			"Give it more room: the write-ahead log alone may take more than max_wal_size for a while."), nil
	default:
		return ok("%s are left on the server's disk; tablespaces were not looked at", size(least)), nil
	}
}

// isLocal reports whether the server is reached by a socket or by this machine's own address.
func (x *examiner) isLocal() bool {
	address := x.conn.PgConn().Conn().RemoteAddr()
	if address.Network() == "unix" || strings.HasPrefix(x.config.Host, "/") {
		return true
	}
	remote, isTCP := address.(*net.TCPAddr)
	local, _ := x.conn.PgConn().Conn().LocalAddr().(*net.TCPAddr)
	return isTCP && (remote.IP.IsLoopback() || (local != nil && remote.IP.Equal(local.IP)))
}

// freeBytes returns how much an ordinary user may still write to the disk that holds a directory.
func freeBytes(dir string) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // not an int64 on every system
}
