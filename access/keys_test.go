package access_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestEachChangeOfAKeyIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		by := access.Cause{Actor: "root", Correlation: "c-1"}
		key, one, err := s.Keys().Create(t.Context(), spec(), by)
		require.NoError(t, err)
		rotated, two, err := s.Keys().Rotate(t.Context(), key.ID, time.Hour, by)
		require.NoError(t, err)
		revoked, err := s.Keys().Revoke(t.Context(), key.ID, by)
		require.NoError(t, err)
		again, err := s.Keys().Revoke(t.Context(), key.ID, by)
		require.NoError(t, err)
		require.Equal(t, revoked, again)

		records, err := s.store.AuditRecords(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, records, 3, "what changes nothing is not recorded")
		versions := []*persistence.AccessKey{nil, key, rotated, revoked}
		for i, action := range []commerce.AuditAction{commerce.AuditKeyCreated, commerce.AuditKeyRotated, commerce.AuditKeyRevoked} {
			r := records[i]
			require.Equal(t, action, r.Action)
			require.Equal(t, "root", r.Actor)
			require.Equal(t, "c-1", r.Correlation)
			require.Equal(t, key.ID.String(), r.Target)
			require.WithinDuration(t, time.Now(), r.At, 0)
			requireDocument(t, versions[i], r.Before)
			requireDocument(t, versions[i+1], r.After)
			for _, secret := range []access.Secret{one, two} {
				require.NotContains(t, r.Before+r.After, secret.Reveal()[36:])
			}
		}
	})
}

func requireDocument(t *testing.T, key *persistence.AccessKey, text string) {
	t.Helper()
	if key == nil {
		require.Empty(t, text)
		return
	}
	want, err := json.Marshal(access.DocumentOf(key))
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

func TestTheDocumentOfAKey(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 13, 0, 0, 5000, time.FixedZone("", 3600))
	key := &persistence.AccessKey{
		ID: commerce.IDFloor(at), Name: "a shop", Subject: "ann", Scopes: commerce.ScopeOrdersRead | commerce.ScopeAdmin,
		Secrets: []persistence.AccessSecret{{ExpiresAt: at}, {}}, CreatedAt: at, Version: 2,
	}
	text, err := json.Marshal(access.DocumentOf(key))
	require.NoError(t, err)
	require.Equal(t, `{"id":"`+key.ID.String()+`","name":"a shop","subject":"ann","scopes":["orders:read","admin"],`+
		`"created_at":"2026-11-22T12:00:00.000005Z","expires_at":null,"revoked_at":null,`+
		`"secrets":[{"expires_at":"2026-11-22T12:00:00.000005Z"},{"expires_at":null}],"version":2}`, string(text))
}

func TestAChangedKeyIsHeededAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		key, first := s.key(time.Time{})
		_, err := s.Bearer([]byte(first))
		require.NoError(t, err)
		second := s.rotate(key.ID, time.Hour)
		for _, text := range []string{first, second} {
			_, err = s.Bearer([]byte(text))
			require.NoError(t, err, "both secrets open it")
		}
		s.revoke(key.ID)
		for _, text := range []string{first, second} {
			_, err = s.Bearer([]byte(text))
			require.ErrorIs(t, err, access.ErrInvalid)
		}
	})
}

func TestChangesThatCrossEachOtherAllHappen(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		key, _ := s.key(time.Time{})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, _, err := s.Keys().Rotate(t.Context(), key.ID, time.Hour, access.Cause{})
				require.NoError(t, err)
			})
		}
		all.Wait()
		keys, err := s.Keys().List(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 4, keys[0].Version)
	})
}

func TestRefusalsOfKeysCanBeShown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		unknown := commerce.ID(uuid.Must(uuid.NewV7()))
		_, _, err := s.Keys().Rotate(t.Context(), unknown, 0, access.Cause{})
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})
		_, err = s.Keys().Revoke(t.Context(), unknown, access.Cause{})
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeNotFound})
		_, _, err = s.Keys().Create(t.Context(), &access.KeySpec{Name: strings.Repeat("x", 1000)}, access.Cause{})
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeValidation})
		key, _ := s.key(time.Time{})
		s.revoke(key.ID)
		_, _, err = s.Keys().Rotate(t.Context(), key.ID, 0, access.Cause{})
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeInvalidTransition})

		s.store.setDown(true)
		_, err = s.Keys().List(t.Context())
		require.ErrorIs(t, err, errDown)
		_, _, err = s.Keys().Create(t.Context(), spec(), access.Cause{})
		require.ErrorIs(t, err, errDown)
	})
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		s.store.mu.Lock()
		for i := range persistence.AccessKeysMax - 1 {
			s.store.mu.keys = append(s.store.mu.keys, persistence.AccessKey{ID: commerce.IDFloor(time.UnixMilli(int64(i + 1))), Version: 1})
		}
		s.store.mu.Unlock()
		_, text := s.key(time.Time{})
		_, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		_, _, err = s.Keys().Create(t.Context(), spec(), access.Cause{})
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeInvalidTransition})
		require.ErrorContains(t, err, "10000")
	})
}

func TestAWriteThatTheStoreDoesNotConfirmIsLookedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		s.store.mu.unknown = true
		key, text := s.key(time.Time{})
		_, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		second := s.rotate(key.ID, 0)
		_, err = s.Bearer([]byte(second))
		require.NoError(t, err)
		s.revoke(key.ID)
		_, err = s.Bearer([]byte(second))
		require.ErrorIs(t, err, access.ErrInvalid)
		records, err := s.store.AuditRecords(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, records, 3)
	})
}
