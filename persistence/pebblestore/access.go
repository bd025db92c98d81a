package pebblestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// accessBook is the API keys that are durable. They are few, and all in memory.
type accessBook struct {
	version uint64
	keys    map[commerce.ID]persistence.AccessKey // whose secrets are never written again
}

func (a *accessBook) load(ctx context.Context, r pebble.Reader) (err error) {
	if a.version, err = getNumber(r, metaAccess); err != nil {
		return err
	}
	a.keys = make(map[commerce.ID]persistence.AccessKey)
	err = scan(ctx, r, []byte{tableAccess}, func(key, value []byte) error {
		row, err := decodeAccessKey(lastID(key), value)
		a.keys[row.ID] = row
		return err
	})
	if err != nil {
		return fmt.Errorf("read access keys: %w", err)
	}
	return nil
}

// check reports whether a key may be written.
func (a *accessBook) check(key *persistence.AccessKey, keysMax int) error {
	stored, found := a.keys[key.ID]
	switch {
	case key.Version == 1 && found:
		return fmt.Errorf("%w: there is a key %s", persistence.ErrConflict, key.ID)
	case key.Version == 1 && len(a.keys) >= keysMax:
		return fmt.Errorf("%w: there are %d keys, and no more are kept", persistence.ErrConflict, keysMax)
	case key.Version > 1 && stored.Version != key.Version-1:
		return fmt.Errorf("%w: key %s is at version %d, not %d", persistence.ErrConflict, key.ID, stored.Version, key.Version-1)
	}
	return nil
}

// PutAccessKey implements persistence.AccessStore.
func (s *Store) PutAccessKey(ctx context.Context, key *persistence.AccessKey, record *commerce.AuditRecord) error {
	const what = "put access key"
	if err := key.Check(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return s.change(ctx, what, func(in *instance) error {
		s.mu.RLock()
		version := s.mu.access.version + 1
		err := s.mu.access.check(key, s.opts.accessKeysMax)
		s.mu.RUnlock()
		if err != nil {
			return err
		}
		row := encodeAccessKey(key)
		stored, err := decodeAccessKey(key.ID, row) // a copy that nobody else has
		if err != nil {
			return err
		}
		with := func(batch *pebble.Batch) error {
			if err := batch.Set([]byte(metaAccess), appendNumber(nil, version), nil); err != nil {
				return err
			}
			return batch.Set(idKey(nil, tableAccess, key.ID), row, nil)
		}
		return s.appendRecord(in, record, with, func() {
			s.mu.access.version = version
			s.mu.access.keys[key.ID] = stored
		})
	})
}

// AccessKeys implements persistence.AccessStore.
func (s *Store) AccessKeys(context.Context) ([]persistence.AccessKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return nil, persistence.ErrClosed
	}
	keys := slices.Collect(maps.Values(s.mu.access.keys))
	slices.SortFunc(keys, func(a, b persistence.AccessKey) int { return a.ID.Compare(b.ID) })
	for i := range keys {
		keys[i].Secrets = slices.Clone(keys[i].Secrets)
	}
	return keys, nil
}

// AccessVersion implements persistence.AccessStore.
func (s *Store) AccessVersion(context.Context) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return 0, persistence.ErrClosed
	}
	return s.mu.access.version, nil
}

func encodeAccessKey(k *persistence.AccessKey) []byte {
	b := []byte{rowVersion}
	b = binary.AppendUvarint(b, k.Version)
	b = appendText(b, k.Name)
	b = appendText(b, k.Subject)
	b = binary.AppendUvarint(b, uint64(k.Scopes))
	for _, at := range [...]time.Time{k.CreatedAt, k.ExpiresAt, k.RevokedAt} {
		b = appendTime(b, at.Truncate(time.Microsecond))
	}
	b = binary.AppendUvarint(b, uint64(len(k.Secrets)))
	for i := range k.Secrets {
		b = append(b, k.Secrets[i].Digest[:]...)
		b = appendTime(b, k.Secrets[i].ExpiresAt.Truncate(time.Microsecond))
	}
	return b
}

func decodeAccessKey(id commerce.ID, b []byte) (persistence.AccessKey, error) {
	d := newTextDecoder(b)
	d.rowVersion()
	k := persistence.AccessKey{
		ID: id, Version: d.uvarint(), Name: d.text(), Subject: d.text(), Scopes: commerce.Scopes(d.uvarint()),
		CreatedAt: d.time(), ExpiresAt: d.time(), RevokedAt: d.time(),
	}
	const secretBytes = 32 + timeBytes
	if n := d.count(secretBytes); n > 0 {
		k.Secrets = make([]persistence.AccessSecret, n)
	}
	for i := range k.Secrets {
		d.digest(&k.Secrets[i].Digest)
		k.Secrets[i].ExpiresAt = d.time()
	}
	if err := d.end(); err != nil {
		return k, fmt.Errorf("decode access key %s: %w", id, err)
	}
	return k, nil
}
