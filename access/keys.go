package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// keysAttemptsMax bounds how often a change is tried that somebody else's crosses.
const keysAttemptsMax = 3

// Keys makes, changes and lists API keys in a store, and leaves a record of each change in the audit log. Its
// refusals are commerce.Errors, which are safe to show; other errors are the store's.
type Keys struct {
	store   persistence.AccessStore
	now     func() time.Time
	log     *slog.Logger
	refresh func(context.Context) error // nil: nobody here uses the keys
}

// Cause says who changes a key, for the audit log.
type Cause struct {
	Actor       string // the principal's subject
	Correlation string // the correlation id of the request, or ""
}

// NewKeys works on a store whose keys are used elsewhere, if at all: by servers beside which it works.
func NewKeys(store persistence.AccessStore, log *slog.Logger) *Keys {
	return &Keys{store: store, now: time.Now, log: log}
}

// List returns all keys, those that have ended too, oldest first.
func (k *Keys) List(ctx context.Context) ([]persistence.AccessKey, error) {
	all, err := k.store.AccessKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return all, nil
}

// Create makes a key. The secret is shown only here.
func (k *Keys) Create(ctx context.Context, spec *KeySpec, by Cause) (*persistence.AccessKey, Secret, error) {
	made, secret, err := NewKey(spec, k.now())
	if err != nil {
		return nil, Secret{}, err
	}
	err = k.put(ctx, nil, made, commerce.AuditKeyCreated, by)
	if errors.Is(err, persistence.ErrConflict) { // no two ids are equal
		return nil, Secret{}, commerce.Errorf(commerce.CodeInvalidTransition,
			"there are %d API keys already, ended ones included, and no more are kept", persistence.AccessKeysMax)
	}
	if err != nil {
		return nil, Secret{}, err
	}
	return made, secret, nil
}

// Rotate gives a key a new secret, which is shown only here. The one before lives on for the grace period.
func (k *Keys) Rotate(ctx context.Context, id commerce.ID, grace time.Duration, by Cause) (*persistence.AccessKey, Secret, error) {
	var secret Secret
	changed, err := k.change(ctx, id, commerce.AuditKeyRotated, by,
		func(key *persistence.AccessKey) (next *persistence.AccessKey, err error) {
			next, secret, err = Rotate(key, grace, k.now())
			return next, err
		})
	if err != nil {
		return nil, Secret{}, err
	}
	return changed, secret, nil
}

// Revoke ends a key. One that has been revoked stays as it is.
func (k *Keys) Revoke(ctx context.Context, id commerce.ID, by Cause) (*persistence.AccessKey, error) {
	return k.change(ctx, id, commerce.AuditKeyRevoked, by,
		func(key *persistence.AccessKey) (*persistence.AccessKey, error) {
			if !key.RevokedAt.IsZero() {
				return nil, nil // there is nothing to change
			}
			return Revoke(key, k.now()), nil
		})
}

// change replaces a key by what the function makes of it; by nothing when that is nil.
func (k *Keys) change(
	ctx context.Context, id commerce.ID, action commerce.AuditAction, by Cause,
	next func(*persistence.AccessKey) (*persistence.AccessKey, error),
) (*persistence.AccessKey, error) {
	for attempt := 1; ; attempt++ {
		before, err := k.find(ctx, id)
		if err != nil {
			return nil, err
		}
		after, err := next(before)
		if err != nil {
			return nil, err
		}
		if after == nil {
			return before, nil
		}
		err = k.put(ctx, before, after, action, by)
		if err == nil {
			return after, nil
		}
		if !errors.Is(err, persistence.ErrConflict) || attempt == keysAttemptsMax {
			return nil, err
		}
	}
}

func (k *Keys) find(ctx context.Context, id commerce.ID) (*persistence.AccessKey, error) {
	all, err := k.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == id {
			return &all[i], nil
		}
	}
	return nil, commerce.Errorf(commerce.CodeNotFound, "there is no API key %s", id)
}

// put writes a key with its record, and has it heeded here.
func (k *Keys) put(ctx context.Context, before, after *persistence.AccessKey, action commerce.AuditAction, by Cause) error {
	record := &commerce.AuditRecord{
		At: k.now(), Actor: by.Actor, Action: action, Target: after.ID.String(),
		Before: audited(before), After: audited(after), Correlation: by.Correlation,
	}
	err := k.store.PutAccessKey(ctx, after, record)
	if errors.Is(err, persistence.ErrUnknown) && k.written(ctx, after) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("write the API key: %w", err)
	}
	if k.refresh == nil {
		return nil
	}
	if err = k.refresh(ctx); err != nil {
		k.log.Warn("an API key has been changed, and is heeded when the store can be read again", "key", after.ID.String(), "error", err)
	}
	return nil
}

// written reports whether a key stands in the store as it was to be written: the store broke off before it
// said so. A secret that nobody has seen would be lost otherwise.
func (k *Keys) written(ctx context.Context, key *persistence.AccessKey) bool {
	stored, err := k.find(ctx, key.ID)
	return err == nil && stored.Version == key.Version && stored.RevokedAt.Equal(key.RevokedAt) && slices.EqualFunc(
		stored.Secrets, key.Secrets, func(a, b persistence.AccessSecret) bool { return a.Digest == b.Digest })
}
