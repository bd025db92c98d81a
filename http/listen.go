package http

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// CheckListen refuses to listen where others than this machine could reach the server, as long as
// nothing proves who asks: X-User-ID is believed. insecureNoAuth says that the operator knows.
func CheckListen(addr string, insecureNoAuth bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q must be HOST:PORT, like 127.0.0.1:8000: %w", addr, err)
	}
	if insecureNoAuth || host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("listen address %q can be reached from other machines, and nothing proves who asks: "+
		"listen on 127.0.0.1 (or ::1, or localhost), or say --insecure-no-auth if everybody who can connect may do everything", addr)
}

// checkAddr is the same check for a listener that is open already. Listeners within the process
// have no TCP address.
func checkAddr(addr net.Addr, insecureNoAuth bool) error {
	if _, ok := addr.(*net.TCPAddr); !ok {
		return nil
	}
	return CheckListen(addr.String(), insecureNoAuth)
}

// reminderInterval is how often the log says that nothing proves who asks.
const reminderInterval = time.Minute

// reminder repeats a warning while the server serves without authentication.
type reminder struct {
	mu struct {
		sync.Mutex
		quit chan struct{} // nil when it does not run
		done chan struct{}
	}
}

func (m *reminder) start(log *slog.Logger) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.quit != nil {
		return
	}
	quit, done := make(chan struct{}), make(chan struct{})
	m.mu.quit, m.mu.done = quit, done
	go func() {
		defer close(done)
		ticker := time.NewTicker(reminderInterval)
		defer ticker.Stop()
		for {
			log.Warn("authentication is off (--insecure-no-auth): everybody who can connect may do everything")
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
		}
	}()
}

// stop ends the reminder and waits for it. Stopping one that does not run is harmless.
func (m *reminder) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.quit == nil {
		return
	}
	close(m.mu.quit)
	<-m.mu.done
	m.mu.quit = nil
}
