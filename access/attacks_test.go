package access_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/persistence"
)

// attack is a credential that must be refused.
type attack struct {
	name string
	make func(s *scene) []byte
	want error // ErrInvalid when nil
}

func TestTokensThatAreAttacksAreRefused(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	all := append(attacksOnAlgorithms(), attacksOnClaims()...)
	all = append(all, attacksOnTheForm()...)
	all = append(all, attacksOnSignatures()...)
	require.GreaterOrEqual(t, len(all), 100)
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := setup(t, keys)
				refused(t, s, a)
				// Once more, when the issuer has been asked for what was not known.
				time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
				refused(t, s, a)
				require.LessOrEqual(t, s.issuer.fetches(), 2)
				_, err := s.Bearer(s.good())
				require.NoError(t, err, "a good one is believed beside it")
			})
		})
	}
}

func refused(t *testing.T, s *scene, a attack) {
	t.Helper()
	credential := a.make(s)
	who, err := s.Bearer(credential)
	require.Nil(t, who)
	require.Error(t, err)
	want := a.want
	if want == nil {
		want = access.ErrInvalid
	}
	require.ErrorIs(t, err, want)
	require.Less(t, len(err.Error()), 200)
	if len(credential) > 20 {
		require.NotContains(t, err.Error(), string(credential[:20]), "the log must not hold credentials")
	}
}

func attacksOnAlgorithms() []attack {
	var all []attack
	for _, alg := range []any{"none", "None", "NONE", "nOnE", "none ", "", nil, 0, "rs256", "RS256 ", "HS256", "HS512", "RS384", "RS512", "ES384", "ES512", "PS384", "Ed25519", "ES256K", "RSA-OAEP", "dir"} {
		all = append(all,
			attack{name: fmt.Sprintf("alg %#v, with a signature", alg), make: func(s *scene) []byte { return s.headed("alg", alg) }},
			attack{name: fmt.Sprintf("alg %#v, without one", alg), make: func(s *scene) []byte {
				token := s.headed("alg", alg)
				return token[:bytes.LastIndexByte(token, '.')+1]
			}})
	}
	for name, secret := range map[string]func(s *scene) []byte{
		"the RSA key as PEM": func(s *scene) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(s.rsa.Public())})
		},
		"the RSA key as DER":        func(s *scene) []byte { return der(s.rsa.Public()) },
		"the RSA key's modulus":     func(s *scene) []byte { return s.rsa.N.Bytes() },
		"the key of Ed25519":        func(s *scene) []byte { return s.ed.Public().(ed25519.PublicKey) },
		"the secret that is public": func(*scene) []byte { return []byte("secret") },
		"nothing":                   func(*scene) []byte { return nil },
	} {
		for _, kid := range []string{"rsa", "ed", "oct", ""} {
			all = append(all, attack{name: "HS256 with " + name + ", kid " + kid, make: func(s *scene) []byte {
				text := b64(s.encode(headerOf("HS256", kid))) + "." + b64(s.encode(s.claims()))
				mac := hmac.New(sha256.New, secret(s))
				mac.Write([]byte(text))
				return []byte(text + "." + b64(mac.Sum(nil)))
			}})
		}
	}
	cross := func(name, alg, kid string, key func(s *scene) crypto.Signer) {
		all = append(all, attack{name: name, make: func(s *scene) []byte { return s.sign(headerOf(alg, kid), s.claims(), key(s)) }})
	}
	rsaKey := func(s *scene) crypto.Signer { return s.rsa }
	ecKey := func(s *scene) crypto.Signer { return s.ec }
	edKey := func(s *scene) crypto.Signer { return s.ed }
	cross("RS256 by the kid of a P-256 key", "RS256", "ec", rsaKey)
	cross("RS256 by the kid of an Ed25519 key", "RS256", "ed", rsaKey)
	cross("ES256 by the kid of an RSA key", "ES256", "rsa", ecKey)
	cross("ES256 with the signature of an RSA key", "ES256", "ec", rsaKey)
	cross("RS256 with the signature of a P-256 key", "RS256", "rsa", ecKey)
	cross("EdDSA by the kid of a P-256 key", "EdDSA", "ec", edKey)
	cross("PS256 with a signature of RS256", "PS256", "rsa-any", rsaKey)
	cross("PS256 by a key that is for RS256 only", "PS256", "rsa", rsaKey)
	cross("a key that is for encryption", "RS256", "enc", rsaKey)
	cross("a key that may sign and not verify", "EdDSA", "ops", edKey)
	cross("a weak RSA key that is published", "RS256", "weak", func(s *scene) crypto.Signer { return s.weak })
	return append(all, attack{name: "PS256, properly signed, by a key that is for RS256 only", make: func(s *scene) []byte {
		text := b64(s.encode(headerOf("PS256", "rsa"))) + "." + b64(s.encode(s.claims()))
		signature, err := jwt.SigningMethodPS256.Sign(text, s.rsa)
		require.NoError(s.t, err)
		return []byte(text + "." + b64(signature))
	}})
}

