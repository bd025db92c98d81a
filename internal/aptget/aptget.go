// Package aptget installs Debian packages that tests need and the machine lacks: as root, where
// apt-get is, one test process at a time, and never silently.
//
// What is needed, where its files are looked for and what a test says when they cannot be had belongs
// to the packages that use this one: internal/pgtest, internal/browser. Nothing that serves imports it.
package aptget

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// patience bounds an installation. The context of the test that is first does not: packages that
	// are left half installed are worse than a test that comes too late.
	patience = 10 * time.Minute
	// stopPatience is how long apt-get has to end by itself once it was asked to.
	stopPatience = time.Minute
	// lockInterval is how often a lock that others hold is tried.
	lockInterval = 100 * time.Millisecond
	// outputLinesMax bounds what an error holds of apt-get's output.
	outputLinesMax = 20
)

// Exclusively lets one test process at a time install packages, because go test runs those of several
// packages at once, and says on standard error that it does. what names what is missing, like "a C
// compiler". It refuses when this is not root or there is no apt-get. install should look once more
// first: another process may have been faster.
func Exclusively(ctx context.Context, what string, install func(context.Context) error) error {
	if os.Geteuid() != 0 {
		return errors.New("only root can install it")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("there is no apt-get to install it")
	}
	fmt.Fprintf(os.Stderr, "aptget: the tests need %s, which this machine lacks: installing it with apt-get\n", what)
	file, err := os.OpenFile(lockFile(), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lock installations: %w", err)
	}
	defer func() { _ = file.Close() }() // which ends the lock
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := lock(ctx, file, syscall.LOCK_EX); err != nil {
		return err
	}
	return install(ctx)
}

// Wait waits while another test process installs packages: their files are there before they can be
// used.
func Wait(ctx context.Context) error {
	file, err := os.Open(lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nobody ever did
	}
	if err != nil {
		return fmt.Errorf("lock installations: %w", err)
	}
	defer func() { _ = file.Close() }()
	return lock(ctx, file, syscall.LOCK_SH)
}

func lockFile() string { return filepath.Join(os.TempDir(), "penstock-test-install.lock") }

// lock locks a file until it is closed.
func lock(ctx context.Context, file *os.File, how int) error {
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for packages to be installed: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// Update fetches the lists of packages. When it fails, the old ones may do.
func Update(ctx context.Context) error { return run(ctx, "update") }

// Install installs packages without what they only recommend. REQUIRES: the caller is within
// Exclusively.
func Install(ctx context.Context, packages ...string) error {
	return run(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

func run(ctx context.Context, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, arguments...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // killed, it would leave dpkg half done
	cmd.WaitDelay = stopPatience
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", arguments[0], err, lastLines(string(output)))
	}
	return nil
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-outputLinesMax):], "\n")
}
