package http

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

// One caller cannot take all the feeds there are, and gets a place back with each that ends.
func TestLive_FeedsOfOneCaller(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *Config) { cfg.FeedsPerCallerMax = 2 })
	follow := func(subject string) (*subscriber, error) {
		r := &request{ctx: new(fasthttp.RequestCtx)}
		r.ctx.Init(new(fasthttp.Request), nil, nil)
		if subject != "" {
			r.identity = &access.Identity{Principal: commerce.Trusted(subject)}
		}
		return b.server.subscribers.admit(r, feedSocket{})
	}
	var admitted []*subscriber
	for _, subject := range []string{"ann", "ann", "ben", "", "", ""} {
		s, err := follow(subject)
		require.NoError(t, err, subject)
		admitted = append(admitted, s)
	}
	_, err := follow("ann")
	var refusal *commerce.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, codeTooManyRequests, refusal.Code)

	b.server.subscribers.release(admitted[0])
	again, err := follow("ann")
	require.NoError(t, err)
	for _, s := range append(admitted[1:], again) {
		b.server.subscribers.release(s)
	}
	require.Empty(t, b.server.subscribers.mu.callers)
}
