// Command withpg runs another command with a new, empty PostgreSQL database, whose URL the command finds in
// PENSTOCK_DATABASE_URL. It is for scripts and for trying things out:
//
//	go run ./internal/withpg -- bash -c 'penstock migrate up && penstock serve --store postgres'
//
// Where the server comes from is package pgtest's business: it starts one, installs one if need be, or
// takes the one that PENSTOCK_TEST_DATABASE_URL names. The database is gone when the command ends.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

// databaseVariable is where penstock looks for its database.
const databaseVariable = "PENSTOCK_DATABASE_URL"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code of the command, or 1 when there is no database for it.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(stderr, "usage: withpg -- COMMAND [ARGUMENT]…")
		return 2
	}
	// An interrupt from the terminal reaches the command too, which ends; then the database is removed.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)

	s := &session{stderr: stderr}
	var shared pgtest.Shared
	code := 1
	if url := shared.Database(s); !s.failed {
		code = s.command(url, args, stdout, interrupts)
	}
	s.clean()
	if err := shared.Close(); err != nil {
		s.Errorf("%v", err)
	}
	if s.failed {
		return max(code, 1)
	}
	return code
}

// session is what pgtest.Shared needs of a test.
type session struct {
	stderr   io.Writer
	cleanups []func()
	failed   bool
}

var _ pgtest.T = (*session)(nil)

// Helper implements pgtest.T.
func (s *session) Helper() {}

// Cleanup implements pgtest.T.
func (s *session) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Errorf implements pgtest.T.
func (s *session) Errorf(format string, args ...any) {
	s.failed = true
	fmt.Fprintf(s.stderr, "withpg: "+format+"\n", args...)
}

// Fatalf implements pgtest.T. It returns: whoever calls it does too.
func (s *session) Fatalf(format string, args ...any) { s.Errorf(format, args...) }

func (s *session) clean() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}

// command runs the command and hands SIGTERM on to it.
func (s *session) command(url string, args []string, stdout io.Writer, interrupts <-chan os.Signal) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, s.stderr
	cmd.Env = append(os.Environ(), databaseVariable+"="+url)
	if err := cmd.Start(); err != nil {
		s.Errorf("%v", err)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case received := <-interrupts:
			if received == syscall.SIGTERM {
				_ = cmd.Process.Signal(received) // fails only when it has ended
			}
		case err := <-ended:
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				return max(exit.ExitCode(), 1)
			}
			if err != nil {
				s.Errorf("%v", err)
				return 1
			}
			return 0
		}
	}
}
