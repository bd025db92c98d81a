package access_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestASessionStandsForWhoOpenedIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		who := s.identity()
		cookie, until, err := s.OpenSession(who)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(12*time.Hour), until, 0)
		require.Len(t, cookie, 43)
		found, err := s.Session([]byte(cookie))
		require.NoError(t, err)
		require.Equal(t, who.Principal, found.Principal)
		require.Equal(t, who.Key, found.Key)
		require.Equal(t, until, found.ExpiresAt)
		require.True(t, s.Valid(found))

		_, _, err = s.OpenSession(found)
		require.ErrorIs(t, err, access.ErrInvalid, "a session cannot make itself younger")
	})
}

func TestASessionEndsNoLaterThanItsIdentity(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		who, err := s.Bearer(s.good())
		require.NoError(t, err)
		cookie, until, err := s.OpenSession(who)
		require.NoError(t, err)
		require.Equal(t, who.ExpiresAt, until)
		time.Sleep(time.Until(until)) //nolint:forbidigo // the bubble's clock
		_, err = s.Session([]byte(cookie))
		require.ErrorIs(t, err, access.ErrExpired)
		_, _, err = s.OpenSession(who)
		require.ErrorIs(t, err, access.ErrExpired)
		_, _, err = s.IssueTicket(who)
		require.ErrorIs(t, err, access.ErrExpired)
	})
}

// How sessions end. Each case makes a session of a key, lets something happen, and has the cookie refused.
func TestSessionsThatHaveEndedAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ends func(s *scene, key *persistence.AccessKey, cookie string) (shown string)
		want error
	}{
		"logged out": {func(s *scene, _ *persistence.AccessKey, cookie string) string {
			s.CloseSession([]byte(cookie))
			return cookie
		}, access.ErrInvalid},
		"its key is revoked": {func(s *scene, key *persistence.AccessKey, cookie string) string {
			s.revoke(key.ID)
			return cookie
		}, access.ErrInvalid},
		"its key's secret is rotated away": {func(s *scene, key *persistence.AccessKey, cookie string) string {
			s.rotate(key.ID, 0)
			return cookie
		}, access.ErrInvalid},
		"its key's secret has had its grace": {func(s *scene, key *persistence.AccessKey, cookie string) string {
			s.rotate(key.ID, time.Minute)
			time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
			return cookie
		}, access.ErrExpired},
		"not used for half an hour": {func(_ *scene, _ *persistence.AccessKey, cookie string) string {
			time.Sleep(30 * time.Minute) //nolint:forbidigo // the bubble's clock
			return cookie
		}, access.ErrExpired},
		"used for half a day": {func(s *scene, _ *persistence.AccessKey, cookie string) string {
			for range 25 {
				time.Sleep(29 * time.Minute) //nolint:forbidigo // the bubble's clock
				_, _ = s.Session([]byte(cookie))
			}
			return cookie
		}, access.ErrInvalid}, // it was found to have expired, and forgotten
		"never opened": {func(*scene, *persistence.AccessKey, string) string { return strings.Repeat("A", 43) }, access.ErrInvalid},
		"cut off":      {func(_ *scene, _ *persistence.AccessKey, cookie string) string { return cookie[:42] }, access.ErrInvalid},
		"longer":       {func(_ *scene, _ *persistence.AccessKey, cookie string) string { return cookie + "=" }, access.ErrInvalid},
		"nothing":      {func(*scene, *persistence.AccessKey, string) string { return "" }, access.ErrInvalid},
		"a ticket": {func(s *scene, _ *persistence.AccessKey, cookie string) string {
			ticket, _, err := s.IssueTicket(must(s.Session([]byte(cookie))))
			require.NoError(s.t, err)
			return ticket
		}, access.ErrInvalid},
		"a key": {func(s *scene, _ *persistence.AccessKey, _ string) string {
			_, text := s.key(time.Time{})
			return text
		}, access.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, s *scene) {
				key, text := s.key(time.Time{})
				cookie, _, err := s.OpenSession(must(s.Bearer([]byte(text))))
				require.NoError(t, err)
				shown := tt.ends(s, key, cookie)
				for _, want := range []error{tt.want, access.ErrInvalid} {
					who, err := s.Session([]byte(shown))
					require.Nil(t, who)
					require.ErrorIs(t, err, want)
					_, err = s.Bearer([]byte(cookie))
					require.ErrorIs(t, err, access.ErrInvalid, "a cookie is no credential of another kind")
				}
			})
		})
	}
}

func TestUseKeepsASession(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		cookie, _, err := s.OpenSession(s.identity())
		require.NoError(t, err)
		for range 24 {
			time.Sleep(29 * time.Minute) //nolint:forbidigo // the bubble's clock
			_, err = s.Session([]byte(cookie))
			require.NoError(t, err)
		}
	})
}

