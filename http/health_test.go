package http

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
)

func TestHealth_FollowsTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.health = func() actors.Health { return actors.Health{Store: "disk full", Writer: "stalled", Quarantined: 2} }
	a := b.do(t, call{"GET", "/health", "", nil})
	require.Equal(t, 503, a.status)
	for _, part := range []string{
		`"status":"unavailable"`, `"ready":false`, `"store":"disk full"`, `"writer":"stalled"`, `"quarantined":2`, `"version":"test"`,
	} {
		require.Contains(t, a.body, part)
	}
	require.Equal(t, 503, b.do(t, call{"GET", "/readyz", "", nil}).status)
	require.Equal(t, 200, b.do(t, call{"GET", "/livez", "", nil}).status)

	b.engine.health = func() actors.Health { return actors.Health{Ready: true, Store: "ok", Writer: "ok", Draining: true} }
	a = b.do(t, call{"GET", "/readyz", "", nil})
	require.Equal(t, 503, a.status)
	require.JSONEq(t, `{"status":"draining"}`, a.body)
}
