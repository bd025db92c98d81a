package main

import (
	"fmt"
	"log/slog"
	"math"
	"syscall"
)

// filesReserved is how many files a node may have open beside its connections: tables and journals
// of the store above all. A store that gets no more of them looks like a failed disk.
const filesReserved = 1024

// filesMax returns how many files the process may have open. The Go runtime has raised the soft
// limit to the hard one before main.
func filesMax() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	return limit.Cur, nil
}

// clampConnections returns how many connections leave the store its files: at most what was asked
// for. Where the limit is very low, a quarter of it is left to connections.
func clampConnections(asked int, files uint64) int {
	if asked <= 0 || files >= math.MaxInt {
		return asked
	}
	return min(asked, max(int(files)-filesReserved, int(files)/4, 1))
}

// fitConnections bounds the connections by the files that may be open, and says so when that is
// less than was asked for.
func fitConnections(asked int, log *slog.Logger) (int, error) {
	files, err := filesMax()
	if err != nil {
		return 0, err
	}
	fit := clampConnections(asked, files)
	if fit < asked {
		log.Warn("fewer connections than --http-connections-max are accepted, because too few files may be open; raise the limit (ulimit -n, LimitNOFILE)",
			"logger", "penstock", "asked", asked, "accepted", fit, "open_files_max", files, "reserved", filesReserved)
	}
	return fit, nil
}
