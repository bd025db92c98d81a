package pgtest

import (
	"context"
	_ "embed" // the library that makes system calls fail
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// Fault is what a server's disk does not do.
type Fault byte

// The faults. They concern only files of the cluster's directory, not the log or sockets.
const (
	FaultNone Fault = 0

	// FaultSync lets fsync and its kin fail with EIO: PostgreSQL panics, tries to recover, and cannot.
	// It may take a minute to give up, so that a test ends the fault and then restarts the server.
	FaultSync Fault = 's'

	// FaultFull lets no file grow, with ENOSPC: a statement that needs room is refused; when the log
	// needs a new file, PostgreSQL panics.
	FaultFull Fault = 'f'

	// FaultFullTables is FaultFull for all but pg_wal, as if that stood on a disk of its own.
	FaultFullTables Fault = 't'
)

// ErrNoCompiler says that the library that makes system calls fail cannot be built.
var ErrNoCompiler = errors.New("no C compiler")

// errNoFaults says that a server was started without Options.Faults.
var errNoFaults = errors.New("the server was not started with Options.Faults")

//go:embed shim/shim.c
var shimSource []byte

// prepareFaults builds the library in the server's directory, and makes the file that tells it which fault there is.
// It returns the environment that a server needs for it.
func (s *Server) prepareFaults(ctx context.Context, dir, data string) (env []string, err error) {
	if err := buildShim(ctx, dir); err != nil {
		return nil, err
	}
	s.faultFile = filepath.Join(dir, "fault")
	if err := os.WriteFile(s.faultFile, []byte{byte(FaultNone)}, 0o644); err != nil {
		return nil, fmt.Errorf("make fault file: %w", err)
	}
	return []string{"LD_PRELOAD=" + shimFile(dir), "PGTEST_FAULT=" + s.faultFile, "PGTEST_DATA=" + data}, nil
}

// SetFault lets a fault begin, or end with FaultNone, for all system calls from now on, those of
// servers that are started later too. It needs Options.Faults.
func (s *Server) SetFault(fault Fault) error {
	if s.faultFile == "" {
		return fmt.Errorf("set fault: %w", errNoFaults)
	}
	// In place: the server has the file mapped.
	file, err := os.OpenFile(s.faultFile, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set fault: %w", err)
	}
	_, err = file.WriteAt([]byte{byte(fault)}, 0)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("set fault: %w", err)
	}
	return nil
}

func shimFile(dir string) string { return filepath.Join(dir, "shim.so") }

// buildShim compiles the library, which takes about 0.1 s.
func buildShim(ctx context.Context, dir string) error {
	if runtime.GOOS != "linux" {
		return errors.New("faults of the disk need Linux")
	}
	if err := aptget.Wait(ctx); err != nil {
		return err
	}
	cc, ok := compiler()
	if !ok {
		if err := installCompiler(ctx); err != nil {
			return fmt.Errorf("%w (%w): install one (Debian: apt-get install gcc libc6-dev)", ErrNoCompiler, err)
		}
		if cc, ok = compiler(); !ok {
			return fmt.Errorf("%w, although one was installed", ErrNoCompiler)
		}
	}
	source := filepath.Join(dir, "shim.c")
	if err := os.WriteFile(source, shimSource, 0o644); err != nil {
		return fmt.Errorf("write shim: %w", err)
	}
	build := exec.CommandContext(ctx, cc, "-shared", "-fPIC", "-O2", "-o", shimFile(dir), source, "-ldl")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build shim: %w\n%s", err, output)
	}
	return os.Chmod(shimFile(dir), 0o755) // whatever the umask: the server's user loads it
}

func compiler() (path string, ok bool) {
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}
