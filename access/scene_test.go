package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	issuerName = "https://login.example/realms/shop"
	audience   = "penstock"
)

// signers are key pairs that several scenes share: making them is what takes long.
type signers struct {
	rsa   *rsa.PrivateKey
	weak  *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
	other ed25519.PrivateKey // nobody publishes it
}

func newSigners(t testing.TB) *signers {
	t.Helper()
	s := new(signers)
	var err error
	s.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	s.weak, err = rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, s.ed, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, s.other, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return s
}

func (s *signers) published() []map[string]any {
	if s.rsa == nil { // a scene without an issuer
		return nil
	}
	return []map[string]any{
		rsaJWK("rsa", &s.rsa.PublicKey, "RS256"), rsaJWK("rsa-any", &s.rsa.PublicKey, ""), rsaJWK("weak", &s.weak.PublicKey, ""),
		ecJWK("ec", &s.ec.PublicKey), edJWK("ed", s.ed.Public().(ed25519.PublicKey)),
		with(rsaJWK("enc", &s.rsa.PublicKey, ""), "use", "enc"),
		with(edJWK("ops", s.ed.Public().(ed25519.PublicKey)), "key_ops", []string{"sign"}),
		{"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
		{"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AAAA"},
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaJWK(kid string, key *rsa.PublicKey, alg string) map[string]any {
	jwk := map[string]any{"kty": "RSA", "kid": kid, "use": "sig", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	if alg != "" {
		jwk["alg"] = alg
	}
	return jwk
}

func ecJWK(kid string, key *ecdsa.PublicKey) map[string]any {
	point, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	return map[string]any{"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": b64(point[1:33]), "y": b64(point[33:])}
}

func edJWK(kid string, key ed25519.PublicKey) map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(key)}
}

// with returns a copy of an object with a member set, or left out when the value is nil.
func with(object map[string]any, name string, value any) map[string]any {
	object = maps.Clone(object)
	if object[name] = value; value == nil {
		delete(object, name)
	}
	return object
}

// fakeIssuer is an issuer that answers in memory. It implements http.RoundTripper.
type fakeIssuer struct {
	mu struct {
		sync.Mutex
		keys    []map[string]any
		says    string // who it says it is
		down    bool
		fetches int // of its keys
	}
}

func newFakeIssuer(keys []map[string]any) *fakeIssuer {
	i := new(fakeIssuer)
	i.mu.keys, i.mu.says = keys, issuerName
	return i
}

func (i *fakeIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.mu.down {
		return nil, errors.New("no route to host")
	}
	var document any
	switch r.URL.String() {
	case issuerName + "/.well-known/openid-configuration":
		document = map[string]any{"issuer": i.mu.says, "jwks_uri": issuerName + "/keys", "scopes_supported": []string{"openid"}}
	case issuerName + "/keys":
		i.mu.fetches++
		document = map[string]any{"keys": i.mu.keys}
	default:
		return nil, errors.New("nobody should ask for " + r.URL.String())
	}
	body, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

func (i *fakeIssuer) fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.mu.fetches
}

func (i *fakeIssuer) publish(keys []map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mu.keys = keys
}

func (i *fakeIssuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.mu.down = down
}

// scene is an Authenticator with everything around it. It lives in a synctest bubble, whose clock it uses.
type scene struct {
	*access.Authenticator
	*signers
	t      testing.TB
	store  *memoryStore
	issuer *fakeIssuer
}

func setup(t testing.TB, keys *signers, change ...func(*access.Config)) *scene {
	t.Helper()
	s := &scene{t: t, signers: keys, store: new(memoryStore), issuer: newFakeIssuer(keys.published())}
	cfg := access.Config{
		Store: s.store, Logger: slog.New(slog.DiscardHandler), Transport: s.issuer, Issuer: issuerName, Audience: audience,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	s.Authenticator, err = access.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// key makes a key for ann that may read and write orders.
func (s *scene) key(expires time.Time) (*persistence.AccessKey, string) {
	s.t.Helper()
	key, secret, err := s.Keys().Create(s.t.Context(), &access.KeySpec{
		Name: "a shop", Subject: "ann", Scopes: commerce.ScopeOrdersRead | commerce.ScopeOrdersWrite, ExpiresAt: expires,
	}, access.Cause{Actor: "root"})
	require.NoError(s.t, err)
	return key, secret.Reveal()
}

// identity is what a fresh key proves.
func (s *scene) identity() *access.Identity {
	s.t.Helper()
	_, text := s.key(time.Time{})
	who, err := s.Bearer([]byte(text))
	require.NoError(s.t, err)
	return who
}

func (s *scene) revoke(id commerce.ID) {
	s.t.Helper()
	_, err := s.Keys().Revoke(s.t.Context(), id, access.Cause{Actor: "root"})
	require.NoError(s.t, err)
}

func (s *scene) rotate(id commerce.ID, grace time.Duration) string {
	s.t.Helper()
	_, secret, err := s.Keys().Rotate(s.t.Context(), id, grace, access.Cause{Actor: "root"})
	require.NoError(s.t, err)
	return secret.Reveal()
}

// claims are those of a good token.
func (s *scene) claims() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": issuerName, "aud": audience, "sub": "kim", "exp": now.Add(5 * time.Minute).Unix(), "nbf": now.Unix(),
		"iat": now.Unix(), "scope": "openid orders:read profile orders:cancel",
	}
}

func headerOf(alg, kid string) map[string]any {
	return map[string]any{"alg": alg, "kid": kid, "typ": "at+jwt"}
}

// sign makes a token of anything that is said to be its header and its claims: text is taken as it is,
// everything else as JSON.
func (s *scene) sign(head, said any, key crypto.Signer) []byte {
	s.t.Helper()
	text := b64(s.encode(head)) + "." + b64(s.encode(said))
	return []byte(text + "." + b64(s.signature(text, key)))
}

func (s *scene) encode(value any) []byte {
	s.t.Helper()
	if text, ok := value.(string); ok {
		return []byte(text)
	}
	encoded, err := json.Marshal(value)
	require.NoError(s.t, err)
	return encoded
}

func (s *scene) signature(text string, key crypto.Signer) []byte {
	s.t.Helper()
	var method jwt.SigningMethod
	switch key.(type) {
	case *rsa.PrivateKey:
		method = jwt.SigningMethodRS256
	case *ecdsa.PrivateKey:
		method = jwt.SigningMethodES256
	default:
		method = jwt.SigningMethodEdDSA
	}
	signature, err := method.Sign(text, key)
	require.NoError(s.t, err)
	return signature
}

// good is a token that is believed.
func (s *scene) good() []byte { return s.sign(headerOf("EdDSA", "ed"), s.claims(), s.ed) }

// said is a token with one claim changed, or left out when the value is nil.
func (s *scene) said(name string, value any) []byte {
	return s.sign(headerOf("EdDSA", "ed"), with(s.claims(), name, value), s.ed)
}

// headed is a token with one field of the header changed, or left out when the value is nil.
func (s *scene) headed(name string, value any) []byte {
	return s.sign(with(headerOf("EdDSA", "ed"), name, value), s.claims(), s.ed)
}

// public is the public half of the key that nobody publishes.
func public(keys *signers) ed25519.PublicKey { return keys.other.Public().(ed25519.PublicKey) }
