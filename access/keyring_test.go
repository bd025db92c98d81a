package access_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// inBubble runs a test with an authenticator that has no issuer.
func inBubble(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, setup(t, new(signers), func(cfg *access.Config) { cfg.Issuer, cfg.Audience = "", "" }))
	})
}

func TestAKeyProvesWhoseItIs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		require.False(t, s.Usable())
		key, text := s.key(time.Now().Add(time.Hour))
		require.True(t, s.Usable())
		who, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		require.Equal(t, commerce.Principal{
			Subject: "ann", Customer: "ann", Scopes: commerce.ScopeOrdersRead | commerce.ScopeOrdersWrite,
		}, who.Principal)
		require.Equal(t, key.ID, who.Key)
		require.True(t, key.ExpiresAt.Equal(who.ExpiresAt))
		require.True(t, s.Valid(who))

		copied := *who
		copied.Principal.Customer = "kim"
		require.True(t, s.Valid(&copied), "who acts for a customer is the same")
		made := access.Identity{Principal: who.Principal, Key: who.Key}
		require.False(t, s.Valid(&made), "one that was not proved is none")

		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		require.False(t, s.Usable())
		require.False(t, s.Valid(who))
	})
}

func TestARevocationElsewhereIsHeededWithinASecond(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		key, text := s.key(time.Time{})
		_, other := s.key(time.Time{})
		who, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		var told atomic.Int64
		s.OnChange(func() {
			if !s.Valid(who) {
				told.Add(1)
			}
		})
		s.store.change(key.ID, func(k *persistence.AccessKey) { k.RevokedAt = time.Now() })
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer([]byte(text))
		require.ErrorIs(t, err, access.ErrInvalid)
		require.False(t, s.Valid(who))
		require.EqualValues(t, 1, told.Load())
		_, err = s.Bearer([]byte(other))
		require.NoError(t, err)
	})
}

func TestHooksAreCalledWhenSomethingHasEnded(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		does  func(s *scene, key *persistence.AccessKey)
		calls int64
	}{
		"a key is made":           {func(s *scene, _ *persistence.AccessKey) { s.key(time.Time{}) }, 0},
		"a key is revoked":        {func(s *scene, key *persistence.AccessKey) { s.revoke(key.ID) }, 1},
		"it is revoked twice":     {func(s *scene, key *persistence.AccessKey) { s.revoke(key.ID); s.revoke(key.ID) }, 1},
		"it expires":              {func(*scene, *persistence.AccessKey) { time.Sleep(day) }, 1}, //nolint:forbidigo // the bubble's clock
		"it is rotated at once":   {func(s *scene, key *persistence.AccessKey) { s.rotate(key.ID, 0) }, 1},
		"it is rotated":           {func(s *scene, key *persistence.AccessKey) { s.rotate(key.ID, time.Hour) }, 1},
		"and the grace is over":   {func(s *scene, key *persistence.AccessKey) { s.rotate(key.ID, time.Hour); time.Sleep(2 * time.Hour) }, 2}, //nolint:forbidigo // the bubble's clock
		"it may do less":          {changing(func(k *persistence.AccessKey) { k.Scopes = commerce.ScopeOrdersRead }), 1},
		"it is somebody else's":   {changing(func(k *persistence.AccessKey) { k.Subject = "kim" }), 1},
		"it ends earlier":         {changing(func(k *persistence.AccessKey) { k.ExpiresAt = k.ExpiresAt.Add(-time.Hour) }), 1},
		"it ends later":           {changing(func(k *persistence.AccessKey) { k.ExpiresAt = k.ExpiresAt.Add(time.Hour) }), 0},
		"it has another name":     {changing(func(k *persistence.AccessKey) { k.Name = "x" }), 0},
		"nothing":                 {func(*scene, *persistence.AccessKey) { time.Sleep(time.Hour) }, 0},                            //nolint:forbidigo // the bubble's clock
		"the store cannot answer": {func(s *scene, _ *persistence.AccessKey) { s.store.setDown(true); time.Sleep(time.Hour) }, 0}, //nolint:forbidigo // the bubble's clock
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, s *scene) {
				key, _ := s.key(time.Now().Add(day))
				var calls atomic.Int64
				s.OnChange(func() { calls.Add(1) })
				tt.does(s, key)
				time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
				require.Equal(t, tt.calls, calls.Load())
			})
		})
	}
}

func changing(change func(*persistence.AccessKey)) func(s *scene, key *persistence.AccessKey) {
	return func(s *scene, key *persistence.AccessKey) { s.store.change(key.ID, change) }
}

func TestAnIdentityIsNotValidForWhatItMayNoLongerDo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		key, text := s.key(time.Time{})
		who, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		s.store.change(key.ID, func(k *persistence.AccessKey) { k.Scopes = commerce.ScopeOrdersRead })
		require.NoError(t, s.Refresh(t.Context()))
		require.False(t, s.Valid(who))
		now, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		require.Equal(t, commerce.ScopeOrdersRead, now.Principal.Scopes)
		require.True(t, s.Valid(now))
	})
}

func TestKeysAreNotBelievedWhenTheStoreCannotBeReadForAMinute(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		_, text := s.key(time.Time{})
		who, err := s.Bearer([]byte(text))
		require.NoError(t, err)
		cookie, _, err := s.OpenSession(who)
		require.NoError(t, err)
		s.store.setDown(true)
		time.Sleep(59 * time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer([]byte(text))
		require.NoError(t, err)
		require.True(t, s.Valid(who))

		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer([]byte(text))
		require.ErrorIs(t, err, access.ErrUnavailable)
		_, err = s.Bearer([]byte("pk_00000000000000000000000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
		require.ErrorIs(t, err, access.ErrUnavailable)
		_, err = s.Session([]byte(cookie))
		require.ErrorIs(t, err, access.ErrUnavailable)
		require.False(t, s.Valid(who))
		require.False(t, s.Usable())

		s.store.setDown(false)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer([]byte(text))
		require.NoError(t, err)
		_, err = s.Session([]byte(cookie))
		require.NoError(t, err, "the session has waited")
	})
}

func TestKeysAreReadOnlyWhenTheyHaveChanged(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		s.key(time.Time{})
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		require.Equal(t, 2, s.store.mu.reads, "when it opened, and when a key was made")
	})
}

func TestAStoreThatCannotBeReadIsNotOpened(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	store.setDown(true)
	_, err := access.Open(t.Context(), access.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, errDown)
}
