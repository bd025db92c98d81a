package http

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// from dials from an address of this machine; several of them stand for several clients.
func from(t *testing.T, b *testBundle, address string) *client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	other := *b
	other.dial = func() (net.Conn, error) { return dialer.Dial("tcp", b.addr(t)) }
	return connect(t, &other)
}

func (c *client) requireStatus(t *testing.T, status int) *fasthttp.Response {
	t.Helper()
	response := c.receive(t)
	require.Equal(t, status, response.StatusCode())
	return response
}

func TestListener_RefusesConnectionsBeyondTheLimitOfAnAddress(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.ConnectionsPerAddressMax, c.CountLoopback = 2, true })
	kept := make([]*client, 0, 2)
	for range 2 {
		c := from(t, b, "127.0.0.2")
		c.send(t, liveRequest)
		c.requireStatus(t, 200)
		kept = append(kept, c)
	}
	third := from(t, b, "127.0.0.2")
	response := third.requireStatus(t, 429)
	require.Equal(t, "1", string(response.Header.Peek("Retry-After")))
	require.Equal(t, contentTypeProblem, string(response.Header.ContentType()))
	require.Contains(t, string(response.Body()), `"code":"too_many_requests"`)
	third.requireClosed(t)

	other := from(t, b, "127.0.0.3")
	other.send(t, liveRequest)
	other.requireStatus(t, 200)

	require.NoError(t, kept[0].Close())
	require.Eventually(t, func() bool { return b.server.connections.count() == 2 }, clientWait, time.Millisecond)
	again := from(t, b, "127.0.0.2")
	again.send(t, liveRequest)
	again.requireStatus(t, 200)
}

func TestListener_DoesNotCountThisMachineAndTrustedProxies(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"this machine":    func(*Config) {},
		"a trusted proxy": func(c *Config) { c.CountLoopback, c.TrustedProxies = true, "127.0.0.0/8" },
	} {
		b := setupTCP(t, func(c *Config) {
			c.ConnectionsPerAddressMax = 1
			change(c)
		})
		for range 3 {
			c := connect(t, b)
			c.send(t, liveRequest)
			require.Equal(t, 200, c.receive(t).StatusCode(), name)
		}
		b.server.connections.mu.Lock()
		require.Empty(t, b.server.connections.mu.addresses, name)
		b.server.connections.mu.Unlock()
	}
}

func TestConnections_ForgetAddressesThatHaveGone(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, func(c *Config) { c.CountLoopback = true })
	c := from(t, b, "127.0.0.9")
	c.send(t, liveRequest)
	c.requireStatus(t, 200)
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool {
		b.server.connections.mu.Lock()
		defer b.server.connections.mu.Unlock()
		return len(b.server.connections.mu.addresses) == 0
	}, clientWait, time.Millisecond)
}
