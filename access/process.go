package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"github.com/penstock-dev/penstock/commerce"
)

// processPrefix begins the credential of a process. No API key and no token begins so.
const processPrefix = "pp_"

// processCredential stands for the process itself.
type processCredential struct {
	digest [sha256.Size]byte
	who    *Identity
}

// ForProcess makes a credential for what this process asks of its own server. It is kept in memory only, ends
// with the process or the next call, and is not held to rates.
func (a *Authenticator) ForProcess(who commerce.Principal) Secret {
	var random [keySecretBytes]byte
	_, _ = rand.Read(random[:]) // it never fails, or ends the program
	text := processPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
	a.process.Store(&processCredential{
		digest: sha256.Sum256([]byte(text)), who: &Identity{Principal: who, Process: true},
	})
	return NewSecret(text)
}

// isProcess reports whether a credential is meant as one of a process.
func isProcess(credential []byte) bool {
	return len(credential) > len(processPrefix) && string(credential[:len(processPrefix)]) == processPrefix
}

// openProcess returns the process whose credential it is.
func (a *Authenticator) openProcess(credential []byte) (*Identity, error) {
	known, digest := a.process.Load(), sha256.Sum256(credential)
	if known == nil || subtle.ConstantTimeCompare(known.digest[:], digest[:]) != 1 {
		return nil, invalid("it is not the credential of this process")
	}
	return known.who, nil
}
