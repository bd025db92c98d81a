package http

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkDeadlines is what a request costs for its deadlines: as fasthttp tells them, and as connections do.
func BenchmarkDeadlines(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { _ = ln.Close() }()
	raw, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(b, err)
	defer func() { _ = raw.Close() }()
	cfg := new(Config)
	cfg.EnsureDefaults()
	b.Run("fasthttp", func(b *testing.B) {
		for b.Loop() {
			_ = raw.SetReadDeadline(time.Now().Add(cfg.ReadTimeout))
			_ = raw.SetWriteDeadline(time.Now().Add(cfg.WriteTimeout))
			_ = raw.SetReadDeadline(time.Now().Add(cfg.IdleTimeout))
		}
	})
	b.Run("own", func(b *testing.B) {
		c := newConnections(cfg, nil).wrap(raw, doorPublic, nil)
		now := time.Now() // the handler has asked already
		for b.Loop() {
			_ = c.limitRead()
			c.work()
			c.limitWrite(now)
			c.rest()
		}
	})
}
