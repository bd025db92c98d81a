package access

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// Config holds the settings of an Authenticator. The zero value of a field means its default.
type Config struct {
	Store  persistence.AccessStore // required: where the API keys are
	Logger *slog.Logger            // required
	// Now is the clock that ends are compared with; time.Now when nil.
	Now func() time.Time
	// Transport is how the issuer is reached; nil: over TLS, past no proxy. For tests.
	Transport http.RoundTripper

	Issuer         string        `default:"" doc:"OpenID Connect issuer whose tokens are believed, exactly as it names itself, like https://login.example/realms/shop; none by default"`
	Audience       string        `default:"" doc:"who the issuer's tokens must be for (aud): the name of this API there"`
	Leeway         time.Duration `default:"60s" doc:"how far the issuer's clock may be off; negative: not at all"`
	IssuerInterval time.Duration `default:"5m" doc:"how often the issuer's keys are fetched"`
	IssuerOverlap  time.Duration `default:"1h" doc:"how long tokens are believed that are signed with a key that the issuer no longer names; negative: not at all"`
	IssuerAgeMax   time.Duration `default:"24h" doc:"how long the issuer's keys are believed when it cannot be reached; after that tokens are answered 503"`
	TokensMax      int           `default:"65536" doc:"tokens whose signatures are remembered, each for up to a minute"`
	SessionIdle    time.Duration `default:"30m" doc:"how long a session of a page lasts when it is not used"`
	SessionLife    time.Duration `default:"12h" doc:"how long a session of a page lasts at most"`
	SessionsMax    int           `default:"10000" doc:"sessions of pages; beyond them the longest unused one ends"`
	TicketsMax     int           `default:"10000" doc:"tickets for sockets that have not been used; beyond them the oldest one ends"`
}

// EnsureDefaults fills in the defaults.
func (c *Config) EnsureDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Leeway, time.Minute)
	setDefault(&c.IssuerInterval, 5*time.Minute)
	setDefault(&c.IssuerOverlap, time.Hour)
	setDefault(&c.IssuerAgeMax, 24*time.Hour)
	setDefault(&c.TokensMax, 65_536)
	setDefault(&c.SessionIdle, 30*time.Minute)
	setDefault(&c.SessionLife, 12*time.Hour)
	setDefault(&c.SessionsMax, 10_000)
	setDefault(&c.TicketsMax, 10_000)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

const (
	leewayMax   = 10 * time.Minute
	remembersTo = 1 << 22 // the most of tokens, sessions or tickets that can be asked for
)

// Validate returns an error that lists every fault, or nil.
func (c *Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.Store == nil, "no Store")
	fault(c.Logger == nil, "no Logger")
	if c.Issuer != "" {
		if detail := wrongIssuer(c.Issuer); detail != "" {
			fault(true, "Issuer is %q; it %s", c.Issuer, detail)
		}
		fault(c.Audience == "", "Issuer needs Audience: whom its tokens are for")
	} else {
		fault(c.Audience != "", "Audience needs Issuer: whose tokens are meant")
	}
	fault(c.Leeway > leewayMax, "Leeway is %s; it must be at most %s", c.Leeway, leewayMax)
	fault(c.IssuerInterval < issuerPause, "IssuerInterval is %s; it must be at least %s", c.IssuerInterval, issuerPause)
	fault(c.IssuerAgeMax < c.IssuerInterval, "IssuerAgeMax is %s; it must be at least IssuerInterval, %s", c.IssuerAgeMax, c.IssuerInterval)
	fault(c.SessionIdle < time.Second, "SessionIdle is %s; it must be at least 1s", c.SessionIdle)
	fault(c.SessionLife < c.SessionIdle, "SessionLife is %s; it must be at least SessionIdle, %s", c.SessionLife, c.SessionIdle)
	for _, count := range []struct {
		name  string
		value int
	}{{"TokensMax", c.TokensMax}, {"SessionsMax", c.SessionsMax}, {"TicketsMax", c.TicketsMax}} {
		fault(count.value < 1 || count.value > remembersTo, "%s is %d; it must be from 1 to %d", count.name, count.value, remembersTo)
	}
	return errors.Join(faults...)
}

// wrongIssuer says what is wrong with the name of an issuer, or "".
func wrongIssuer(issuer string) string {
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return "must be a URL"
	case u.Hostname() == "":
		return "must name a host"
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(issuer, "#"):
		return "must hold nothing but https, host, port and path"
	case !trustworthy(u):
		return "must begin with https://, unless it is on this machine"
	}
	return ""
}

// trustworthy reports whether what is read from a URL can be believed: nobody on the way can change it.
func trustworthy(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// newTransport is how an issuer is reached: by itself, without a proxy that the environment may name, and
// on a connection of its own each time, for it is asked rarely.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: issuerTimeout}).DialContext,
		TLSHandshakeTimeout:    issuerTimeout,
		ResponseHeaderTimeout:  issuerTimeout,
		MaxResponseHeaderBytes: 16 << 10,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}
