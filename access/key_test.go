package access_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func spec() *access.KeySpec {
	return &access.KeySpec{Name: "a shop", Subject: "ann", Scopes: commerce.ScopeOrdersRead}
}

func TestAKeyIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 13, 0, 0, 123456789, time.UTC)
	key, secret, err := access.NewKey(spec(), now)
	require.NoError(t, err)
	require.Regexp(t, `^pk_[0-9a-f]{32}_[a-z2-7]{32}$`, secret.Reveal())
	require.Equal(t, strings.ReplaceAll(key.ID.String(), "-", ""), secret.Reveal()[3:35])
	require.Equal(t, sha256.Sum256([]byte(secret.Reveal()[36:])), key.Secrets[0].Digest)
	require.EqualValues(t, 1, key.Version)
	require.Equal(t, now.Truncate(time.Microsecond), key.CreatedAt)
	require.True(t, key.ExpiresAt.IsZero())

	id, digest, err := access.ParseKey(secret.Reveal())
	require.NoError(t, err)
	require.Equal(t, key.ID, id)
	require.Equal(t, key.Secrets[0].Digest, digest)

	_, other, err := access.NewKey(spec(), now)
	require.NoError(t, err)
	require.NotEqual(t, secret.Reveal()[36:], other.Reveal()[36:])
}

func TestAKeyNeedsANameASubjectAndScopes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		change  func(s *access.KeySpec)
		pointer string // "": it is fine
	}{
		"as it is":                       {func(*access.KeySpec) {}, ""},
		"the longest name":               {func(s *access.KeySpec) { s.Name = strings.Repeat("이", access.KeyNameMax) }, ""},
		"a longer name":                  {func(s *access.KeySpec) { s.Name = strings.Repeat("이", access.KeyNameMax+1) }, "/name"},
		"no name":                        {func(s *access.KeySpec) { s.Name = " " }, "/name"},
		"a name of two lines":            {func(s *access.KeySpec) { s.Name = "a\nb" }, "/name"},
		"a name that is no text":         {func(s *access.KeySpec) { s.Name = "\xff" }, "/name"},
		"the longest subject":            {func(s *access.KeySpec) { s.Subject = strings.Repeat("a", commerce.UserIDMax) }, ""},
		"a longer subject":               {func(s *access.KeySpec) { s.Subject = strings.Repeat("a", commerce.UserIDMax+1) }, "/subject"},
		"no subject":                     {func(s *access.KeySpec) { s.Subject = "" }, "/subject"},
		"a subject with a space":         {func(s *access.KeySpec) { s.Subject = "ann lee" }, "/subject"},
		"a subject that is not ASCII":    {func(s *access.KeySpec) { s.Subject = "앤" }, "/subject"},
		"all scopes":                     {func(s *access.KeySpec) { s.Scopes = commerce.ScopesAll }, ""},
		"no scope":                       {func(s *access.KeySpec) { s.Scopes = 0 }, "/scopes"},
		"a scope that there is not":      {func(s *access.KeySpec) { s.Scopes = commerce.ScopesAll + 1 }, "/scopes"},
		"it ends in a moment":            {func(s *access.KeySpec) { s.ExpiresAt = now.Add(1) }, ""},
		"it ends now":                    {func(s *access.KeySpec) { s.ExpiresAt = now }, "/expires_at"},
		"it has ended before it is made": {func(s *access.KeySpec) { s.ExpiresAt = now.Add(-time.Hour) }, "/expires_at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spec()
			tt.change(s)
			_, _, err := access.NewKey(s, now)
			if tt.pointer == "" {
				require.NoError(t, err)
				return
			}
			var refusal *commerce.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, commerce.CodeValidation, refusal.Code)
			require.Equal(t, tt.pointer, refusal.Violations[0].Pointer)
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	now := time.Now()
	key, _, err := access.NewKey(spec(), now)
	require.NoError(t, err)

	t.Run("the secret before lives on for the grace", func(t *testing.T) {
		t.Parallel()
		next, secret, err := access.Rotate(key, time.Hour, now)
		require.NoError(t, err)
		require.Len(t, key.Secrets, 1, "what was given stays as it was")
		require.EqualValues(t, 2, next.Version)
		require.Len(t, next.Secrets, 2)
		require.Equal(t, key.Secrets[0].Digest, next.Secrets[0].Digest)
		require.WithinDuration(t, now.Add(time.Hour), next.Secrets[0].ExpiresAt, time.Microsecond)
		_, digest, err := access.ParseKey(secret.Reveal())
		require.NoError(t, err)
		require.Equal(t, persistence.AccessSecret{Digest: digest}, next.Secrets[1])
	})
	t.Run("there are never more than two", func(t *testing.T) {
		t.Parallel()
		next := key
		for range 3 {
			before := next.Secrets[len(next.Secrets)-1].Digest
			var err error
			next, _, err = access.Rotate(next, time.Hour, now)
			require.NoError(t, err)
			require.Len(t, next.Secrets, 2)
			require.Equal(t, before, next.Secrets[0].Digest)
		}
	})
	t.Run("without grace there is one", func(t *testing.T) {
		t.Parallel()
		next, _, err := access.Rotate(key, 0, now)
		require.NoError(t, err)
		require.Len(t, next.Secrets, 1)
		require.NotEqual(t, key.Secrets, next.Secrets)
	})
	t.Run("the grace is bounded", func(t *testing.T) {
		t.Parallel()
		_, _, err := access.Rotate(key, access.KeyGraceMax, now)
		require.NoError(t, err)
		for _, grace := range []time.Duration{-1, access.KeyGraceMax + 1} {
			_, _, err = access.Rotate(key, grace, now)
			require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeValidation})
		}
	})
	t.Run("what has ended is not rotated", func(t *testing.T) {
		t.Parallel()
		_, _, err := access.Rotate(access.Revoke(key, now), time.Hour, now)
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeInvalidTransition})
		old := *key
		old.ExpiresAt = now
		_, _, err = access.Rotate(&old, time.Hour, now)
		require.ErrorIs(t, err, &commerce.Error{Code: commerce.CodeInvalidTransition})
	})
}

func TestParsingTakesOnlyWhatIsMade(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`pk_[0-9a-f]{32}_[a-z2-7]{32}`).Draw(t, "key")
		_, _, err := access.ParseKey(text)
		require.NoError(t, err)
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		with := rapid.SampledFrom([]byte("AZ018 -_\x00\xff=")).Draw(t, "with")
		wrong := []byte(text)
		wrong[at] = with
		id, digest, err := access.ParseKey(wrong)
		same, other, bad := access.ParseKey(text)
		require.NoError(t, bad)
		if string(wrong) != text && err == nil {
			require.False(t, id == same && digest == other, "two texts for one key")
		}
	})
}

func FuzzParseKey(f *testing.F) {
	_, secret, err := access.NewKey(spec(), time.Now())
	require.NoError(f, err)
	f.Add([]byte(secret.Reveal()))
	f.Add([]byte("pk_"))
	f.Add([]byte("pk_00000000000000000000000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		id, digest, err := access.ParseKey(text)
		if err != nil {
			return
		}
		again := "pk_" + strings.ReplaceAll(id.String(), "-", "") + "_" + string(text[36:])
		if again != string(text) || digest != sha256.Sum256(text[36:]) {
			t.Fatalf("%q is read as %q", text, again)
		}
	})
}
