package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// clusterDefaults is where Debian's packages look before they create a cluster of their own.
	clusterDefaults = "/etc/postgresql-common/createcluster.conf"

	// installPatience bounds an installation. The context of the test that is first does not:
	// packages that are left half installed are worse than a test that comes too late.
	installPatience = 10 * time.Minute
	// aptPatience is how long apt-get has to end by itself once it was asked to.
	aptPatience = time.Minute
	// lockInterval is how often a lock that others hold is tried.
	lockInterval = 100 * time.Millisecond
)

// installPostgres installs the server's package, and sees to it that the package neither creates nor
// starts a cluster: on a machine that had no PostgreSQL nobody expects one on port 5432.
func installPostgres(ctx context.Context) error {
	return installing(ctx, "a PostgreSQL server", func(ctx context.Context) error {
		if _, ok := lookAround(ctx); ok {
			return nil // another test process was faster
		}
		updated := apt(ctx, "update") // without new lists the old ones may do
		if err := aptInstall(ctx, "postgresql-common"); err != nil {
			return errors.Join(err, updated)
		}
		restore, err := refuseClusters(clusterDefaults)
		if err != nil {
			return err
		}
		return errors.Join(aptInstall(ctx, "postgresql"), restore())
	})
}

// installCompiler installs a C compiler.
func installCompiler(ctx context.Context) error {
	return installing(ctx, "a C compiler", func(ctx context.Context) error {
		if _, ok := compiler(); ok {
			return nil
		}
		updated := apt(ctx, "update")
		if err := aptInstall(ctx, "gcc", "libc6-dev"); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
}

// installing lets one test process at a time install packages: go test runs those of several
// packages at once.
func installing(ctx context.Context, what string, install func(context.Context) error) error {
	if os.Geteuid() != 0 {
		return errors.New("only root can install it")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("there is no apt-get to install it")
	}
	fmt.Fprintf(os.Stderr, "pgtest: the tests need %s, which this machine lacks: installing it with apt-get\n", what)
	file, err := os.OpenFile(installLock(), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lock installations: %w", err)
	}
	defer func() { _ = file.Close() }() // which ends the lock
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), installPatience)
	defer cancel()
	if err := lock(ctx, file, syscall.LOCK_EX); err != nil {
		return err
	}
	return install(ctx)
}

// waitForInstalls waits while another test process installs packages: their files are there before
// they can be used.
func waitForInstalls(ctx context.Context) error {
	file, err := os.Open(installLock())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nobody ever did
	}
	if err != nil {
		return fmt.Errorf("lock installations: %w", err)
	}
	defer func() { _ = file.Close() }()
	return lock(ctx, file, syscall.LOCK_SH)
}

func installLock() string { return filepath.Join(os.TempDir(), "penstock-test-install.lock") }

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

func aptInstall(ctx context.Context, packages ...string) error {
	return apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
}

func apt(ctx context.Context, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, arguments...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // killed, it would leave dpkg half done
	cmd.WaitDelay = aptPatience
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", arguments[0], err, lastLines(output))
	}
	return nil
}

// refuseClusters tells Debian's packages to create no cluster, until restore is called.
func refuseClusters(file string) (restore func() error, err error) {
	before, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, fmt.Errorf("read defaults of clusters: %w", err)
	}
	refusing := append(bytes.Clone(before), "\ncreate_main_cluster = false\n"...)
	if err := os.WriteFile(file, refusing, 0o644); err != nil {
		return nil, fmt.Errorf("write defaults of clusters: %w", err)
	}
	return func() error {
		if missing {
			return os.Remove(file)
		}
		return os.WriteFile(file, before, 0o644)
	}, nil
}
