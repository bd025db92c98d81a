package access

import (
	"crypto/sha256"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// Identity is what a credential has proved: who asks, until when, and what would end it before. It is
// immutable and shared. A copy is as good as the original; one that is made by hand with a Key is not.
type Identity struct {
	Principal commerce.Principal
	// Key is the API key behind it, zero when it was proved by a token.
	Key commerce.ID
	// Process says that it is this process itself, which is not held to rates.
	Process bool
	// ExpiresAt is when it ends by itself; zero: never.
	ExpiresAt time.Time

	// digest is of the key's secret that was shown, so that it ends with that secret.
	digest [sha256.Size]byte
	// session is what it was read from, when that is a session.
	session *session
}