func attacksOnClaims() []attack {
	var all []attack
	claim := func(name, claim string, value func() any) {
		all = append(all, attack{name: name, make: func(s *scene) []byte { return s.said(claim, value()) }})
	}
	is := func(value any) func() any { return func() any { return value } }
	in := func(d time.Duration) func() any { return func() any { return time.Now().Add(d).Unix() } }
	for _, required := range []string{"iss", "aud", "exp", "sub"} {
		claim(required+" is missing", required, is(nil))
		claim(required+" is an object", required, is(map[string]any{"a": 1}))
		claim(required+" is empty", required, is(""))
	}
	claim("iss of another issuer", "iss", is("https://login.example/realms/other"))
	claim("iss with a slash more", "iss", is(issuerName+"/"))
	claim("iss in capitals", "iss", is(strings.ToUpper(issuerName)))
	claim("iss is a list", "iss", is([]string{issuerName}))
	claim("aud of another API", "aud", is("billing"))
	claim("aud only begins like it", "aud", is(audience+".evil.example"))
	claim("aud is an empty list", "aud", is([]string{}))
	claim("aud is a list of others", "aud", is([]string{"billing", "crm"}))
	claim("aud is a number", "aud", is(1))
	claim("aud is a list with a number", "aud", is([]any{audience, 1}))
	claim("exp is a text", "exp", is("2099-01-01"))
	claim("exp is a number as a text", "exp", is("99999999999"))
	claim("exp is in milliseconds", "exp", func() any { return time.Now().Add(time.Hour).UnixMilli() })
	claim("exp is negative", "exp", is(-1))
	claim("exp is beyond all years", "exp", is(1e300))
	claim("exp is true", "exp", is(true))
	claim("nbf is beyond the leeway", "nbf", in(62*time.Second))
	claim("nbf is a text", "nbf", is("now"))
	claim("nbf is negative", "nbf", is(-1))
	claim("sub has a space", "sub", is("kim lee"))
	claim("sub has a line end", "sub", is("kim\r\nX-Admin: 1"))
	claim("sub is not ASCII", "sub", is("김"))
	claim("sub has a zero byte", "sub", is("kim\x00"))
	claim("sub is too long", "sub", is(strings.Repeat("k", 129)))
	claim("sub is a number", "sub", is(7))
	claim("scope is a number", "scope", is(7))
	all = append(all,
		attack{name: "exp is past the leeway", want: access.ErrExpired, make: func(s *scene) []byte {
			return s.said("exp", time.Now().Add(-61*time.Second).Unix())
		}},
		attack{name: "exp is at the end of the leeway", want: access.ErrExpired, make: func(s *scene) []byte {
			return s.said("exp", time.Now().Add(-60*time.Second).Unix())
		}},
		attack{name: "exp is zero", want: access.ErrExpired, make: func(s *scene) []byte { return s.said("exp", 0) }},
	)
	raw := func(name, format string) {
		all = append(all, attack{name: name, make: func(s *scene) []byte {
			rest := fmt.Sprintf(format, time.Now().Add(5*time.Minute).Unix())
			return s.sign(headerOf("EdDSA", "ed"), strings.ReplaceAll(rest, "ISSUER", issuerName), s.ed)
		}})
	}
	raw("exp stands twice", `{"iss":"ISSUER","aud":"penstock","sub":"kim","exp":1,"exp":%d}`)
	raw("sub stands twice", `{"iss":"ISSUER","aud":"penstock","sub":"kim","sub":"root","exp":%d}`)
	raw("sub stands twice, once escaped", `{"iss":"ISSUER","aud":"penstock","sub":"kim","\u0073ub":"root","exp":%d}`)
	raw("iss stands twice", `{"iss":"https://evil.example","iss":"ISSUER","aud":"penstock","sub":"kim","exp":%d}`)
	raw("claims in other letters", `{"ISS":"ISSUER","Aud":"penstock","Sub":"kim","EXP":%d}`)
	raw("exp in other letters", `{"iss":"ISSUER","aud":"penstock","sub":"kim","Exp":%d}`)
	raw("a number beyond all numbers", `{"iss":"ISSUER","aud":"penstock","sub":"kim","nbf":%d,"exp":1e999}`)
	raw("invalid UTF-8", "{\"iss\":\"ISSUER\",\"aud\":\"penstock\",\"sub\":\"kim\xff\",\"exp\":%d}")
	raw("more after the claims", `{"iss":"ISSUER","aud":"penstock","sub":"kim","exp":%d}{}`)
	raw("no claims but a list", `[{"iss":"ISSUER","aud":"penstock","sub":"kim","exp":%d}]`)
	raw("null, and a date in a comment", `null /*%d*/`)
	return append(all,
		attack{name: "null for claims", make: func(s *scene) []byte { return s.sign(headerOf("EdDSA", "ed"), "null", s.ed) }},
		attack{name: "nothing for claims", make: func(s *scene) []byte { return s.sign(headerOf("EdDSA", "ed"), "", s.ed) }},
		attack{name: "claims of a thousand levels", make: func(s *scene) []byte {
			return s.sign(headerOf("EdDSA", "ed"), strings.Repeat(`{"a":`, 1000), s.ed)
		}},
	)
}

