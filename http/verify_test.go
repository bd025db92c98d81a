package http

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence"
)

func TestVerify_RunsOneAtATimeAndEndsWithTheServer(t *testing.T) {
	t.Parallel()
	b := setupTCP(t, nil)
	running := make(chan struct{})
	b.engine.verify = func(ctx context.Context) (*persistence.Report, error) {
		close(running)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	verify := call{"POST", pathAPI + "/admin/verify", "", nil}
	first := connect(t, b)
	first.send(t, "POST "+verify.path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	<-running
	second := b.do(t, verify)
	require.Equal(t, 429, second.status)
	require.Equal(t, "5", second.field("Retry-After"))
	require.Contains(t, second.body, `"code":"too_many_requests"`)
	require.NoError(t, b.server.Shutdown(t.Context()))
	require.Equal(t, 503, first.receive(t).StatusCode())
}
