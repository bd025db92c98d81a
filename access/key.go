package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// An API key as its holder has it: pk_<32 hex digits of its id>_<32 characters of base32>, 68 characters
// in all. There is one way to write it: no capitals, no padding, no hyphens.
const (
	keyPrefix       = "pk_"
	keySecretAt     = len(keyPrefix) + 32 + 1
	keyLength       = keySecretAt + 32
	keySecretBytes  = 20 // 160 bits, which base32 writes without a bit to spare
	base32LowerCase = "abcdefghijklmnopqrstuvwxyz234567"
)

// Limits on what is said of a key.
const (
	// KeyNameMax bounds a key's name, in characters.
	KeyNameMax = 100
	// KeyGraceMax bounds how long the secret before lives on when a key is rotated.
	KeyGraceMax = 30 * 24 * time.Hour
)

// KeySpec is what somebody says who wants a key.
type KeySpec struct {
	Name      string
	Subject   string
	Scopes    commerce.Scopes
	ExpiresAt time.Time // zero: never
}

// NewKey makes a key and the text that opens it, which is kept nowhere. Its error is a commerce.Error
// that names what is wrong with the spec.
func NewKey(spec *KeySpec, now time.Time) (*persistence.AccessKey, Secret, error) {
	if err := spec.validate(now); err != nil {
		return nil, Secret{}, err
	}
	id := commerce.ID(uuid.Must(uuid.NewV7()))
	text, digest := newSecret(id)
	return &persistence.AccessKey{
		ID: id, Name: spec.Name, Subject: spec.Subject, Scopes: spec.Scopes,
		Secrets:   []persistence.AccessSecret{{Digest: digest}},
		CreatedAt: stored(now), ExpiresAt: stored(spec.ExpiresAt), Version: 1,
	}, text, nil
}

// Rotate returns the key with a new secret, and the text with it. The secret that was the newest opens the
// key for the grace period more; one that was in its grace already ends at once, so that there are never
// more than two. The key that was given is not changed.
func Rotate(key *persistence.AccessKey, grace time.Duration, now time.Time) (*persistence.AccessKey, Secret, error) {
	switch {
	case grace < 0 || grace > KeyGraceMax:
		return nil, Secret{}, refuse("/grace_seconds", fmt.Sprintf("must be from 0 to %d", int(KeyGraceMax.Seconds())))
	case !key.RevokedAt.IsZero():
		return nil, Secret{}, commerce.Errorf(commerce.CodeInvalidTransition, "the key has been revoked")
	case ended(key.ExpiresAt, now):
		return nil, Secret{}, commerce.Errorf(commerce.CodeInvalidTransition, "the key has expired")
	}
	next := *key
	next.Version++
	next.Secrets = make([]persistence.AccessSecret, 0, persistence.AccessSecretsMax)
	if newest := len(key.Secrets) - 1; newest >= 0 && grace > 0 {
		next.Secrets = append(next.Secrets, persistence.AccessSecret{
			Digest: key.Secrets[newest].Digest, ExpiresAt: earlier(key.Secrets[newest].ExpiresAt, stored(now.Add(grace))),
		})
	}
	text, digest := newSecret(key.ID)
	next.Secrets = append(next.Secrets, persistence.AccessSecret{Digest: digest})
	return &next, text, nil
}

// Revoke returns the key as one that opens nothing any more. The key that was given is not changed.
func Revoke(key *persistence.AccessKey, now time.Time) *persistence.AccessKey {
	next := *key
	next.Version++
	next.RevokedAt = stored(now)
	return &next
}

// ParseKey takes an API key apart: the id, and the digest of its secret, which is all that is ever
// compared. Its error is ErrInvalid.
func ParseKey[T string | []byte](text T) (id commerce.ID, digest [sha256.Size]byte, err error) {
	if len(text) != keyLength || string(text[:len(keyPrefix)]) != keyPrefix || text[keySecretAt-1] != '_' {
		return id, digest, invalid("it is no API key")
	}
	var letters [keyLength]byte
	copy(letters[:], text)
	for _, c := range letters[len(keyPrefix) : keySecretAt-1] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return id, digest, invalid("the id of the API key is malformed")
		}
	}
	for _, c := range letters[keySecretAt:] {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return id, digest, invalid("the secret of the API key is malformed")
		}
	}
	_, _ = hex.Decode(id[:], letters[len(keyPrefix):keySecretAt-1]) // they are hex digits
	return id, sha256.Sum256(letters[keySecretAt:]), nil
}

// isKey reports whether a credential wants to be an API key. No token begins like that: a token's header is
// a JSON object, so that its first letter is an e.
func isKey(credential []byte) bool {
	return len(credential) >= len(keyPrefix) && string(credential[:len(keyPrefix)]) == keyPrefix
}

// newSecret returns the text of a key with a fresh secret, and the secret's digest.
func newSecret(id commerce.ID) (Secret, [sha256.Size]byte) {
	var random [keySecretBytes]byte
	_, _ = rand.Read(random[:]) // never fails: the process would end
	secret := base32.NewEncoding(base32LowerCase).WithPadding(base32.NoPadding).EncodeToString(random[:])
	return NewSecret(keyPrefix + hex.EncodeToString(id[:]) + "_" + secret), sha256.Sum256([]byte(secret))
}

func (s *KeySpec) validate(now time.Time) error {
	switch {
	case !validName(s.Name):
		return refuse("/name", fmt.Sprintf("must be a text of 1 to %d characters, without control characters", KeyNameMax))
	case !validSubject(s.Subject):
		return refuse("/subject", fmt.Sprintf("must be 1 to %d visible ASCII characters, without spaces", commerce.UserIDMax))
	case s.Scopes == 0 || s.Scopes&^commerce.ScopesAll != 0:
		return refuse("/scopes", "must be one scope or more: "+strings.Join(commerce.ScopesAll.Names(), ", "))
	case ended(s.ExpiresAt, now):
		return refuse("/expires_at", "must be in the future")
	}
	return nil
}

func validName(name string) bool {
	return strings.TrimSpace(name) != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= KeyNameMax &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}

// validSubject reports whether a text can name who acts. Idempotency keys are kept apart by it, and logs
// and headers carry it.
func validSubject(subject string) bool {
	if subject == "" || len(subject) > commerce.UserIDMax {
		return false
	}
	for i := range len(subject) {
		if subject[i] <= ' ' || subject[i] > '~' {
			return false
		}
	}
	return true
}

func refuse(pointer, detail string) error {
	return &commerce.Error{
		Code: commerce.CodeValidation, Detail: "the key cannot be made like this",
		Violations: []commerce.Violation{{Pointer: pointer, Detail: detail}},
	}
}

// stored returns a time as a store keeps it.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// ended reports whether an end, where zero is never, has come.
func ended(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// earlier returns the earlier of two ends, where zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