func attacksOnTheForm() []attack {
	var all []attack
	head := func(name, field string, value any) {
		all = append(all, attack{name: name, make: func(s *scene) []byte { return s.headed(field, value) }})
	}
	head("typ is missing", "typ", nil)
	head("typ of a logout token", "typ", "logout+jwt")
	head("typ of a proof of possession", "typ", "dpop+jwt")
	head("typ is a list", "typ", []string{"JWT"})
	head("crit", "crit", []string{"exp"})
	head("crit is empty", "crit", []string{})
	head("crit with b64", "crit", []string{"b64"})
	head("kid is missing", "kid", nil)
	head("kid is a number", "kid", 1)
	head("kid nobody knows", "kid", "who")
	head("kid is a path", "kid", "../../../../dev/null")
	head("kid is SQL", "kid", "ed' OR '1'='1")
	head("kid is a URL", "kid", "https://evil.example/key")
	head("kid is too long", "kid", strings.Repeat("k", 257))
	head("kid in capitals", "kid", "ED")
	own := func(name string, field func(s *scene) (string, any)) {
		all = append(all, attack{name: name, make: func(s *scene) []byte {
			f, value := field(s)
			return s.sign(with(headerOf("EdDSA", "ed"), f, value), s.claims(), s.other)
		}})
	}
	own("jwk in the header", func(s *scene) (string, any) { return "jwk", edJWK("ed", s.other.Public().(ed25519.PublicKey)) })
	own("jku in the header", func(*scene) (string, any) { return "jku", "https://evil.example/keys" })
	own("x5u in the header", func(*scene) (string, any) { return "x5u", "https://evil.example/cert" })
	own("x5c in the header", func(*scene) (string, any) { return "x5c", []string{"AAAA"} })
	raw := func(name, header string) {
		all = append(all, attack{name: name, make: func(s *scene) []byte { return s.sign(header, s.claims(), s.ed) }})
	}
	raw("alg stands twice", `{"alg":"none","alg":"EdDSA","kid":"ed","typ":"JWT"}`)
	raw("alg stands twice, the other way round", `{"alg":"EdDSA","kid":"ed","typ":"JWT","alg":"none"}`)
	raw("kid stands twice", `{"alg":"EdDSA","kid":"who","kid":"ed","typ":"JWT"}`)
	raw("alg in capitals", `{"ALG":"EdDSA","kid":"ed","typ":"JWT"}`)
	raw("crit is null", `{"alg":"EdDSA","kid":"ed","typ":"JWT","crit":null}`)
	raw("no header but a list", `["EdDSA"]`)
	raw("null for a header", `null`)
	raw("nothing for a header", ``)
	raw("a header that is cut off", `{"alg":"EdDSA","kid":"ed"`)
	text := func(name string, change func(token string) string) {
		all = append(all, attack{name: name, make: func(s *scene) []byte { return []byte(change(string(s.good()))) }})
	}
	text("nothing", func(string) string { return "" })
	text("one dot", func(string) string { return "." })
	text("two dots", func(string) string { return ".." })
	text("thousands of dots", func(string) string { return strings.Repeat(".", access.TokenMax) })
	text("zero bytes", func(string) string { return strings.Repeat("\x00", 100) })
	text("cut off", func(token string) string { return token[:len(token)-10] })
	text("half of it", func(token string) string { return token[:len(token)/2] })
	text("a part more", func(token string) string { return token + ".e30" })
	text("five parts, as if it were encrypted", func(token string) string { return token + ".AAAA.AAAA" })
	text("a dot more", func(token string) string { return token + "." })
	text("too long", func(token string) string { return token + strings.Repeat("A", access.TokenMax) })
	text("a line end in it", func(token string) string { return token[:20] + "\n" + token[20:] })
	text("a carriage return at its end", func(token string) string { return token + "\r" })
	text("a space before it", func(token string) string { return " " + token })
	text("padded", func(token string) string { return token + "==" })
	text("the other alphabet of base64", func(token string) string { return token + "+/" })
	text("a letter more", func(token string) string { return token + "A" })
	return append(all, attack{name: "a header that is too long", make: func(s *scene) []byte {
		return s.headed("x", strings.Repeat("y", access.TokenMax))
	}})
}

