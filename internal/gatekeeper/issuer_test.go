package gatekeeper_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const (
	issuerName = "https://login.example/realms/shop"
	audience   = "penstock"
)

// issuer makes tokens, and answers in memory when it is asked for its key. It implements
// net/http.RoundTripper.
type issuer struct{ key ed25519.PrivateKey }

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return &issuer{key: key}
}

// RoundTrip implements net/http.RoundTripper.
func (i *issuer) RoundTrip(r *nethttp.Request) (*nethttp.Response, error) {
	var document any
	switch r.URL.String() {
	case issuerName + "/.well-known/openid-configuration":
		document = map[string]any{"issuer": issuerName, "jwks_uri": issuerName + "/keys"}
	case issuerName + "/keys":
		x := base64.RawURLEncoding.EncodeToString(i.key.Public().(ed25519.PublicKey))
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

// said is what a token of the owner says: a good one, but for what a test changes.
func said(scope string, expires time.Time) jwt.MapClaims {
	return jwt.MapClaims{"iss": issuerName, "aud": audience, "sub": ownerName, "scope": scope, "exp": expires.Unix()}
}

func (i *issuer) token(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["kid"], token.Header["typ"] = "one", "at+jwt"
	text, err := token.SignedString(i.key)
	require.NoError(t, err)
	return text
}
