package access

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The signatures that are believed. Each needs a kind of key that fits no other one.
const (
	algRS256 = "RS256"
	algPS256 = "PS256"
	algES256 = "ES256"
	algEdDSA = "EdDSA"
)

const (
	// jwksKeysMax bounds the keys of an issuer.
	jwksKeysMax = 64
	// keyIDMax bounds the name of a key, in bytes.
	keyIDMax = 256
	// The sizes of RSA keys, in bits. A larger one costs more to verify than anybody should be able to ask for.
	rsaBitsMin = 2048
	rsaBitsMax = 8192
)

// keyUse is a key's name together with an algorithm. Keys are looked up by both, so that a key never
// verifies what it is not made for.
type keyUse struct {
	kid string
	alg string
}

// webKey is a JSON Web Key (RFC 7517), as far as it matters here.
type webKey struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use"`
	KeyOps []string `json:"key_ops"`
	Alg    string   `json:"alg"`
	Kid    string   `json:"kid"`
	Crv    string   `json:"crv"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
	// Secrets of keys must not be in a public document: who publishes one has lost the key.
	D jsontext.Value `json:"d"`
	K jsontext.Value `json:"k"`
}

// parseJWKS reads a set of keys. Keys that are of no use here, or that are weak or malformed, are left out: a
// new kind of key must not shut out those that are good. A set with no good key is an error.
func parseJWKS(document []byte) (map[keyUse]crypto.PublicKey, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("read the set of keys: %w", err)
	}
	if len(set.Keys) > jwksKeysMax {
		return nil, fmt.Errorf("read the set of keys: there are %d, and at most %d are read", len(set.Keys), jwksKeysMax)
	}
	uses := make(map[keyUse]crypto.PublicKey)
	var left error
	for i, text := range set.Keys {
		var jwk webKey
		err := json.Unmarshal(text, &jwk)
		if err == nil {
			err = jwk.addTo(uses)
		}
		if err != nil {
			left = errors.Join(left, fmt.Errorf("key %d: %w", i, err))
		}
	}
	if len(uses) == 0 {
		return nil, errors.Join(errors.New("read the set of keys: none of them can be used"), left)
	}
	return uses, nil
}

// addTo adds what the key can be used for. Of keys that cannot be told apart the first counts.
func (k *webKey) addTo(uses map[keyUse]crypto.PublicKey) error {
	public, algs, err := k.public()
	switch {
	case err != nil:
		return err
	case k.D != nil || k.K != nil:
		return errors.New("it is published with its secret")
	case k.Use != "" && k.Use != "sig", k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify"):
		return errors.New("it is not for signatures")
	case len(k.Kid) > keyIDMax:
		return fmt.Errorf("its kid is longer than %d bytes", keyIDMax)
	case k.Alg != "" && !slices.Contains(algs, k.Alg):
		return fmt.Errorf("it is for %.20q", k.Alg)
	}
	for _, alg := range algs {
		use := keyUse{kid: k.Kid, alg: alg}
		if _, taken := uses[use]; !taken && (k.Alg == "" || k.Alg == alg) {
			uses[use] = public
		}
	}
	return nil
}

// public returns the key and the algorithms that it fits.
func (k *webKey) public() (key crypto.PublicKey, algs []string, err error) {
	switch {
	case k.Kty == "RSA":
		key, err = k.rsa()
		return key, []string{algRS256, algPS256}, err
	case k.Kty == "EC" && k.Crv == "P-256":
		key, err = k.ecdsa()
		return key, []string{algES256}, err
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		key, err = k.ed25519()
		return key, []string{algEdDSA}, err
	default:
		return nil, nil, fmt.Errorf("nothing is known of keys of kind %.20q %.20q", k.Kty, k.Crv)
	}
}

func (k *webKey) rsa() (*rsa.PublicKey, error) {
	modulus, err := decode(k.N)
	if err != nil {
		return nil, err
	}
	exponent, err := decode(k.E)
	if err != nil {
		return nil, err
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	switch {
	case n.BitLen() < rsaBitsMin || n.BitLen() > rsaBitsMax:
		return nil, fmt.Errorf("its modulus has %d bits; it must have from %d to %d", n.BitLen(), rsaBitsMin, rsaBitsMax)
	case n.Bit(0) == 0:
		return nil, errors.New("its modulus is even")
	case e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0:
		return nil, errors.New("its exponent is none")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func (k *webKey) ecdsa() (*ecdsa.PublicKey, error) {
	x, err := decode(k.X)
	if err != nil {
		return nil, err
	}
	y, err := decode(k.Y)
	if err != nil {
		return nil, err
	}
	// A point that is not on the curve is refused here.
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, fmt.Errorf("its point is none: %w", err)
	}
	return key, nil
}

func (k *webKey) ed25519() (ed25519.PublicKey, error) {
	x, err := decode(k.X)
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("its point has %d bytes", len(x))
	}
	return ed25519.PublicKey(x), nil
}

func decode(text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("its base64url is malformed")
	}
	return raw, nil
}