func attacksOnSignatures() []attack {
	parts := func(token []byte) (text string, signature []byte) {
		at := bytes.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(string(token[at+1:]))
		if err != nil {
			panic(err)
		}
		return string(token[:at]), signature
	}
	ed := func(change func(s *scene, signature []byte) []byte) func(s *scene) []byte {
		return func(s *scene) []byte {
			text, signature := parts(s.good())
			return []byte(text + "." + b64(change(s, signature)))
		}
	}
	ec := func(change func(s *scene, r, v *big.Int) []byte) func(s *scene) []byte {
		return func(s *scene) []byte {
			text, signature := parts(s.sign(headerOf("ES256", "ec"), s.claims(), s.ec))
			return []byte(text + "." + b64(change(s, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))))
		}
	}
	raw := func(r, v *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	}
	zero := new(big.Int)
	return []attack{
		{name: "no signature", make: ed(func(*scene, []byte) []byte { return nil })},
		{name: "a signature of zeros", make: ed(func(*scene, []byte) []byte { return make([]byte, ed25519.SignatureSize) })},
		{name: "a bit of the signature is another", make: ed(func(_ *scene, sig []byte) []byte { sig[7] ^= 4; return sig })},
		{name: "a signature that is shorter", make: ed(func(_ *scene, sig []byte) []byte { return sig[1:] })},
		{name: "a signature that is longer", make: ed(func(_ *scene, sig []byte) []byte { return append(sig, 0) })},
		{name: "a signature of another key", make: func(s *scene) []byte { return s.sign(headerOf("EdDSA", "ed"), s.claims(), s.other) }},
		{name: "Ed25519: the order added to the signature", make: ed(func(_ *scene, sig []byte) []byte {
			order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
			v := new(big.Int).Add(order, new(big.Int).SetBytes(reversed(sig[32:])))
			return append(sig[:32:32], reversed(v.FillBytes(make([]byte, 32)))...)
		})},
		{name: "ES256: zeros", make: ec(func(*scene, *big.Int, *big.Int) []byte { return raw(zero, zero) })},
		{name: "ES256: r is zero", make: ec(func(_ *scene, _, v *big.Int) []byte { return raw(zero, v) })},
		{name: "ES256: s is zero", make: ec(func(_ *scene, r, _ *big.Int) []byte { return raw(r, zero) })},
		{name: "ES256: r and s are the order", make: ec(func(s *scene, _, _ *big.Int) []byte {
			return raw(s.ec.Params().N, s.ec.Params().N)
		})},
		{name: "ES256: r and s changed over", make: ec(func(_ *scene, r, v *big.Int) []byte { return raw(v, r) })},
		{name: "ES256: in DER", make: ec(func(_ *scene, r, v *big.Int) []byte {
			out, err := asn1.Marshal(struct{ R, S *big.Int }{r, v})
			if err != nil {
				panic(err)
			}
			return out
		})},
		{name: "the signature of other claims", make: func(s *scene) []byte {
			_, signature := parts(s.good())
			text, _ := parts(s.said("scope", "admin"))
			return []byte(text + "." + b64(signature))
		}},
		{name: "the signature of another header", make: func(s *scene) []byte {
			_, signature := parts(s.good())
			text, _ := parts(s.headed("typ", "JWT"))
			return []byte(text + "." + b64(signature))
		}},
		{name: "the last bits of base64 are others", make: func(s *scene) []byte {
			token := s.good() // 64 bytes leave four bits of the last letter, which must be zero
			token[len(token)-1]++
			return token
		}},
	}
}

