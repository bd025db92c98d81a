package access_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
)

func TestAFloodOfUnknownKeysDoesNotReachTheIssuer(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		require.Equal(t, 1, s.issuer.fetches(), "one when it opens")
		text := b64(s.encode(s.claims())) + "." + b64(make([]byte, 64))
		flood := func(n int) {
			for i := range n {
				head := fmt.Sprintf(`{"alg":"EdDSA","typ":"JWT","kid":"kid %d at %d"}`, i, time.Now().UnixNano())
				_, err := s.Bearer([]byte(b64([]byte(head)) + "." + text))
				require.Error(t, err)
			}
		}
		flood(10_000)
		synctest.Wait()
		require.Equal(t, 1, s.issuer.fetches(), "it has just been asked")
		for range 4 {
			time.Sleep(30 * time.Second) //nolint:forbidigo // the bubble's clock
			flood(2_500)
			synctest.Wait()
		}
		require.Equal(t, 5, s.issuer.fetches(), "once in thirty seconds")
		_, err := s.Bearer(s.good())
		require.NoError(t, err)
	})
}

func TestTokensForOthersDoNotReachTheIssuer(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
		for name, value := range map[string]any{"iss": "https://evil.example", "aud": "billing", "exp": 1, "nbf": time.Now().Add(time.Hour).Unix()} {
			_, err := s.Bearer(s.sign(headerOf("EdDSA", "who"), with(s.claims(), name, value), s.other))
			require.Error(t, err)
		}
		synctest.Wait()
		require.Equal(t, 1, s.issuer.fetches())
	})
}

func TestANewKeyOfTheIssuerIsFoundWhenATokenNamesIt(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		s.issuer.publish(append(keys.published(), edJWK("fresh", public(keys))))
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
		token := s.sign(headerOf("EdDSA", "fresh"), s.claims(), s.other)
		_, err := s.Bearer(token)
		require.ErrorIs(t, err, access.ErrUnavailable, "it is being asked for")
		synctest.Wait()
		_, err = s.Bearer(token)
		require.NoError(t, err)
		require.Equal(t, 2, s.issuer.fetches())
	})
}

func TestANewKeyOfTheIssuerIsFoundByItself(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		s.issuer.publish(append(keys.published(), edJWK("fresh", public(keys))))
		time.Sleep(5*time.Minute + time.Second) //nolint:forbidigo // the bubble's clock
		_, err := s.Bearer(s.sign(headerOf("EdDSA", "fresh"), s.claims(), s.other))
		require.NoError(t, err)
	})
}

func TestAKeyThatTheIssuerNoLongerNamesIsBelievedForTheOverlap(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		s.issuer.publish([]map[string]any{ecJWK("ec", &keys.ec.PublicKey)})
		time.Sleep(5*time.Minute + 59*time.Minute) //nolint:forbidigo // the bubble's clock
		_, err := s.Bearer(s.good())
		require.NoError(t, err)
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(s.good())
		require.Error(t, err)
		synctest.Wait()
		_, err = s.Bearer(s.good())
		require.ErrorIs(t, err, access.ErrInvalid)
	})
}

func TestAKeyThatTheIssuerReplacesUnderItsNameIsNotBelieved(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		s.issuer.publish([]map[string]any{edJWK("ed", public(keys))})
		time.Sleep(5*time.Minute + time.Second) //nolint:forbidigo // the bubble's clock
		_, err := s.Bearer(s.good())
		require.ErrorIs(t, err, access.ErrInvalid)
	})
}

func TestAnIssuerThatIsAwayIsBelievedForADay(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys)
		s.issuer.setDown(true)
		time.Sleep(24 * time.Hour) //nolint:forbidigo // the bubble's clock
		_, err := s.Bearer(s.good())
		require.NoError(t, err)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(s.sign(headerOf("EdDSA", "ed"), s.claims(), s.ed))
		require.ErrorIs(t, err, access.ErrUnavailable)
		require.True(t, s.Usable())

		s.issuer.setDown(false)
		time.Sleep(31 * time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(s.good())
		require.NoError(t, err, "it is back")
	})
}

func TestAnIssuerThatIsAwayAtFirstIsFoundLater(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		var issuer *fakeIssuer
		s := setup(t, keys, func(cfg *access.Config) {
			issuer = cfg.Transport.(*fakeIssuer)
			issuer.setDown(true)
		})
		_, err := s.Bearer(s.good())
		require.ErrorIs(t, err, access.ErrUnavailable)
		issuer.setDown(false)
		time.Sleep(31 * time.Second) //nolint:forbidigo // the bubble's clock
		_, err = s.Bearer(s.good())
		require.NoError(t, err)
	})
}

func TestAnIssuerThatNamesItselfOtherwiseIsNotBelieved(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, keys, func(cfg *access.Config) {
			cfg.Transport.(*fakeIssuer).mu.says = "https://login.example/realms/other"
		})
		require.Zero(t, s.issuer.fetches(), "it is not asked for its keys")
		_, err := s.Bearer(s.good())
		require.ErrorIs(t, err, access.ErrUnavailable)
	})
}

// What an issuer answers over a real connection.
func TestAnswersOfTheIssuerAreBounded(t *testing.T) {
	t.Parallel()
	keys := newSigners(t)
	jwks := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":%q}]}`, edJWK("ed", public(keys))["x"])
	for name, tt := range map[string]struct {
		keys     http.HandlerFunc
		place    string // of the keys; where the server is when empty
		believed bool
	}{
		"as it should be": {believed: true, keys: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwks) }},
		"64 KiB": {believed: true, keys: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, jwks+strings.Repeat(" ", 64<<10-len(jwks)))
		}},
		"a byte more": {keys: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, jwks+strings.Repeat(" ", 64<<10-len(jwks)+1))
		}},
		"without an end": {keys: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, strings.Repeat(" ", 1<<10)); err != nil {
					return
				}
			}
		}},
		"a redirect": {keys: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}},
		"an error":                              {keys: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, jwks, http.StatusInternalServerError) }},
		"keys in the clear, on another machine": {place: "http://keys.example/keys"},
		"keys in a file":                        {place: "file:///etc/passwd"},
		"keys nowhere":                          {place: "keys"},
		"keys behind a password":                {place: "https://a:b@127.0.0.1/keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			place := tt.place
			if place == "" {
				place = server.URL + "/keys"
			}
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, place)
			})
			mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
			if tt.keys != nil {
				mux.HandleFunc("/keys", tt.keys)
			}
			a, err := access.Open(t.Context(), access.Config{
				Store: new(memoryStore), Logger: slog.New(slog.DiscardHandler), Issuer: server.URL, Audience: audience,
			})
			require.NoError(t, err)
			t.Cleanup(a.Close)
			s := &scene{t: t, Authenticator: a, signers: keys}
			_, err = s.Bearer(s.sign(headerOf("EdDSA", "ed"), with(s.claims(), "iss", server.URL), s.other))
			if tt.believed {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, access.ErrUnavailable)
			}
		})
	}
}
