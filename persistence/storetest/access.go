package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func accessClaims() []claim {
	return []claim{
		{"a key is read as it was written", keyRead},
		{"a key is changed only by who has seen its last version", keyConflicts},
		{"of two who make or change the same key one wins", keyRaces},
		{"there are at most so many keys", keysBounded},
		{"a key without an id, or with too many secrets, is refused", keyUnfit},
		{"a key is no batch's business", keyBesideWriter},
	}
}

// newKey makes a key that is not there yet.
func (b *bundle) newKey() *persistence.AccessKey {
	id := b.w.ID()
	return &persistence.AccessKey{
		ID: id, Name: "the shop's till", Subject: "till-1", Scopes: commerce.ScopeOrdersRead | commerce.ScopeAdmin,
		Secrets:   []persistence.AccessSecret{{Digest: [32]byte{1, 2, 3}}},
		CreatedAt: b.w.Now(), Version: 1,
	}
}

func (b *bundle) put(key *persistence.AccessKey) error {
	return b.store.PutAccessKey(b.Context(), key, b.note(commerce.AuditKeyCreated))
}

func (b *bundle) keys() []persistence.AccessKey {
	b.Helper()
	keys, err := b.store.AccessKeys(b.Context())
	require.NoError(b, err)
	return keys
}

func (b *bundle) accessVersion() uint64 {
	b.Helper()
	version, err := b.store.AccessVersion(b.Context())
	require.NoError(b, err)
	return version
}

func keyRead(b *bundle) {
	require.Empty(b, b.keys())
	require.Zero(b, b.accessVersion())
	plain, full := b.newKey(), b.newKey()
	full.Name, full.Subject = `조명 "\`, "ann@example"
	full.Scopes = commerce.ScopesAll
	full.ExpiresAt = b.w.Now().Add(time.Hour + time.Microsecond)
	full.Secrets = append(full.Secrets, persistence.AccessSecret{Digest: [32]byte{31: 9}, ExpiresAt: b.w.Now().Add(time.Minute)})
	none := b.newKey()
	none.Secrets, none.Scopes = nil, 0
	for i, key := range []*persistence.AccessKey{none, full, plain} {
		require.NoError(b, b.put(key))
		require.EqualValues(b, i+1, b.accessVersion())
	}
	require.Equal(b, []persistence.AccessKey{*plain, *full, *none}, b.keys(), "in the order of their ids")
	b.keys()[1].Secrets[0].Digest[0]++
	require.Equal(b, *full, b.keys()[1], "what was handed out is not the store's any more")

	full.Version, full.RevokedAt = 2, b.w.Now().Add(time.Second)
	full.Secrets = full.Secrets[1:]
	require.NoError(b, b.put(full))
	require.Equal(b, []persistence.AccessKey{*plain, *full, *none}, b.keys())
	require.EqualValues(b, 4, b.accessVersion())
	require.Len(b, b.log(), 4)
}

func keyConflicts(b *bundle) {
	key := b.newKey()
	require.NoError(b, b.put(key))
	ghost := b.newKey()
	ghost.Version = 2
	later := *key
	later.Version = 3
	for _, wrong := range []*persistence.AccessKey{key, ghost, &later} {
		require.ErrorIs(b, b.put(wrong), persistence.ErrConflict)
	}
	require.Equal(b, []persistence.AccessKey{*key}, b.keys())
	require.EqualValues(b, 1, b.accessVersion())
	require.Len(b, b.log(), 1, "what was refused leaves no record")
	key.Version = 2
	require.NoError(b, b.put(key))
	require.ErrorIs(b, b.put(key), persistence.ErrConflict)
}

func keyRaces(b *bundle) {
	key := b.newKey()
	for version := uint64(1); version <= 3; version++ {
		key.Version = version
		var wait sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			mine := *key
			mine.Name = fmt.Sprint(i)
			record := b.note(commerce.AuditKeyRotated)
			wait.Go(func() { errs[i] = b.store.PutAccessKey(b.Context(), &mine, record) })
		}
		wait.Wait()
		winner := slices.Index(errs, nil)
		for i, err := range errs {
			if i != winner {
				require.ErrorIs(b, err, persistence.ErrConflict)
			}
		}
		require.GreaterOrEqual(b, winner, 0, "%v", errors.Join(errs...))
		require.Equal(b, fmt.Sprint(winner), b.keys()[0].Name)
		require.Len(b, b.log(), int(version))
	}
}

func keysBounded(b *bundle) {
	limit := b.place.AccessKeysMax
	if limit == 0 {
		b.Logf("not tried: this store keeps %d keys", persistence.AccessKeysMax)
		return
	}
	for range limit - 1 {
		require.NoError(b, b.put(b.newKey()))
	}
	last := b.newKey()
	require.NoError(b, b.put(last), "the last one that there is room for")
	require.ErrorIs(b, b.put(b.newKey()), persistence.ErrConflict)
	last.Version, last.RevokedAt = 2, b.w.Now()
	require.NoError(b, b.put(last), "what is there can be changed")
	require.ErrorIs(b, b.put(b.newKey()), persistence.ErrConflict, "ended ones count")
	require.Len(b, b.keys(), limit)
	require.Len(b, b.log(), limit+1)
}

func keyUnfit(b *bundle) {
	crowded, nameless, unversioned := b.newKey(), b.newKey(), b.newKey()
	crowded.Secrets = make([]persistence.AccessSecret, persistence.AccessSecretsMax+1)
	nameless.ID = commerce.ID{}
	unversioned.Version = 0
	for _, key := range []*persistence.AccessKey{crowded, nameless, unversioned} {
		require.Error(b, b.put(key))
	}
	require.Empty(b, b.keys())
	require.Empty(b, b.log())
	crowded.Secrets = crowded.Secrets[1:]
	require.NoError(b, b.put(crowded), "one fewer is not too many")
}

func keyBesideWriter(b *bundle) {
	p := b.product(10)
	require.NoError(b, b.put(b.newKey()))
	b.apply(b.w.Order("ann", "", Line{p, 1}))
	require.EqualValues(b, 1, b.verify().Orders, "the writer is still the writer")
}
