package access

import "errors"

// Kinds of refusals (errors.Is). What a refusal says beyond its kind is for the log: shown to the caller, it
// would help whoever is guessing.
var (
	// ErrInvalid: the credential proves nothing. It is malformed, unknown, forged, revoked or used up.
	ErrInvalid = errors.New("the credential is not valid")
	// ErrExpired: it was good, and has ended by itself.
	ErrExpired = errors.New("the credential has expired")
	// ErrUnavailable: whether it is good cannot be found out now. The same may be tried again.
	ErrUnavailable = errors.New("the credential cannot be checked now")
)

// refusal is a kind of refusal with its reason. The reason never holds a credential or a part of one.
type refusal struct {
	kind   error
	reason string
}

// Error implements error.
func (r *refusal) Error() string { return r.kind.Error() + ": " + r.reason }

// Unwrap returns the kind.
func (r *refusal) Unwrap() error { return r.kind }

func invalid(reason string) error     { return &refusal{ErrInvalid, reason} }
func expired(reason string) error     { return &refusal{ErrExpired, reason} }
func unavailable(reason string) error { return &refusal{ErrUnavailable, reason} }
