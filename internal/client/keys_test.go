package client_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/client"
)

func TestKeysAreAskedForInTheWordsOfTheAPI(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		got <- string(ctx.Method()) + " " + string(ctx.RequestURI()) + " " + string(ctx.PostBody())
		ctx.SetBodyString(`{}`)
	})
	id := commerce.IDFloor(time.UnixMilli(1))
	for want, call := range map[string]func() ([]byte, error){
		"GET /api/v2/admin/keys ":                        func() ([]byte, error) { return c.Keys(t.Context()) },
		"POST /api/v2/admin/keys {\"a\":1}":              func() ([]byte, error) { return c.CreateKey(t.Context(), []byte(`{"a":1}`)) },
		"DELETE /api/v2/admin/keys/" + id.String() + " ": func() ([]byte, error) { return c.RevokeKey(t.Context(), id) },
		"POST /api/v2/admin/keys/" + id.String() + `/rotate {"grace_seconds":90}`: func() ([]byte, error) {
			return c.RotateKey(t.Context(), id, 90*time.Second)
		},
	} {
		body, err := call()
		require.NoError(t, err)
		require.Equal(t, "{}", string(body))
		require.Equal(t, want, <-got)
	}
}

func TestAKeyIsMadeOnlyOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c := serve(t, func(ctx *fasthttp.RequestCtx) {
		asked.Add(1)
		refuse(ctx, 503, commerce.CodeStoreUnavailable)
	})
	_, err := c.CreateKey(t.Context(), nil)
	require.True(t, client.IsUnavailable(err))
	_, err = c.RotateKey(t.Context(), commerce.ID{}, 0)
	require.True(t, client.IsUnavailable(err))
	require.EqualValues(t, 2, asked.Load())
	_, err = c.RevokeKey(t.Context(), commerce.ID{})
	require.True(t, client.IsUnavailable(err))
	require.EqualValues(t, 2+3, asked.Load(), "revoking twice is revoking")
}

func TestACredentialIsSentAlong(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	target := serve(t, func(ctx *fasthttp.RequestCtx) {
		got <- string(ctx.Request.Header.Peek("Authorization")) + "," + string(ctx.Request.Header.Peek("X-User-ID"))
	}).Target()
	c, err := client.New(client.Config{Target: target, Key: "pk_x"})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = c.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Bearer pk_x,", <-got)
}
