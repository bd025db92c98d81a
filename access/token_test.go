package access_test

import (
	"crypto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

func TestGoodTokensAreBelieved(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	for name, token := range map[string]func(s *scene) []byte{
		"RS256": func(s *scene) []byte { return s.sign(headerOf("RS256", "rsa"), s.claims(), s.rsa) },
		"RS256 by a key for any alg": func(s *scene) []byte {
			return s.sign(headerOf("RS256", "rsa-any"), s.claims(), s.rsa)
		},
		"PS256": func(s *scene) []byte {
			text := b64(s.encode(headerOf("PS256", "rsa-any"))) + "." + b64(s.encode(s.claims()))
			signature, err := jwt.SigningMethodPS256.Sign(text, s.rsa)
			require.NoError(s.t, err)
			return []byte(text + "." + b64(signature))
		},
		"ES256":                    func(s *scene) []byte { return s.sign(headerOf("ES256", "ec"), s.claims(), s.ec) },
		"EdDSA":                    (*scene).good,
		"typ JWT":                  func(s *scene) []byte { return s.headed("typ", "JWT") },
		"typ in other letters":     func(s *scene) []byte { return s.headed("typ", "Application/AT+JWT") },
		"fields that mean nothing": func(s *scene) []byte { return s.headed("x5t", "AAAA") },
		"several audiences":        func(s *scene) []byte { return s.said("aud", []string{"billing", audience}) },
		"no nbf":                   func(s *scene) []byte { return s.said("nbf", nil) },
		"nbf within the leeway":    func(s *scene) []byte { return s.said("nbf", time.Now().Add(60*time.Second).Unix()) },
		"exp within the leeway":    func(s *scene) []byte { return s.said("exp", time.Now().Add(-59*time.Second).Unix()) },
		"exp with a fraction":      func(s *scene) []byte { return s.said("exp", float64(time.Now().Unix())+10.5) },
		"scp, a list": func(s *scene) []byte {
			claims := with(s.claims(), "scope", nil)
			return s.sign(headerOf("EdDSA", "ed"), with(claims, "scp", []string{"orders:read", "x", "orders:cancel"}), s.ed)
		},
		"scp, a text": func(s *scene) []byte {
			claims := with(s.claims(), "scope", nil)
			return s.sign(headerOf("EdDSA", "ed"), with(claims, "scp", "orders:cancel orders:read"), s.ed)
		},
		"scope and scp": func(s *scene) []byte {
			claims := with(s.claims(), "scope", "orders:read")
			return s.sign(headerOf("EdDSA", "ed"), with(claims, "scp", "orders:cancel"), s.ed)
		},
		"longest subject": func(s *scene) []byte { return s.said("sub", strings.Repeat("k", commerce.UserIDMax)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := setup(t, keys)
				who, err := s.Bearer(token(s))
				require.NoError(t, err)
				require.Equal(t, commerce.ScopeOrdersRead|commerce.ScopeOrdersCancel, who.Principal.Scopes)
				require.Equal(t, who.Principal.Subject, who.Principal.Customer)
				require.Contains(t, who.Principal.Subject, "k")
				require.True(t, who.Key.IsZero())
				require.True(t, s.Valid(who))
			})
		})
	}
}

func TestATokenIsBelievedUntilItsEndAndTheLeeway(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		token, end := s.good(), time.Now().Add(6*time.Minute) // five, and one of leeway
		who, err := s.Bearer(token)
		require.NoError(t, err)
		require.WithinDuration(t, end, who.ExpiresAt, 0)

		time.Sleep(time.Until(end) - time.Nanosecond) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(token)
		require.NoError(t, err)
		require.True(t, s.Valid(who))

		time.Sleep(time.Nanosecond) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(token)
		require.ErrorIs(t, err, access.ErrExpired)
		require.False(t, s.Valid(who))
	})
}

func TestATokenWithoutScopesMayDoNothingMore(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		for _, scope := range []any{nil, "", "openid profile", "ADMIN Orders:read orders:*", "orders:read,admin"} {
			who, err := s.Bearer(s.said("scope", scope))
			require.NoError(t, err)
			require.Zero(t, who.Principal.Scopes, "%v", scope)
		}
	})
}

func TestAVerifiedTokenIsRememberedForAMinute(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys, func(cfg *access.Config) {
			cfg.IssuerOverlap, cfg.IssuerInterval = -1, 30*time.Second
		})
		token := s.good()
		first, err := s.Bearer(token)
		require.NoError(t, err)
		again, err := s.Bearer(token)
		require.NoError(t, err)
		require.Same(t, first, again)

		s.issuer.publish([]map[string]any{ecJWK("ec", &s.ec.PublicKey)}) // its key is gone
		time.Sleep(59 * time.Second)                                     //nolint:forbidigo // the bubble's clock
		again, err = s.Bearer(token)
		require.NoError(t, err)
		require.Same(t, first, again)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(token)
		require.Error(t, err)
	})
}

func TestWithoutAnIssuerThereAreNoTokens(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys, func(cfg *access.Config) { cfg.Issuer, cfg.Audience = "", "" })
		_, err := s.Bearer(s.good())
		require.ErrorIs(t, err, access.ErrInvalid)
		require.Zero(t, s.issuer.fetches())
		require.False(t, s.Usable())
	})
}

func FuzzToken(f *testing.F) {
	keys := newSigners(f)
	s := setup(f, keys)
	good := s.sign(headerOf("EdDSA", "ed"), with(s.claims(), "exp", int64(250_000_000_000)), s.ed)
	for _, seed := range [][]byte{
		good, s.sign(headerOf("RS256", "rsa"), s.claims(), s.rsa), s.sign(headerOf("ES256", "ec"), s.claims(), s.ec),
		[]byte("e30.e30."), []byte("..."), nil, []byte("pk_"),
	} {
		f.Add(seed)
	}
	believed := make(map[string]crypto.PublicKey)
	believed[string(good)] = keys.ed.Public()
	f.Fuzz(func(t *testing.T, token []byte) {
		who, err := s.Bearer(token)
		if (who == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", token, who, err)
		}
		if _, ok := believed[string(token)]; err == nil && !ok {
			// Other letters for the same token prove nothing new; nothing else can be signed.
			if who.Principal.Subject != "kim" {
				t.Fatalf("%q is believed", token)
			}
		}
	})
}
