package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
)

// openStore opens the embedded store, or says what keeps it from being opened.
func openStore(ctx context.Context, kind string, options pebblestore.Options) (persistence.Store, error) {
	if kind != "pebble" {
		return nil, &exitError{
			code: exitConfig, err: fmt.Errorf("there is no store %q", kind), hint: "The only kind of store is pebble.",
		}
	}
	store, err := pebblestore.Open(ctx, options)
	if err == nil {
		return store, nil
	}
	failure := &exitError{code: exitIO, err: fmt.Errorf("open the store in %s: %w", options.Dir, err)}
	switch {
	case isLocked(err):
		failure.code = exitUnavailable
		failure.hint = "Another process uses this directory. Stop it, or give another --data; a running server is verified with --target."
	case errors.Is(err, pebblestore.ErrNoStore):
		failure.code = exitNoInput
		failure.hint = "There is no store in this directory, and none was made; is --data right?"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		failure.hint = "The directory must be writable for the user that runs penstock. Give another --data, or change its owner."
	case errors.Is(err, syscall.ENOSPC):
		failure.hint = "The disk is full. Free some space, or give another --data."
	case errors.Is(err, fs.ErrNotExist):
		failure.hint = "A file of the store is missing. Restore the directory from a backup."
	case pebblestore.IsDamaged(err):
		failure.hint = "A file of the store is damaged. Restore the directory from a backup."
	}
	return nil, failure
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
