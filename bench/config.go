package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// Config says what to measure. The zero value of a field means its default, where there is one.
type Config struct {
	// Scenarios are names of Scenarios; required.
	Scenarios []string
	// Stores are those that Penstock is measured on, a server each: "pebble", "postgres". Pebble when
	// empty.
	Stores []string
	// DatabaseURL leads to the database for the store postgres: one on this machine, with the schema,
	// that nothing else uses. It is not emptied before or after.
	DatabaseURL string
	// Fill, when not nil, is called before a server is started on a store, to put orders into it. dir is
	// where the embedded store will be.
	Fill func(ctx context.Context, store, dir string) error
	// Peers are measured beside Penstock in the same rounds: "echo".
	Peers       []string
	Connections int           // 64
	Duration    time.Duration // of each round; 10 s
	WarmUp      time.Duration // before each round; 2 s
	Rounds      int           // 3
	Products    int           // 10,000
	Seed        uint64        // 1
	JSON        bool          // one document for a script instead of a table
	// Executable is a penstock binary: it is started as the server and as the peer, so that each
	// has a CPU account of its own. The running one when empty.
	Executable string
	// Data is the folder that holds the stores of the run; a temporary one when empty. It decides
	// which disk is measured.
	Data   string
	Logger *slog.Logger
}

// peerEcho is the name of the peer that only answers.
const peerEcho = "echo"

// The stores that a server can be measured on.
const (
	storePebble   = "pebble"
	storePostgres = "postgres"
)

// withDefaults returns a copy that is complete, or every fault of the configuration at once.
func (c *Config) withDefaults() (*Config, error) {
	full := *c
	setDefault(&full.Connections, 64)
	setDefault(&full.Duration, 10*time.Second)
	setDefault(&full.WarmUp, 2*time.Second)
	setDefault(&full.Rounds, 3)
	setDefault(&full.Products, 10_000)
	setDefault(&full.Seed, 1)
	var faults []error
	if full.Logger == nil {
		full.Logger = slog.New(slog.DiscardHandler)
	}
	if full.Executable == "" {
		executable, err := os.Executable()
		if err != nil {
			faults = append(faults, fmt.Errorf("find the running program: %w", err))
		}
		full.Executable = executable
	}
	if len(full.Scenarios) == 0 {
		faults = append(faults, errors.New("name at least one scenario"))
	}
	for _, name := range full.Scenarios {
		if _, err := ScenarioNamed(name); err != nil {
			faults = append(faults, err)
		}
	}
	if len(full.Stores) == 0 {
		full.Stores = []string{storePebble}
	}
	for _, name := range full.Stores {
		switch {
		case name != storePebble && name != storePostgres:
			faults = append(faults, fmt.Errorf("no store is called %q; there are: %s, %s", name, storePebble, storePostgres))
		case name == storePostgres && full.DatabaseURL == "":
			faults = append(faults, errors.New("the store postgres needs a database: none is given"))
		}
	}
	for _, name := range full.Peers {
		if name != peerEcho {
			faults = append(faults, fmt.Errorf("no peer is called %q; there is: %s", name, peerEcho))
		}
	}
	if full.Connections < 1 || full.Duration < 0 || full.WarmUp < 0 || full.Rounds < 1 || full.Products < 2 {
		faults = append(faults, errors.New("connections and rounds must be at least 1, products at least 2, times not negative"))
	}
	return &full, errors.Join(faults...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
