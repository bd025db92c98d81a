// Package redistest gives tests a Redis of their own, which syncs each command before it answers. The binary is looked
// for on the machine, and installed when the tests run as root where apt-get is.
//
// What is stored there does not belong here. Nothing that serves imports it.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// BinaryVariable names the binary of the server, which is then the only one tried.
const BinaryVariable = "PENSTOCK_TEST_REDIS_SERVER"

// ErrNoRedis says that this machine has no Redis and that none could be installed.
var ErrNoRedis = errors.New("no redis-server on this machine")

// T is what Start needs of a test; testing.TB has it.
type T interface {
	Helper()
	Context() context.Context
	TempDir() string
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Find returns the path of redis-server. When there is none and this is root on a system with apt-get, it installs
// it and says so on standard error.
func Find(ctx context.Context) (string, error) {
	if given := os.Getenv(BinaryVariable); given != "" {
		return given, nil
	}
	if err := aptget.Wait(ctx); err != nil {
		return "", err
	}
	if found, err := exec.LookPath("redis-server"); err == nil {
		return found, nil
	}
	err := aptget.Exclusively(ctx, "a Redis server", func(ctx context.Context) error {
		if _, err := exec.LookPath("redis-server"); err == nil {
			return nil // another test process was faster
		}
		updated := aptget.Update(ctx) // without new lists the old ones may do
		if err := aptget.Install(ctx, "redis-server"); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("%w (%w): install it (Debian: apt-get install redis-server), or set %s to its path", ErrNoRedis, err, BinaryVariable)
	}
	return exec.LookPath("redis-server")
}

// Start starts a server, which ends with the test, and returns its URL.
func Start(t T) string {
	t.Helper()
	binary, err := Find(t.Context())
	if err != nil {
		t.Fatalf("redistest: %v", err)
		return ""
	}
	port, err := freePort()
	if err != nil {
		t.Fatalf("redistest: look for a free port: %v", err)
		return ""
	}
	cmd := exec.CommandContext(t.Context(), binary, "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("redistest: start %s: %v", binary, err)
		return ""
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it has ended
		_ = cmd.Wait()         // it was killed
	})
	if said, ready := waitReady(output); !ready {
		t.Fatalf("redistest: %s ended:\n%s", binary, said)
	}
	return "redis://127.0.0.1:" + port
}

// waitReady waits until the server says that it accepts connections; otherwise it returns what it said. What it says
// afterwards is read, so that it can go on.
func waitReady(output io.Reader) (said string, ready bool) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return "", true
		}
		said += lines.Text() + "\n"
	}
	return said, false
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}
