// Command penstock is the one binary of the ordering engine: it serves, brings data in and checks.
//
// This package wires the others together and owns what a process has: arguments, environment,
// signals, streams and exit codes. Rules, storage and protocols do not belong here.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first signal ends ctx, and with it the work, in good order. After that signals do what
	// they do to any process, so that a second one ends this one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
