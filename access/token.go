package access

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// TokenMax bounds a token, in bytes.
	TokenMax = 8 << 10
	// tokenRemembered is how long a verified token is not verified again.
	tokenRemembered = time.Minute
	// dateMax is the last second of the year 9999. A later end is no date, but milliseconds or an attack.
	dateMax = 253_402_300_799
)

// tokens verifies the tokens of one issuer: JSON Web Tokens (RFC 7519) as access tokens (RFC 9068).
type tokens struct {
	issuer    *issuer
	parser    *jwt.Parser
	validator *jwt.Validator
	leeway    time.Duration
	now       func() time.Time
	// verified holds tokens by their SHA-256: verifying a signature costs as much as placing an order.
	verified *recent[[sha256.Size]byte, verifiedToken]
}

type verifiedToken struct {
	identity *Identity
	until    time.Time
}

func newTokens(cfg *Config, from *issuer) *tokens {
	leeway := max(cfg.Leeway, 0)
	return &tokens{
		issuer: from, leeway: leeway, now: cfg.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{algRS256, algPS256, algES256, algEdDSA}),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // verify does it earlier
		),
		validator: jwt.NewValidator(
			jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience), jwt.WithExpirationRequired(),
			jwt.WithLeeway(leeway), jwt.WithTimeFunc(cfg.Now),
		),
		verified: newRecent[[sha256.Size]byte, verifiedToken](cfg.TokensMax),
	}
}

// open returns who the holder of a token is. The token is only lent.
func (t *tokens) open(token []byte) (*Identity, error) {
	if len(token) > TokenMax {
		return nil, invalid("the token is too long")
	}
	digest, now := sha256.Sum256(token), t.now()
	if known, ok := t.verified.get(digest); ok && now.Before(known.until) {
		return known.identity, nil
	}
	identity, err := t.verify(string(token))
	if err != nil {
		return nil, err
	}
	t.verified.put(digest, verifiedToken{identity: identity, until: earlier(identity.ExpiresAt, now.Add(tokenRemembered))})
	return identity, nil
}

// verify looks at everything in a token.
func (t *tokens) verify(token string) (*Identity, error) {
	header, err := readHeader(token)
	if err != nil {
		return nil, err
	}
	var said claims
	_, err = t.parser.ParseWithClaims(token, &said, func(*jwt.Token) (any, error) {
		// Claims come before the signature, so that a token that is old or for somebody else does not make us
		// ask the issuer for its key.
		if err := t.validator.Validate(&said); err != nil {
			return nil, err
		}
		return t.issuer.key(keyUse{kid: header.Kid, alg: header.Alg})
	})
	if err != nil {
		return nil, reasonOf(err)
	}
	if !validSubject(said.Sub) {
		return nil, invalid("the token's sub is missing, too long, or not of visible ASCII characters")
	}
	return &Identity{
		Principal: commerce.Principal{
			Subject: said.Sub, Customer: said.Sub, Scopes: said.Scope.scopes() | said.Scp.scopes(),
		},
		ExpiresAt: said.Exp.time().Add(t.leeway),
	}, nil
}

// header is the part of a token that says how it is signed. Where its key could be found (jku, x5u, jwk,
// x5c) is nobody's business but the issuer's: those fields are not even read.
type header struct {
	Alg  string         `json:"alg"`
	Typ  string         `json:"typ"`
	Kid  string         `json:"kid"`
	Crit jsontext.Value `json:"crit"`
}

// readHeader reads the first part of a token and refuses whatever nothing is known of.
func readHeader(token string) (header, error) {
	var h header
	for i := range len(token) {
		if !isTokenLetter(token[i]) { // Go's decoders overlook line ends
			return h, invalid("the token holds what no token does")
		}
	}
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return h, invalid("the token's header is malformed")
	}
	if err := json.Unmarshal(text, &h); err != nil { // names that stand twice are refused, too
		return h, invalid("the token's header is malformed")
	}
	switch {
	case h.Alg != algRS256 && h.Alg != algPS256 && h.Alg != algES256 && h.Alg != algEdDSA:
		return h, invalid("the token's alg is none that is believed")
	case !strings.EqualFold(h.Typ, "at+jwt") && !strings.EqualFold(h.Typ, "application/at+jwt") && !strings.EqualFold(h.Typ, "JWT"):
		return h, invalid("the token's typ is not at+jwt or JWT")
	case h.Crit != nil:
		return h, invalid("the token has a crit header")
	case len(h.Kid) > keyIDMax:
		return h, invalid("the token's kid is too long")
	}
	return h, nil
}

func isTokenLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// claims is what a token says. It implements jwt.Claims.
type claims struct {
	Iss   string           `json:"iss"`
	Sub   string           `json:"sub"`
	Aud   jwt.ClaimStrings `json:"aud"`
	Exp   *date            `json:"exp"`
	Nbf   *date            `json:"nbf"`
	Scope words            `json:"scope"`
	Scp   words            `json:"scp"`
}

// UnmarshalJSON implements json.Unmarshaler: names that stand twice, or in other letters, are not taken for
// claims, as encoding/json would do.
func (c *claims) UnmarshalJSON(text []byte) error {
	type plain claims
	return json.Unmarshal(text, (*plain)(c))
}

// GetExpirationTime implements jwt.Claims.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Exp.numeric() }

// GetNotBefore implements jwt.Claims.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.Nbf.numeric() }

// GetIssuedAt implements jwt.Claims. When a token was made does not matter.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) {
	return nil, nil //nolint:nilnil // the interface's way to say that there is none
}

// GetAudience implements jwt.Claims.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.Aud, nil }

// GetIssuer implements jwt.Claims.
func (c *claims) GetIssuer() (string, error) { return c.Iss, nil }

// GetSubject implements jwt.Claims.
func (c *claims) GetSubject() (string, error) { return c.Sub, nil }

// date is a moment in seconds since 1970.
type date float64

func (d *date) time() time.Time { return time.Unix(int64(*d), 0) }

func (d *date) numeric() (*jwt.NumericDate, error) {
	switch {
	case d == nil:
		return nil, nil //nolint:nilnil // the interface's way to say that there is none
	case !(*d >= 0 && *d <= dateMax):
		return nil, jwt.ErrInvalidType
	}
	return jwt.NewNumericDate(d.time()), nil
}

// words is a list of words, or a text of words with spaces between: issuers write scopes in both ways.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]string)(w))
	}
	var joined string
	err := json.Unmarshal(text, &joined)
	*w = strings.Split(joined, " ")
	return err
}

// scopes returns the scopes that are known here. Others mean something to others.
func (w words) scopes() commerce.Scopes {
	var all commerce.Scopes
	for _, name := range w {
		if scope, err := commerce.ParseScope(name); err == nil {
			all |= scope
		}
	}
	return all
}

// reasonOf returns what is wrong with a token, in words of ours: the library's repeat parts of it.
func reasonOf(err error) error {
	var reason *refusal
	if errors.As(err, &reason) {
		return reason
	}
	for _, known := range [...]struct {
		is  error
		say string
	}{
		{jwt.ErrTokenMalformed, "the token is malformed"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature is wrong"},
		{jwt.ErrTokenInvalidIssuer, "the token is of another issuer"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience"},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks one of iss, aud and exp"},
		{jwt.ErrInvalidType, "a date of the token is none"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
	} {
		if errors.Is(err, known.is) {
			return invalid(known.say)
		}
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return expired("the token has expired")
	}
	return invalid("the token cannot be verified")
}