func TestLoggingOutEndsWhatCameFromTheSession(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		who := s.identity()
		cookie, _, err := s.OpenSession(who)
		require.NoError(t, err)
		page := must(s.Session([]byte(cookie)))
		ticket, _, err := s.IssueTicket(page)
		require.NoError(t, err)
		var told atomic.Int64
		s.OnChange(func() { told.Add(1) })

		s.CloseSession([]byte(cookie))
		require.EqualValues(t, 1, told.Load())
		require.False(t, s.Valid(page))
		_, err = s.Redeem([]byte(ticket))
		require.ErrorIs(t, err, access.ErrInvalid)
		require.True(t, s.Valid(who), "the key is as good as before")
		s.CloseSession([]byte(cookie))
		require.EqualValues(t, 1, told.Load())
	})
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, new(signers), func(cfg *access.Config) { cfg.Issuer, cfg.Audience, cfg.SessionsMax = "", "", 150 })
		open := func(subject string) string {
			_, secret, err := s.Keys().Create(t.Context(), &access.KeySpec{Name: "x", Subject: subject, Scopes: commerce.ScopeAdmin}, access.Cause{})
			require.NoError(t, err)
			cookie, _, err := s.OpenSession(must(s.Bearer([]byte(secret.Reveal()))))
			require.NoError(t, err)
			return cookie
		}
		works := func(cookie string) bool {
			_, err := s.Session([]byte(cookie))
			return err == nil
		}
		ann := open("ann")
		var kims []string
		for range 101 {
			kims = append(kims, open("kim"))
		}
		require.True(t, works(ann), "nobody's sessions push out others'")
		require.False(t, works(kims[0]), "but their own: the longest unused one")
		require.True(t, works(kims[1]))
		require.True(t, works(kims[100]))
		for range 60 {
			open("lee")
		}
		require.True(t, works(ann), "it was used")
		require.False(t, works(kims[2]), "all together are bounded too")
	})
}

func TestATicketStandsForSomebodyOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		who := s.identity()
		ticket, until, err := s.IssueTicket(who)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(30*time.Second), until, 0)
		time.Sleep(30*time.Second - 1) //nolint:forbidigo // the bubble's clock
		var redeemed, refused atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				found, err := s.Redeem([]byte(ticket))
				if err == nil && found == who {
					redeemed.Add(1)
				} else {
					refused.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, redeemed.Load())
		require.EqualValues(t, 99, refused.Load())
	})
}

func TestTicketsThatAreAttacksAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		does func(s *scene, key *persistence.AccessKey, ticket string) (shown string)
		want error
	}{
		"used": {func(s *scene, _ *persistence.AccessKey, ticket string) string {
			must(s.Redeem([]byte(ticket)))
			return ticket
		}, access.ErrInvalid},
		"too late": {func(_ *scene, _ *persistence.AccessKey, ticket string) string {
			time.Sleep(30 * time.Second) //nolint:forbidigo // the bubble's clock
			return ticket
		}, access.ErrExpired},
		"its key is revoked": {func(s *scene, key *persistence.AccessKey, ticket string) string {
			s.revoke(key.ID)
			return ticket
		}, access.ErrInvalid},
		"its key is rotated": {func(s *scene, key *persistence.AccessKey, ticket string) string {
			s.rotate(key.ID, 0)
			return ticket
		}, access.ErrInvalid},
		"never issued": {func(*scene, *persistence.AccessKey, string) string { return strings.Repeat("A", 43) }, access.ErrInvalid},
		"in capitals":  {func(_ *scene, _ *persistence.AccessKey, ticket string) string { return flipCase(ticket) }, access.ErrInvalid},
		"cut off":      {func(_ *scene, _ *persistence.AccessKey, ticket string) string { return ticket[1:] }, access.ErrInvalid},
		"nothing":      {func(*scene, *persistence.AccessKey, string) string { return "" }, access.ErrInvalid},
		"a session": {func(s *scene, _ *persistence.AccessKey, _ string) string {
			cookie, _, err := s.OpenSession(s.identity())
			require.NoError(s.t, err)
			return cookie
		}, access.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, s *scene) {
				key, text := s.key(time.Time{})
				ticket, _, err := s.IssueTicket(must(s.Bearer([]byte(text))))
				require.NoError(t, err)
				shown := tt.does(s, key, ticket)
				for _, want := range []error{tt.want, access.ErrInvalid} {
					who, err := s.Redeem([]byte(shown))
					require.Nil(t, who)
					require.ErrorIs(t, err, want)
				}
				_, err = s.Bearer([]byte(ticket))
				require.ErrorIs(t, err, access.ErrInvalid)
				_, err = s.Session([]byte(ticket))
				require.ErrorIs(t, err, access.ErrInvalid)
			})
		})
	}
}

func TestTicketsAreBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		who := s.identity()
		var issued []string
		for range 1001 {
			ticket, _, err := s.IssueTicket(who)
			require.NoError(t, err)
			issued = append(issued, ticket)
		}
		_, err := s.Redeem([]byte(issued[0]))
		require.ErrorIs(t, err, access.ErrInvalid)
		for _, ticket := range issued[1:] {
			must(s.Redeem([]byte(ticket)))
		}
	})
}

func TestWhoIsBelievedWithoutACredentialStaysValid(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *scene) {
		who := &access.Identity{Principal: commerce.Trusted("ann")}
		require.True(t, s.Valid(who))
		_, _, err := s.IssueTicket(who)
		require.NoError(t, err)
	})
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ *testing.T, s *scene) {
		s.Close()
		s.Close()
	})
}

func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		_, text := s.key(time.Time{})
		token := s.good()
		s.OnChange(func() {})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 100 {
					who := must(s.Bearer([]byte(text)))
					must(s.Bearer(token))
					cookie, _, err := s.OpenSession(who)
					require.NoError(t, err)
					if page, err := s.Session([]byte(cookie)); err == nil { // others may have pushed it out
						_ = s.Valid(page)
					}
					ticket, _, err := s.IssueTicket(who)
					require.NoError(t, err)
					must(s.Redeem([]byte(ticket)))
					s.CloseSession([]byte(cookie))
				}
			})
			all.Go(func() {
				for range 10 {
					key, _ := s.key(time.Time{})
					s.rotate(key.ID, time.Hour)
					s.revoke(key.ID)
					_ = s.Usable()
				}
			})
		}
		all.Wait()
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func flipCase(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
}