// What signs with P-256 can be written in two ways, by who has no key too. It is the same token.
func TestTheOtherSignatureOfES256ProvesTheSame(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		text := b64(s.encode(headerOf("ES256", "ec"))) + "." + b64(s.encode(s.claims()))
		digest := sha256.Sum256([]byte(text))
		r, v, err := ecdsa.Sign(rand.Reader, s.ec, digest[:])
		require.NoError(t, err)
		for range 2 {
			who, err := s.Bearer([]byte(text + "." + b64(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))))
			require.NoError(t, err)
			require.Equal(t, "kim", who.Principal.Subject)
			v.Sub(s.ec.Params().N, v)
		}
	})
}

func TestKeysThatAreAttacksAreRefused(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	changed := func(change func(text string) string) func(s *scene) []byte {
		return func(s *scene) []byte {
			_, text := s.key(time.Time{})
			return []byte(change(text))
		}
	}
	for _, a := range []attack{
		{name: "revoked", make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			s.revoke(key.ID)
			return []byte(text)
		}},
		{name: "expired", want: access.ErrExpired, make: func(s *scene) []byte {
			_, text := s.key(time.Now().Add(time.Hour))
			time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
			return []byte(text)
		}},
		{name: "rotated, the grace is over", want: access.ErrExpired, make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			s.rotate(key.ID, time.Hour)
			time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
			return []byte(text)
		}},
		{name: "rotated without grace", make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			s.rotate(key.ID, 0)
			return []byte(text)
		}},
		{name: "rotated twice", make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			s.rotate(key.ID, time.Hour)
			s.rotate(key.ID, time.Hour)
			return []byte(text)
		}},
		{name: "the newest secret of a revoked key", make: func(s *scene) []byte {
			key, _ := s.key(time.Time{})
			text := s.rotate(key.ID, time.Hour)
			s.revoke(key.ID)
			return []byte(text)
		}},
		{name: "expired for its wrong secret is only wrong", make: func(s *scene) []byte {
			_, text := s.key(time.Now().Add(time.Hour))
			time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
			return []byte(text[:len(text)-4] + "aaaa")
		}},
		{name: "the id of one and the secret of another", make: func(s *scene) []byte {
			_, one := s.key(time.Time{})
			_, two := s.key(time.Time{})
			return []byte(one[:36] + two[36:])
		}},
		{name: "the digest for a secret", make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			return []byte(text[:36] + hex.EncodeToString(key.Secrets[0].Digest[:])[:32])
		}},
		{name: "an id nobody has", make: changed(func(text string) string { return "pk_" + strings.Repeat("0", 32) + text[35:] })},
		{name: "a secret of one letter", make: changed(func(text string) string { return text[:36] + strings.Repeat("a", 32) })},
		{name: "a letter of the secret is another", make: changed(func(text string) string {
			last := byte('a')
			if text[len(text)-1] == last {
				last = 'b'
			}
			return text[:len(text)-1] + string(last)
		})},
		{name: "the id in capitals", make: changed(func(text string) string { return text[:3] + strings.ToUpper(text[3:35]) + text[35:] })},
		{name: "the secret in capitals", make: changed(func(text string) string { return text[:36] + strings.ToUpper(text[36:]) })},
		{name: "the prefix in capitals", make: changed(func(text string) string { return "PK_" + text[3:] })},
		{name: "cut off", make: changed(func(text string) string { return text[:len(text)-1] })},
		{name: "a letter more", make: changed(func(text string) string { return text + "a" })},
		{name: "a space after it", make: changed(func(text string) string { return text + " " })},
		{name: "padded", make: changed(func(text string) string { return text + "====" })},
		{name: "another joint", make: changed(func(text string) string { return text[:35] + "-" + text[36:] })},
		{name: "hyphens in the id", make: changed(func(text string) string {
			return text[:11] + "-" + text[11:15] + "-" + text[15:19] + "-" + text[19:23] + "-" + text[23:]
		})},
		{name: "the prefix alone", make: func(*scene) []byte { return []byte("pk_") }},
		{name: "zero bytes", make: func(*scene) []byte { return append([]byte("pk_"), make([]byte, 65)...) }},
		{name: "thousands of letters", make: func(*scene) []byte { return []byte("pk_" + strings.Repeat("a", 1<<20)) }},
		{name: "a key that has no secrets", make: func(s *scene) []byte {
			key, text := s.key(time.Time{})
			s.store.change(key.ID, func(k *persistence.AccessKey) { k.Secrets = nil })
			require.NoError(s.t, s.Refresh(s.t.Context()))
			return []byte(text)
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := setup(t, keys)
				refused(t, s, a)
				require.LessOrEqual(t, s.issuer.fetches(), 14, "an hour at most, and never for a key")
			})
		})
	}
}

func der(public crypto.PublicKey) []byte {
	encoded, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return encoded
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return out
}
