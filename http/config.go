package http

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// AccessLog says which requests are logged.
type AccessLog string

// The choices of an access log.
const (
	AccessLogAll    AccessLog = "all"
	AccessLogErrors AccessLog = "errors" // answers of 400 and above
	AccessLogOff    AccessLog = "off"
)

// Config holds the server's settings. The zero value of a field means its default.
type Config struct {
	Engine     Engine                // required
	Logger     *slog.Logger          // required
	Gatherer   prometheus.Gatherer   // required: what /metrics shows
	Registerer prometheus.Registerer // required: where the server's own metrics go
	Version    string                // of the program, for /health and the API document
	Benchmarks Benchmarks            // what measures this server; nil: nobody may

	// Access proves who asks; nil: nobody can. Proof says that it must be proved: otherwise whoever sends no
	// credential is believed, and may do everything.
	Access Authenticator
	Proof  bool
	// Limiter says how often proved callers, and addresses without proof, may ask; nil: as often as they like.
	Limiter Limiter

	// Keys makes and ends API keys; nil: there are none.
	Keys Keys

	// NoAuth says that the caller named in X-User-ID is believed on any address. It is shown in
	// a metric and, while serving, in a warning each minute.
	NoAuth bool

	// The memory of a body is taken as soon as its length is announced, before a byte of it has
	// arrived: the bodies of all requests together take up to ConnectionsMax times BodyMax bytes,
	// 1.22 GiB by default. A body that does not come loses its connection after ReadTimeout.
	AccessLog      AccessLog     `default:"all" doc:"which requests are logged: all, errors or off"`
	BodyMax        int           `default:"131072" doc:"bytes of a request's body; more are refused with 413"`
	HeaderMax      int           `default:"16384" doc:"bytes of a request's header block; more are refused with 431"`
	ConnectionsMax int           `default:"10000" doc:"open connections; more are refused with 503"`
	ReadTimeout    time.Duration `default:"10s" doc:"how long reading one request may take"`
	WriteTimeout   time.Duration `default:"30s" doc:"how long writing one answer may take"`
	IdleTimeout    time.Duration `default:"60s" doc:"how long a connection may rest between two requests"`
	QueryTimeout   time.Duration `default:"5s" doc:"how long a read may take before it is answered 503"`

	SubscribersMax           int           `default:"8000" doc:"clients that follow orders over WebSockets or Server-Sent Events; more are refused with 503. Each is an open connection too"`
	SubscribersPerAddressMax int           `default:"1000" doc:"clients from one address that follow orders; more are refused with 429. Behind a proxy all have its address"`
	FeedsMax                 int           `default:"200" doc:"clients that follow all orders; more are refused with 503"`
	FeedsPerCallerMax        int           `default:"20" doc:"times that one proved caller follows all orders; more are refused with 429"`
	PingInterval             time.Duration `default:"50s" doc:"how often clients that follow orders are asked whether they are there; who does not answer by the next time is cut off"`
	AllowedOrigins           string        `default:"" doc:"origins of other sites whose pages may ask here and follow orders, like https://shop.example, separated by commas"`

	TLSCert                  string `default:"" doc:"file of the certificate, in PEM, with those that sign it; it is read again when it changes. Without one nothing is encrypted"`
	TLSKey                   string `default:"" doc:"file of the certificate's key, in PEM"`
	URIMax                   int    `default:"8192" doc:"bytes of a request's path and query; more are refused with 414"`
	ConnectionsPerAddressMax int    `default:"256" doc:"open connections from one address, or from one /64 of IPv6; more are refused with 429. Those of this machine and of trusted proxies are not counted"`
	TrustedProxies           string `default:"" doc:"addresses and networks of proxies whose X-Forwarded-For is believed, like 10.0.0.0/8, separated by commas"`
	AllowedHosts             string `default:"" doc:"names that this server may be asked under besides localhost, where callers are believed without proof, separated by commas"`

	// OperationsApart says that operators ask at a listener of their own: see ServeOperations. What only they
	// ask for is then not found on the public one.
	OperationsApart bool
	// CountLoopback counts the connections of this machine, too. For tests.
	CountLoopback bool

	ProductCacheMax int           `default:"67108864" doc:"bytes of rendered products that are kept: what reads, lists and searches are answered with"`
	SharedMaxAge    time.Duration `default:"1s" doc:"how long a CDN may answer reads of products by itself, in whole seconds; negative: it asks each time"`
	SharedStale     time.Duration `default:"10s" doc:"how long after that it may still do so while it asks; negative: it waits for the answer"`

	// PoisonBuffers overwrites the request when its handler has returned, so that a test sees
	// bytes that were kept instead of copied. For tests.
	PoisonBuffers bool
}

