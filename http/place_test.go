package http

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// operations opens a listener of operators, and returns its bundle.
func (b *testBundle) operations(t *testing.T) *testBundle {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- b.server.ServeOperations(ln) }()
	other := *b
	other.dial = func() (net.Conn, error) { return net.Dial("tcp", addr) }
	other.client = &fasthttp.HostClient{Addr: "penstock.test", Dial: func(string) (net.Conn, error) { return other.dial() }}
	t.Cleanup(func() {
		other.client.CloseIdleConnections()
		require.NoError(t, b.server.Shutdown(context.Background()))
		require.NoError(t, <-served)
	})
	return &other
}

func TestPlaces_OperatorsAskAtTheirOwnListener(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		public := setupTCP(t, func(c *Config) { c.OperationsApart = apart })
		operations := public.operations(t)
		everywhere := 200
		if apart {
			everywhere = 404
		}
		for path, want := range map[string][2]int{ // at the public listener, at that of operators
			"/livez": {200, 200}, "/readyz": {200, 200}, pathProducts: {200, 404}, productPath(2, ""): {200, 404}, "/openapi.json": {200, 404},
			"/metrics": {everywhere, 200}, "/health": {everywhere, 200},
			"/debug/pprof/": {404, 200}, "/debug/pprof/cmdline": {404, 200}, "/debug/pprof/goroutine": {404, 200},
		} {
			require.Equal(t, want[0], public.do(t, call{"GET", path, "", nil}).status, "public, apart=%v: %s", apart, path)
			require.Equal(t, want[1], operations.do(t, call{"GET", path, "", nil}).status, "operations, apart=%v: %s", apart, path)
		}
		verify := call{"POST", pathAPI + "/admin/verify", "", nil}
		require.Equal(t, everywhere, public.do(t, verify).status)
		require.Equal(t, 200, operations.do(t, verify).status)
	}
}

func TestPlaces_OperatorsHavePlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	public := setupTCP(t, func(c *Config) { c.ConnectionsMax = 1 })
	operations := public.operations(t)
	full := connect(t, public)
	full.send(t, liveRequest)
	full.receive(t)
	refused := connect(t, public)
	require.Equal(t, 503, refused.receive(t).StatusCode())
	require.Equal(t, 200, operations.do(t, call{"GET", "/metrics", "", nil}).status)
}

func TestServeOperations_OnlyForThisMachineUnlessCallersProveWhoTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ln := new(otherListener)
	require.Error(t, b.server.ServeOperations(ln))
	require.True(t, ln.closed)
}

func TestProfiles_AreProfiles(t *testing.T) {
	t.Parallel()
	operations := setupTCP(t, nil).operations(t)
	a := operations.do(t, call{"GET", "/debug/pprof/goroutine?debug=1", "", nil})
	require.Contains(t, a.body, "goroutine profile: total")
	require.Equal(t, "no-store", a.field("Cache-Control"))
	require.Equal(t, "nosniff", a.field("X-Content-Type-Options"))
	require.Contains(t, operations.do(t, call{"GET", "/debug/pprof/", "", nil}).body, "heap\n")
}
