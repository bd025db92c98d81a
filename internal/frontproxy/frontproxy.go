// Package frontproxy gives tests a reverse proxy in front of a server: nginx or HAProxy, as Debian packages them. They
// are looked for on the machine, and installed when the tests run as root where apt-get is.
//
// What a test asks through a proxy does not belong here. Nothing that serves imports it.
package frontproxy

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// Kind is a proxy.
type Kind string

// The proxies, by the names of their binaries and packages.
const (
	Nginx   Kind = "nginx"
	HAProxy Kind = "haproxy"
)

// T is what Start needs of a test; testing.TB has it.
type T interface {
	Helper()
	Context() context.Context
	TempDir() string
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Program is the proxy's. Ordinary users have no path to where it usually is.
func (k Kind) Program() *aptget.Program {
	name := string(k)
	return &aptget.Program{
		Name: "the proxy " + name, Variable: "PENSTOCK_TEST_" + strings.ToUpper(name),
		Binaries: []string{name, filepath.Join("/usr/sbin", name)}, Package: name,
	}
}

// Proxy is one that runs. It keeps its connections to the server and uses them again for whoever asks next.
type Proxy struct {
	// Address is where it listens, on loopback.
	Address string
	log     lines
}

// lines is what a proxy says: its log, and why it does not start.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Forwarded returns the requests that the proxy has passed on to their end and is done with, each as "METHOD /path".
// It has written them down itself.
func (p *Proxy) Forwarded() []string {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	var requests []string
	for line := range strings.Lines(p.log.b.String()) {
		server, request, ok := strings.Cut(strings.TrimSpace(line), forwardedMark)
		if ok && !strings.Contains(server, haproxyNowhere) {
			requests = append(requests, request)
		}
	}
	return requests
}

// forwardedMark begins what a proxy logs of a request that it has passed on.
const forwardedMark = "forwarded: "

// haproxyNowhere is the name that HAProxy gives the server of a request that it has answered itself.
const haproxyNowhere = "<NOSRV>"

// Start starts a proxy before the server at an address of this machine. It ends with the test.
func Start(t T, kind Kind, server string) *Proxy {
	t.Helper()
	binary, err := kind.Program().Find(t.Context())
	if err != nil {
		t.Fatalf("frontproxy: %v", err)
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatalf("frontproxy: look for a free port: %v", err)
		return nil
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "proxy.conf")
	if err := os.WriteFile(file, []byte(kind.config(dir, address, server)), 0o600); err != nil {
		t.Fatalf("frontproxy: %v", err)
		return nil
	}
	p := &Proxy{Address: address}
	cmd := exec.CommandContext(t.Context(), binary, kind.arguments(file, dir)...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	if err := cmd.Start(); err != nil {
		t.Fatalf("frontproxy: start %s: %v", binary, err)
		return nil
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
		_ = cmd.Wait()                          // it was told to end
	})
	if err := awaitListener(t.Context(), address); err != nil {
		t.Fatalf("frontproxy: %s does not listen: %v\n%s", kind, err, p.said())
	}
	return p
}

func (p *Proxy) said() string {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	return p.log.b.String()
}

func (k Kind) arguments(file, dir string) []string {
	if k == Nginx {
		return []string{"-c", file, "-p", dir, "-e", "stderr"}
	}
	return []string{"-f", file, "-db"}
}

const (
	startPatience = 20 * time.Second
	startInterval = 10 * time.Millisecond
	stopPatience  = 5 * time.Second
)

// awaitListener waits until something accepts connections there.
func awaitListener(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	ticker := time.NewTicker(startInterval)
	defer ticker.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
