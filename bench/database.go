package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/procfs"
)

// database is a PostgreSQL server on this machine: a postmaster and its children.
type database struct{ postmaster int }

// userHz is how many ticks of /proc/PID/stat make a second: 100 on Linux, whatever the kernel's own rate.
const userHz = 100

// findDatabase finds the processes of the server that a connection leads to, by way of the one that serves it.
func findDatabase(ctx context.Context, conn *pgx.Conn) (*database, error) {
	var pid int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return nil, fmt.Errorf("ask for the database's process: %w", err)
	}
	backend, err := statOf(pid)
	if err != nil {
		return nil, fmt.Errorf("the database's CPU cannot be told, is it on another machine? read process %d: %w", pid, err)
	}
	if backend.Comm != "postgres" {
		return nil, fmt.Errorf("the database's CPU cannot be told: process %d is %s here, the database is on another machine", pid, backend.Comm)
	}
	return &database{postmaster: backend.PPID}, nil
}

// CPU returns the time that all processes of the server have computed so far, those that have ended
// among them: the postmaster has waited for them.
func (d *database) CPU() (time.Duration, error) {
	postmaster, err := statOf(d.postmaster)
	if err != nil {
		return 0, fmt.Errorf("read CPU time of the database: %w", err)
	}
	ticks := int(postmaster.UTime+postmaster.STime) + postmaster.CUTime + postmaster.CSTime
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, fmt.Errorf("list processes: %w", err)
	}
	for _, p := range all {
		child, err := p.Stat()
		if err == nil && child.PPID == d.postmaster { // one that has ended since is counted next time
			ticks += int(child.UTime + child.STime)
		}
	}
	return time.Duration(ticks) * time.Second / userHz, nil
}

func statOf(pid int) (procfs.ProcStat, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return p.Stat()
}

// withDatabase lends a connection.
func withDatabase(ctx context.Context, url string, use func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return use(conn)
}
