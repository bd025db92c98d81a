package http

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestCheckListen_AllowsOnlyThisMachine(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:8000", "127.9.9.9:0", "[::1]:8000", "localhost:8000", "[::ffff:127.0.0.1]:1"} {
		require.NoError(t, CheckListen(addr, false), addr)
	}
	for _, addr := range []string{
		":8000", "0.0.0.0:8000", "[::]:8000", "192.168.1.7:8000", "penstock.example:8000", "localhost.example:80", "*:80",
		"128.0.0.1:80", "[fe80::1%eth0]:80",
	} {
		err := CheckListen(addr, false)
		require.ErrorContains(t, err, "--insecure-no-auth", addr)
		require.NoError(t, CheckListen(addr, true), addr)
	}
	for _, addr := range []string{"", "8000", "127.0.0.1"} {
		require.ErrorContains(t, CheckListen(addr, true), "HOST:PORT", addr)
	}
}

// otherListener claims an address that other machines can reach.
type otherListener struct {
	net.Listener
	closed bool
}

func (l *otherListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 8000} }

func (l *otherListener) Close() error {
	l.closed = true
	return nil
}

func TestServe_RefusesAListenerThatOthersCanReach(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	s, err := New(Config{Engine: b.engine, Logger: b.server.log, Gatherer: b.registry, Registerer: noRegisterer{}})
	require.NoError(t, err)
	ln := new(otherListener)
	require.ErrorContains(t, s.Serve(ln), "--insecure-no-auth")
	require.True(t, ln.closed)
}

func TestServe_RefusesASecondListener(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	c := connect(t, b)
	c.send(t, liveRequest)
	c.receive(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, b.server.Serve(ln), "already")
}

func TestReminder_WarnsEachMinuteUntilItIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(syncBuffer)
		var m reminder
		m.stop()
		m.start(NewLogger(log, nil))
		m.start(NewLogger(log, nil))
		<-time.After(150 * time.Second) // in the bubble's time
		synctest.Wait()
		require.Equal(t, 3, strings.Count(log.String(), "--insecure-no-auth"), log.String())
		m.stop()
		m.stop()
		<-time.After(time.Hour)
		require.Equal(t, 3, strings.Count(log.String(), "--insecure-no-auth"))
	})
}

func TestServer_ShowsThatAuthenticationIsOff(t *testing.T) {
	t.Parallel()
	require.Contains(t, setup(t, nil).do(t, call{"GET", "/metrics", "", nil}).body, "\npenstock_auth_disabled 0\n")
	b := setup(t, func(c *Config) { c.NoAuth = true })
	require.Contains(t, b.do(t, call{"GET", "/metrics", "", nil}).body, "\npenstock_auth_disabled 1\n")
	require.Contains(t, b.log.String(), "authentication is off")
}

// noRegisterer takes no metrics.
type noRegisterer struct{}

func (noRegisterer) Register(prometheus.Collector) error  { return nil }
func (noRegisterer) MustRegister(...prometheus.Collector) {}
func (noRegisterer) Unregister(prometheus.Collector) bool { return true }
