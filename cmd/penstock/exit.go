package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/penstock-dev/penstock/internal/client"
	"github.com/penstock-dev/penstock/internal/csvfile"
)

// Exit codes. Those from 64 to 78 mean what they mean in sysexits.h.
const (
	exitOK          = 0   // done; a server that was asked to stop has drained
	exitFailed      = 1   // done, but not all is well: faults or problems found, rows or orders refused, answers differ
	exitUsage       = 2   // the command line is wrong
	exitData        = 65  // the input file is not what the command reads
	exitNoInput     = 66  // the input file cannot be opened, or there is no such store or database
	exitUnavailable = 69  // the server or the database gives no answer, or the address or the store is in use
	exitInternal    = 70  // a bug, or the engine had to stop to keep its promises
	exitIO          = 74  // a file or a store cannot be read or written
	exitNotAllowed  = 77  // the server refuses this key, the database refuses this role, or the store was taken over by a newer server or put back to an older state
	exitConfig      = 78  // a setting or a variable of the environment is wrong, or the database is not set up for it
	exitInterrupted = 130 // a signal came before the work was done
)

const exitCodes = `0 done; 1 done, but not all is well (faults or problems found, rows or orders refused, answers differ); 2 wrong usage; 65 wrong input file; 66 no input file, or no such store or database; 69 no answer from the server or the database, or address or store in use; 70 internal error; 74 input/output error; 77 refused by the server or the database, or the store was taken over by a newer server or put back to an older state; 78 wrong configuration, of Penstock or of the database; 130 interrupted.`

// exitError is an error that knows the exit code, and what to do about it.
type exitError struct {
	code int
	err  error
	hint string // full sentences, or empty
}

// Error implements error.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns what went wrong.
func (e *exitError) Unwrap() error { return e.err }

// errNotWell says that the command has done its work and already said what is not well.
var errNotWell = errors.New("not all is well")

// report says what went wrong and what to do about it, and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil || errors.Is(err, errHelp) {
		return exitOK
	}
	code, hint := judge(err)
	if !errors.Is(err, errNotWell) {
		fmt.Fprintf(stderr, "penstock: %s\n", withoutPasswords(err.Error()))
	}
	if hint != "" {
		fmt.Fprintln(stderr, withoutPasswords(hint))
	}
	return code
}

// judge finds the exit code of an error and what to do about it.
func judge(err error) (code int, hint string) {
	var (
		exit   *exitError
		parse  *kong.ParseError
		target *client.TargetError
		server *client.ProblemError
		fault  *csvfile.Error
		file   *fs.PathError
	)
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.hint
	case errors.Is(err, errNotWell):
		return exitFailed, ""
	case errors.As(err, &parse):
		return exitUsage, usageHint(parse)
	case errors.As(err, &target):
		return exitUsage, ""
	case errors.As(err, &fault), errors.Is(err, csvfile.ErrRowTooLong):
		return exitData, ""
	case errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case client.IsUnavailable(err):
		return exitUnavailable, `Is the server running, and is --target right? "penstock serve" starts one.`
	case errors.As(err, &server) && (server.Status == 401 || server.Status == 403):
		return exitNotAllowed, "The server wants a credential that may do this: put an API key or a token into PENSTOCK_KEY, or into a file for --key-file."
	case errors.As(err, &server):
		return exitUnavailable, "Is --target the base URL of a penstock?"
	case errors.As(err, &file):
		return exitIO, ""
	default:
		return exitInternal, ""
	}
}

func usageHint(err *kong.ParseError) string {
	command := "penstock"
	if err.Context != nil {
		command = strings.TrimSpace("penstock " + commandOf(err.Context))
	}
	return fmt.Sprintf("Run %q to see what there is.", command+" --help")
}

func commandOf(ctx *kong.Context) string {
	var names []string
	for _, path := range ctx.Path {
		if path.Command != nil {
			names = append(names, path.Command.Name)
		}
	}
	return strings.Join(names, " ")
}
