// Package redistest gives tests a Redis of their own, which syncs each command before it answers. The binary is looked
// for on the machine, and installed when the tests run as root where apt-get is.
//
// What is stored there does not belong here. Nothing that serves imports it.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// T is what Start needs of a test; testing.TB has it.
type T interface {
	Helper()
	Context() context.Context
	TempDir() string
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Program is the server's.
func Program() *aptget.Program {
	return &aptget.Program{
		Name: "a Redis server", Variable: "PENSTOCK_TEST_REDIS_SERVER", Binaries: []string{"redis-server"}, Package: "redis-server",
	}
}

// Start starts a server, which ends with the test, and returns its URL.
func Start(t T) string {
	t.Helper()
	binary, err := Program().Find(t.Context())
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
