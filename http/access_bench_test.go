package http

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
)

const (
	benchIssuer   = "https://login.example"
	benchAudience = "penstock"
)

// BenchmarkAccess is the handler alone, of an order of a caller who is believed, and of callers who prove who they
// are. Their difference is what access costs: who asks, whether he may, and how often.
func BenchmarkAccess(b *testing.B) {
	key := newBenchKey(b)
	authenticator := openBenchAccess(b, key)
	_, secret, err := authenticator.Keys().Create(b.Context(), &access.KeySpec{
		Name: "shop", Subject: "kim", Scopes: commerce.ScopeOrdersWrite,
	}, access.Cause{Actor: "root"})
	require.NoError(b, err)
	for _, c := range []struct {
		name          string
		proof, limit  bool
		authorization string
	}{
		{"believed", false, false, ""},
		{"API key", true, false, "Bearer " + secret.Reveal()},
		{"API key, rate", true, true, "Bearer " + secret.Reveal()},
		{"token, rate", true, true, "Bearer " + benchToken(b, key)},
	} {
		b.Run(c.name, func(b *testing.B) {
			bundle := setup(b, func(cfg *Config) {
				cfg.AccessLog, cfg.PoisonBuffers = AccessLogOff, false
				cfg.Access, cfg.Proof = authenticator, c.proof
				if c.limit {
					cfg.Limiter = access.NewLimiter(access.Rates{Write: 1_000_000_000})
				}
			})
			bundle.server.cfg.Engine = &instantEngine{
				fakeEngine: bundle.engine, receipt: actors.OrderReceipt{Order: sampleOrder()},
			}
			placeWith(b, bundle, c.authorization)
		})
	}
}

// placeWith places orders, believed as kim when there is no credential.
func placeWith(b *testing.B, bundle *testBundle, authorization string) {
	b.Helper()
	name, value := headerAuthorization, authorization
	if authorization == "" {
		name, value = headerCaller, "kim"
	}
	ctx := readRequest(b, benchOrder(name, value))
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		bundle.server.fast[doorPublic].Handler(ctx)
	}
	require.Equal(b, 201, ctx.Response.StatusCode(), "%s", ctx.Response.Body())
}

func newBenchKey(b *testing.B) ed25519.PrivateKey {
	b.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	return key
}

func benchToken(b *testing.B, key ed25519.PrivateKey) string {
	b.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": benchIssuer, "aud": benchAudience, "sub": "kim", "exp": time.Now().Add(24 * time.Hour).Unix(), "scope": "orders:write",
		"more": strings.Repeat("x", 500), // tokens are rarely short
	})
	token.Header["kid"] = "one"
	text, err := token.SignedString(key)
	require.NoError(b, err)
	return text
}

func openBenchAccess(b *testing.B, key ed25519.PrivateKey) *access.Authenticator {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := pebblestore.Open(b.Context(), pebblestore.Options{Dir: b.TempDir(), Logger: log, FreeSpaceMin: -1})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	authenticator, err := access.Open(b.Context(), access.Config{
		Store: store, Logger: log, Issuer: benchIssuer, Audience: benchAudience, Transport: benchKeys{key},
	})
	require.NoError(b, err)
	b.Cleanup(authenticator.Close)
	return authenticator
}

// benchKeys is an issuer that answers in memory.
type benchKeys struct{ key ed25519.PrivateKey }

// RoundTrip implements net/http.RoundTripper.
func (k benchKeys) RoundTrip(r *nethttp.Request) (*nethttp.Response, error) {
	var document any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document = map[string]any{"issuer": benchIssuer, "jwks_uri": benchIssuer + "/keys"}
	case "/keys":
		x := base64.RawURLEncoding.EncodeToString(k.key.Public().(ed25519.PublicKey))
		document = map[string]any{"keys": []any{map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x}}}
	default:
		return nil, errors.New("nobody should ask for " + r.URL.String())
	}
	body, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return &nethttp.Response{StatusCode: nethttp.StatusOK, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}
