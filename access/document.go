package access

import (
	"encoding/json"
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// KeyDocument is a key as the API, the command line and the audit log write it: everything but the
// digests of its secrets.
type KeyDocument struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Subject   string           `json:"subject"`
	Scopes    []string         `json:"scopes"`
	CreatedAt time.Time        `json:"created_at"`
	ExpiresAt *time.Time       `json:"expires_at"`
	RevokedAt *time.Time       `json:"revoked_at"`
	Secrets   []SecretDocument `json:"secrets"`
	Version   uint64           `json:"version"`
}

// SecretDocument is one secret of a key: until when it opens it.
type SecretDocument struct {
	ExpiresAt *time.Time `json:"expires_at"`
}

// DocumentOf returns what may be shown of a key.
func DocumentOf(key *persistence.AccessKey) KeyDocument {
	d := KeyDocument{
		ID: key.ID.String(), Name: key.Name, Subject: key.Subject, Scopes: key.Scopes.Names(), CreatedAt: key.CreatedAt.UTC(),
		ExpiresAt: endOf(key.ExpiresAt), RevokedAt: endOf(key.RevokedAt), Version: key.Version,
		Secrets: make([]SecretDocument, len(key.Secrets)),
	}
	for i := range key.Secrets {
		d.Secrets[i].ExpiresAt = endOf(key.Secrets[i].ExpiresAt)
	}
	return d
}

func endOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// audited returns the key as a compact JSON object, or "" for none.
func audited(key *persistence.AccessKey) string {
	if key == nil {
		return ""
	}
	text, _ := json.Marshal(DocumentOf(key)) // texts, numbers and times of this era cannot fail
	return string(text)
}
