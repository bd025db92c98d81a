package apifuzz

import "slices"

// Caller is who a request comes from.
type Caller struct {
	Name   string
	Header string // the Authorization field; "" is none
	Cookie string // or the session's
	// Subject is whose orders the caller may see; "" says that it may see everybody's.
	Subject string
	Scopes  []string
	// Refused says that the credential proves nothing. Nobody is who sends none.
	Refused bool
	Nobody  bool
}

// may says what the caller's credential is worth to an operation of a server where everybody must prove who
// they are: the status that refuses it, or 0.
func (c *Caller) may(op *operation, ticket bool) int {
	switch {
	case ticket:
		return 0
	case c.Refused:
		return 401
	case len(op.Ways) == 0:
		return 0
	case c.Nobody:
		return 401
	}
	for _, scope := range op.Scopes {
		if !slices.Contains(c.Scopes, scope) {
			return 403
		}
	}
	return 0
}
