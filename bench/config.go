package bench

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/penstock-dev/penstock/internal/subscriber"
)

// Config says what to measure. The zero value of a field means its default, where there is one.
type Config struct {
	// Scenarios are names of Scenarios; required.
	Scenarios []string
	// Stores are those that Penstock is measured on, a server each: "pebble", "postgres". Pebble when
	// empty.
	Stores []string
	// Peers are measured beside Penstock in the same rounds: "echo", "rowlock", "statement", "redis".
	Peers []string
	// DatabaseURL leads to the database for the store postgres: one on this machine, with the schema,
	// that nothing else uses. It is not emptied before or after. Peers get databases of their own on the same
	// server. When it is empty, and needed, a PostgreSQL is started for the run.
	DatabaseURL string
	// RedisURL leads to an empty Redis for the peer of that name; its database is emptied afterwards. When it is
	// empty, and needed, a Redis is started for the run.
	RedisURL string

	Connections int           // 64
	Rate        float64       // requests a second of an open loop; 0 is a closed loop
	Duration    time.Duration // of each round; 10 s
	WarmUp      time.Duration // before each round; 2 s
	Rounds      int           // 3
	Products    int           // 10,000
	// Subscribers follow an order each in the scenario fan-out. As many files must be open, here and in the
	// server. 1,000, or as many as may be; at most 25,000.
	Subscribers int
	// Orders are made up in every store before, unless it holds some: the past of a year. See package history.
	Orders int
	Seed   uint64 // 1
	JSON   bool   // one document for a script instead of a table
	// Executable is a penstock binary: it is started as the server and as the peers, so that each
	// has a CPU account of its own. The running one when empty.
	Executable string
	// Data is the folder that holds the stores of the run; a temporary one when empty. It decides
	// which disk is measured.
	Data   string
	Logger *slog.Logger
	// Terminal is where progress is drawn, when it is one. Optional.
	Terminal io.Writer
}

// ErrConfig says that a Config cannot be carried out.
var ErrConfig = errors.New("configure the benchmark")

// The peers.
const (
	peerEcho      = "echo" // only answers
	peerRowLock   = "rowlock"
	peerStatement = "statement"
	peerRedis     = "redis"
)

// The stores that a server can be measured on.
const (
	storePebble   = "pebble"
	storePostgres = "postgres"
)

func stores() []string { return []string{storePebble, storePostgres} }

func peers() []string { return []string{peerEcho, peerRowLock, peerStatement, peerRedis} }

// withDefaults returns a copy that is complete, or every fault of the configuration at once.
func (c *Config) withDefaults() (*Config, error) {
	full := *c
	setDefault(&full.Connections, 64)
	setDefault(&full.Duration, 10*time.Second)
	setDefault(&full.WarmUp, 2*time.Second)
	setDefault(&full.Rounds, 3)
	setDefault(&full.Products, 10_000)
	setDefault(&full.Seed, 1)
	if len(full.Stores) == 0 {
		full.Stores = []string{storePebble}
	}
	var faults []error
	if full.Logger == nil {
		full.Logger = slog.New(slog.DiscardHandler)
	}
	if full.Terminal == nil {
		full.Terminal = io.Discard
	}
	if full.Executable == "" {
		executable, err := os.Executable()
		if err != nil {
			faults = append(faults, fmt.Errorf("find the running program: %w", err))
		}
		full.Executable = executable
	}
	faults = append(faults, full.checkNames()...)
	if full.followed() {
		faults = append(faults, full.fitSubscribers())
	} else {
		full.Subscribers = 0
	}
	if full.Connections < 1 || full.Duration < 0 || full.WarmUp < 0 || full.Rounds < 1 || full.Products < 2 {
		faults = append(faults, errors.New("connections and rounds must be at least 1, products at least 2, times not negative"))
	}
	if full.Rate < 0 || full.Rate > rateMax || full.Orders < 0 || full.Orders > 0 && full.Products < 5 {
		faults = append(faults, fmt.Errorf("the rate must be from 0 to %d a second, orders not negative, and of at least 5 products", rateMax))
	}
	return &full, errors.Join(faults...)
}

const (
	// subscribersDefault is how many subscribers there are when nobody says how many.
	subscribersDefault = 1000
	// subscribersMax bounds them: one address has some 28,000 ports.
	subscribersMax = 25_000
)

// fitSubscribers bounds the subscribers by the files that may be open, and by the ports that there are.
func (c *Config) fitSubscribers() error {
	room, err := subscriber.Max()
	if err != nil {
		return err
	}
	setDefault(&c.Subscribers, max(1, min(subscribersDefault, room)))
	if c.Subscribers < 1 || c.Subscribers > subscribersMax {
		return fmt.Errorf("there must be from 1 to %d subscribers", subscribersMax)
	}
	return subscriber.CheckRoom(c.Subscribers)
}

// followed reports whether a scenario needs subscribers.
func (c *Config) followed() bool {
	return slices.ContainsFunc(Scenarios(), func(s Scenario) bool { return s.Followed && slices.Contains(c.Scenarios, s.Name) })
}

// rateMax bounds the rate of an open loop: what the clock can tell apart.
const rateMax = 1_000_000

// checkNames returns a fault for each name that is none.
func (c *Config) checkNames() (faults []error) {
	if len(c.Scenarios) == 0 {
		faults = append(faults, errors.New("name at least one scenario"))
	}
	for _, name := range c.Scenarios {
		if _, err := ScenarioNamed(name); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range c.Stores {
		if !slices.Contains(stores(), name) {
			faults = append(faults, fmt.Errorf("no store is called %q; there are: %s", name, strings.Join(stores(), ", ")))
		}
	}
	for _, name := range c.Peers {
		if !slices.Contains(peers(), name) {
			faults = append(faults, fmt.Errorf("no peer is called %q; there are: %s", name, strings.Join(peers(), ", ")))
		}
	}
	for _, names := range [][]string{c.Scenarios, c.Stores, c.Peers} {
		for i, name := range names {
			if slices.Contains(names[:i], name) {
				faults = append(faults, fmt.Errorf("%q is named twice", name))
			}
		}
	}
	return faults
}

// needsPostgres reports whether something is measured on PostgreSQL.
func (c *Config) needsPostgres() bool {
	return slices.Contains(c.Stores, storePostgres) || slices.Contains(c.Peers, peerRowLock) || slices.Contains(c.Peers, peerStatement)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