// EnsureDefaults fills in the defaults.
func (c *Config) EnsureDefaults() {
	setDefault(&c.AccessLog, AccessLogAll)
	setDefault(&c.BodyMax, 128<<10)
	setDefault(&c.HeaderMax, 16<<10)
	setDefault(&c.ConnectionsMax, 10_000)
	setDefault(&c.ReadTimeout, 10*time.Second)
	setDefault(&c.WriteTimeout, 30*time.Second)
	setDefault(&c.IdleTimeout, 60*time.Second)
	setDefault(&c.QueryTimeout, 5*time.Second)
	setDefault(&c.ProductCacheMax, 64<<20)
	setDefault(&c.SharedMaxAge, time.Second)
	setDefault(&c.SharedStale, 10*time.Second)
	setDefault(&c.SubscribersMax, 8000)
	setDefault(&c.SubscribersPerAddressMax, 1000)
	setDefault(&c.FeedsMax, 200)
	setDefault(&c.FeedsPerCallerMax, 20)
	setDefault(&c.PingInterval, 50*time.Second)
	setDefault(&c.URIMax, 8<<10)
	setDefault(&c.ConnectionsPerAddressMax, 256)
	setDefault(&c.Version, "unknown")
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns an error that lists every fault, or nil.
func (c *Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.Engine == nil, "no Engine")
	fault(c.Proof && c.Access == nil, "Proof without Access")
	fault(c.Logger == nil, "no Logger")
	fault(c.Gatherer == nil, "no Gatherer")
	fault(c.Registerer == nil, "no Registerer")
	switch c.AccessLog {
	case AccessLogAll, AccessLogErrors, AccessLogOff:
	default:
		fault(true, "AccessLog is %q; it must be all, errors or off", c.AccessLog)
	}
	fault(c.BodyMax < 1<<10, "BodyMax is %d; it must be at least 1024", c.BodyMax)
	fault(c.HeaderMax < 1<<10, "HeaderMax is %d; it must be at least 1024", c.HeaderMax)
	fault(c.ConnectionsMax < 1, "ConnectionsMax is %d; it must be at least 1", c.ConnectionsMax)
	fault(c.ProductCacheMax < 1<<16 || c.ProductCacheMax > 1<<36,
		"ProductCacheMax is %d; it must be from 65536 to 68719476736 (64 GiB)", c.ProductCacheMax)
	fault(c.ReadTimeout < 0, "ReadTimeout is negative")
	fault(c.WriteTimeout < 0, "WriteTimeout is negative")
	fault(c.IdleTimeout < 0, "IdleTimeout is negative")
	fault(c.QueryTimeout < 0, "QueryTimeout is negative")
	fault(c.SubscribersMax < 1, "SubscribersMax is %d; it must be at least 1", c.SubscribersMax)
	fault(c.SubscribersPerAddressMax < 1, "SubscribersPerAddressMax is %d; it must be at least 1", c.SubscribersPerAddressMax)
	fault(c.FeedsMax < 1, "FeedsMax is %d; it must be at least 1", c.FeedsMax)
	fault(c.FeedsPerCallerMax < 1, "FeedsPerCallerMax is %d; it must be at least 1", c.FeedsPerCallerMax)
	fault(c.PingInterval < 100*time.Millisecond, "PingInterval is %s; it must be at least 100ms", c.PingInterval)
	c.checkTransport(fault)
	for _, origin := range parseOrigins(c.AllowedOrigins) {
		fault(!validOrigin(origin), "AllowedOrigins names %q; an origin is like https://shop.example, with no path", origin)
	}
	return errors.Join(faults...)
}

// checkTransport finds the faults of what connections are made of.
func (c *Config) checkTransport(fault func(bad bool, format string, args ...any)) {
	fault((c.TLSCert == "") != (c.TLSKey == ""), "TLSCert and TLSKey must be given together")
	fault(c.URIMax < 256, "URIMax is %d; it must be at least 256", c.URIMax)
	fault(c.ConnectionsPerAddressMax < 1, "ConnectionsPerAddressMax is %d; it must be at least 1", c.ConnectionsPerAddressMax)
	if _, err := parseProxies(c.TrustedProxies); err != nil {
		fault(true, "TrustedProxies: %w", err)
	}
}
