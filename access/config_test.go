package access_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/access"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *access.Config)
		says   string // "": it is fine
	}{
		"as they are":              {func(*access.Config) {}, ""},
		"no store":                 {func(c *access.Config) { c.Store = nil }, "no Store"},
		"no logger":                {func(c *access.Config) { c.Logger = nil }, "no Logger"},
		"an issuer":                {func(c *access.Config) { c.Issuer, c.Audience = "https://a.example/x", "api" }, ""},
		"one with a slash":         {func(c *access.Config) { c.Issuer, c.Audience = "https://a.example/", "api" }, ""},
		"one on this machine":      {func(c *access.Config) { c.Issuer, c.Audience = "http://127.0.0.1:8080", "api" }, ""},
		"one on this machine, v6":  {func(c *access.Config) { c.Issuer, c.Audience = "http://[::1]:8080/realm", "api" }, ""},
		"one on localhost":         {func(c *access.Config) { c.Issuer, c.Audience = "http://localhost", "api" }, ""},
		"one without an audience":  {func(c *access.Config) { c.Issuer = "https://a.example" }, "needs Audience"},
		"an audience of no issuer": {func(c *access.Config) { c.Audience = "api" }, "needs Issuer"},
		"one in the clear":         {func(c *access.Config) { c.Issuer, c.Audience = "http://a.example", "api" }, "https://"},
		"one that looks like loopback": {
			func(c *access.Config) { c.Issuer, c.Audience = "http://127.0.0.1.evil.example", "api" }, "https://",
		},
		"one that is no URL":      {func(c *access.Config) { c.Issuer, c.Audience = "https://%zz", "api" }, "must be a URL"},
		"one without a host":      {func(c *access.Config) { c.Issuer, c.Audience = "login", "api" }, "host"},
		"one with a password":     {func(c *access.Config) { c.Issuer, c.Audience = "https://a:b@a.example", "api" }, "nothing but"},
		"one with a query":        {func(c *access.Config) { c.Issuer, c.Audience = "https://a.example?x=1", "api" }, "nothing but"},
		"one with a fragment":     {func(c *access.Config) { c.Issuer, c.Audience = "https://a.example#", "api" }, "nothing but"},
		"one on a file system":    {func(c *access.Config) { c.Issuer, c.Audience = "file://host/etc", "api" }, "https://"},
		"no leeway":               {func(c *access.Config) { c.Leeway = -1 }, ""},
		"much leeway":             {func(c *access.Config) { c.Leeway = 11 * time.Minute }, "Leeway"},
		"asking often":            {func(c *access.Config) { c.IssuerInterval = time.Second }, "IssuerInterval"},
		"forgetting soon":         {func(c *access.Config) { c.IssuerAgeMax = time.Minute }, "IssuerAgeMax"},
		"a session of no time":    {func(c *access.Config) { c.SessionIdle = -1 }, "SessionIdle"},
		"idle longer than a life": {func(c *access.Config) { c.SessionIdle = 13 * time.Hour }, "SessionLife"},
		"no tokens":               {func(c *access.Config) { c.TokensMax = -1 }, "TokensMax"},
		"no sessions":             {func(c *access.Config) { c.SessionsMax = -1 }, "SessionsMax"},
		"very many tickets":       {func(c *access.Config) { c.TicketsMax = 1 << 30 }, "TicketsMax"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := access.Config{Store: new(memoryStore), Logger: slog.New(slog.DiscardHandler)}
			tt.change(&cfg)
			cfg.EnsureDefaults()
			err := cfg.Validate()
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.says)
			_, err = access.Open(t.Context(), cfg)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestEveryFaultOfTheSettingsIsNamed(t *testing.T) {
	t.Parallel()
	cfg := access.Config{Issuer: "ftp://a.example", SessionsMax: -1}
	cfg.EnsureDefaults()
	err := cfg.Validate()
	for _, part := range []string{"Store", "Logger", "Issuer", "Audience", "SessionsMax"} {
		require.ErrorContains(t, err, part)
	}
}
