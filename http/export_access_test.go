package http

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// endingAccess believes everybody until it is told otherwise.
type endingAccess struct {
	Authenticator
	ended atomic.Bool
}

func (*endingAccess) OnChange(func()) {}

func (*endingAccess) Bearer([]byte) (*access.Identity, error) {
	return &access.Identity{Principal: commerce.Trusted("desk")}, nil
}

func (a *endingAccess) Valid(*access.Identity) bool { return !a.ended.Load() }

// An export takes minutes; it ends with the credential that began it.
func TestExport_EndsWithItsCredential(t *testing.T) {
	t.Parallel()
	believing := new(endingAccess)
	b := setup(t, func(cfg *Config) { cfg.Access, cfg.Proof = believing, true })
	const before = 10
	scanned := make(chan error, 1)
	b.engine.scan = func(_ context.Context, visit func(*commerce.Order) error) (err error) {
		defer func() { scanned <- err }()
		for rows := 1; ; rows++ {
			if rows == before {
				believing.ended.Store(true)
			}
			if err := visit(sampleOrder()); err != nil {
				require.Equal(t, exportCheckEvery+1, rows)
				return err
			}
		}
	}
	got := b.raw(t, "GET "+pathExport+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\n\r\n")
	require.NotContains(t, got, "\r\n0\r\n\r\n", "nobody takes it for complete")
	require.ErrorIs(t, <-scanned, errCredentialEnded)
}
