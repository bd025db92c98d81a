package access

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// edKey is a key of Ed25519 as a member of a set, with more fields.
func edKey(kid, more string) string {
	x := base64.RawURLEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize))
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q%s}`, kid, x, more)
}

func setOf(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func TestKeysThatAreOfNoUseAreLeftOut(t *testing.T) {
	t.Parallel()
	good := edKey("good", "")
	b64 := func(n int) string { return base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", n))) }
	for name, bad := range map[string]string{
		"a kind that is not known":       `{"kty":"AKP","kid":"k"}`,
		"a curve that is not known":      `{"kty":"EC","crv":"secp256k1","kid":"k","x":"AA","y":"AA"}`,
		"a curve of another kind":        `{"kty":"OKP","crv":"X25519","kid":"k","x":"AA"}`,
		"a secret":                       `{"kty":"oct","kid":"k","k":"AAAA"}`,
		"no point":                       `{"kty":"OKP","crv":"Ed25519","kid":"k"}`,
		"a point that is too short":      `{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AAAA"}`,
		"a point that is not on P-256":   `{"kty":"EC","crv":"P-256","kid":"k","x":"` + b64(32) + `","y":"` + b64(32) + `"}`,
		"the point at infinity":          `{"kty":"EC","crv":"P-256","kid":"k","x":"","y":""}`,
		"an RSA key without a modulus":   `{"kty":"RSA","kid":"k","e":"AQAB"}`,
		"an RSA key of 1024 bits":        `{"kty":"RSA","kid":"k","n":"` + b64(128) + `","e":"AQAB"}`,
		"an RSA key of 16,384 bits":      `{"kty":"RSA","kid":"k","n":"` + b64(2048) + `","e":"AQAB"}`,
		"an RSA key with the exponent 1": `{"kty":"RSA","kid":"k","n":"` + b64(256) + `","e":"AQ"}`,
		"an RSA key with an even one":    `{"kty":"RSA","kid":"k","n":"` + b64(256) + `","e":"BA"}`,
		"an RSA key with a huge one":     `{"kty":"RSA","kid":"k","n":"` + b64(256) + `","e":"` + b64(16) + `"}`,
		"an even modulus":                `{"kty":"RSA","kid":"k","n":"` + b64(255) + `_g","e":"AQAB"}`,
		"base64 with padding":            `{"kty":"RSA","kid":"k","n":"` + b64(256) + `==","e":"AQAB"}`,
		"for encryption":                 edKey("k", `,"use":"enc"`),
		"for signing":                    edKey("k", `,"key_ops":["sign"]`),
		"for nothing":                    edKey("k", `,"key_ops":[]`),
		"for another alg":                edKey("k", `,"alg":"RS256"`),
		"with its secret":                edKey("k", `,"d":"AAAA"`),
		"a kid that is a number":         strings.Replace(edKey("k", ""), `"kid":"k"`, `"kid":1`, 1),
		"a kid that is too long":         edKey(strings.Repeat("k", keyIDMax+1), ""),
		"no object":                      `"k"`,
		"null":                           `null`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uses, err := parseJWKS(setOf(bad, good))
			require.NoError(t, err)
			require.Len(t, uses, 1)
			require.Contains(t, uses, keyUse{kid: "good", alg: algEdDSA})
			_, err = parseJWKS(setOf(bad))
			require.Error(t, err, "a set of nothing else is none")
		})
	}
}

func TestAKeyServesOnlyTheAlgorithmsThatFitIt(t *testing.T) {
	t.Parallel()
	n := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", 256)))
	uses, err := parseJWKS(setOf(
		`{"kty":"RSA","kid":"any","n":"`+n+`","e":"AQAB"}`,
		`{"kty":"RSA","kid":"one","alg":"PS256","n":"`+n+`","e":"AQAB"}`,
		edKey("same", ""), `{"kty":"RSA","kid":"same","alg":"RS256","n":"`+n+`","e":"AQAB"}`,
		edKey("", `,"use":"sig","key_ops":["verify"],"alg":"EdDSA","x5c":["AAAA"]`),
	))
	require.NoError(t, err)
	var all []keyUse
	for use := range uses {
		all = append(all, use)
	}
	require.ElementsMatch(t, []keyUse{
		{"any", algRS256}, {"any", algPS256}, {"one", algPS256}, {"same", algEdDSA}, {"same", algRS256}, {"", algEdDSA},
	}, all)
}

func TestSetsOfKeysAreBounded(t *testing.T) {
	t.Parallel()
	keys := make([]string, jwksKeysMax)
	for i := range keys {
		keys[i] = edKey(fmt.Sprint(i), "")
	}
	uses, err := parseJWKS(setOf(keys...))
	require.NoError(t, err)
	require.Len(t, uses, jwksKeysMax)
	_, err = parseJWKS(setOf(slices.Concat(keys, []string{edKey("more", "")})...))
	require.ErrorContains(t, err, "at most 64")
}

func TestWhatIsNoSetOfKeysIsRefused(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"", "{}", "[]", "null", `{"keys":{}}`, `{"keys":[]}`, `{"keys":[`, `{"keys":[],"keys":[]}`, "<html>"} {
		_, err := parseJWKS([]byte(document))
		require.Error(t, err, document)
	}
}

func FuzzJWKS(f *testing.F) {
	f.Add(setOf(edKey("a", "")))
	f.Add(setOf(edKey("a", `,"use":"enc"`), `{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
	f.Add(setOf(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		uses, err := parseJWKS(document)
		if (len(uses) == 0) != (err != nil) || len(uses) > 2*jwksKeysMax {
			t.Fatalf("%d uses, %v", len(uses), err)
		}
		for use := range uses {
			if len(use.kid) > keyIDMax {
				t.Fatalf("kid of %d bytes", len(use.kid))
			}
		}
		if err == nil && !json.Valid(document) {
			t.Fatalf("%q is no JSON", document)
		}
	})
}
