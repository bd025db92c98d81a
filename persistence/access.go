package persistence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// AccessKeysMax bounds the API keys of a store, ended ones included.
	AccessKeysMax = 10_000
	// AccessSecretsMax bounds the secrets of one key.
	AccessSecretsMax = 2
)

// ErrConflict says that the row has been changed since it was read.
var ErrConflict = errors.New("the row has changed since it was read")

// AccessKey is an API key as it is stored: never the key itself.
type AccessKey struct {
	ID      commerce.ID
	Name    string // for people: whose key it is, and what for
	Subject string // who acts when it is used
	Scopes  commerce.Scopes
	// Secrets are the digests of the secrets that open it: one, or two while it is being rotated.
	Secrets   []AccessSecret
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: it has not been revoked
	Version   uint64    // counts changes; 1 when made
}

// AccessSecret is one secret of a key, as its SHA-256.
type AccessSecret struct {
	Digest    [32]byte
	ExpiresAt time.Time // zero: with the key
}

// AuditHead is where the audit log ends: the number and the hash of its last record, zero when it is empty.
type AuditHead struct {
	Seq  uint64
	Hash [32]byte
}

// AccessStore keeps API keys and the audit log. Unlike everything else it is written without a Writer, so
// that an operator's command can do it beside a running server.
//
// What it writes answers ErrUnavailable when nothing was written, and ErrUnknown when the store broke off
// before it said what became of it: then the log tells, once it can be read again. The context bounds
// waiting for a turn; a write that has begun is not cancelled.
type AccessStore interface {
	AuditLog

	// AccessKeys returns all keys, ended ones too, in id order.
	AccessKeys(ctx context.Context) ([]AccessKey, error)
	// AccessVersion is a number that grows with every PutAccessKey, for asking often.
	AccessVersion(ctx context.Context) (uint64, error)
	// PutAccessKey writes a key, new when its Version is 1, otherwise in place of the version before, and
	// seals and appends the record, as one durable transaction. ErrConflict when the version before is not
	// there (or, for a new one, the id is taken), or when there are AccessKeysMax.
	PutAccessKey(ctx context.Context, key *AccessKey, record *commerce.AuditRecord) error
	// RecordAudit seals and appends a record of something that changes nothing in the store.
	RecordAudit(ctx context.Context, record *commerce.AuditRecord) error
}

// AuditLog is an audit log that can be read: a store's, or that of a server which is asked for it.
type AuditLog interface {
	// AuditRecords returns up to limit records with Seq > after, in order. They are as stored: whether
	// the chain holds is the reader's question.
	AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error)
	// AuditHead returns where the log ends, from the row that the next record will follow.
	AuditHead(ctx context.Context) (AuditHead, error)
}

// Check reports what keeps a key from being stored: a mistake of the program, not of a caller.
func (k *AccessKey) Check() error {
	switch {
	case k.ID.IsZero() || k.Version == 0:
		return errors.New("an access key needs an id and a version")
	case len(k.Secrets) > AccessSecretsMax:
		return fmt.Errorf("an access key has at most %d secrets, not %d", AccessSecretsMax, len(k.Secrets))
	}
	return nil
}
