package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// Config holds the engine's settings. The zero value of a field means its default.
type Config struct {
	Logger *slog.Logger

	CommandTimeout time.Duration `default:"5s" doc:"how long a command may take before it is answered 503"`
	PaymentTimeout time.Duration `default:"15m" doc:"how long a pending order waits for its payment"`
	KeyRetention   time.Duration `default:"24h" doc:"how long idempotency keys are kept"`
	CommitInterval time.Duration `default:"1ms" doc:"least time between two commits while batches hold more than one order"`
	BatchMax       int           `default:"512" doc:"commands in one commit"`
	CommandsMax    int           `default:"16384" doc:"commands in progress; more are refused with 503"`
	ParkedMax      int           `default:"8192" doc:"requests waiting for grants of one product to settle"`
	GrainsMax      int           `default:"200000" doc:"resident product grains; the longest idle ones leave first"`
	SelectionsMax  int           `default:"16777216" doc:"bytes of remembered answers: which products a list, a search or a suggestion selects"`

	CustomerUnitsMax int           `default:"0" doc:"units of one product that a customer may order within customer-window; more are refused with 409. 0 is any number"`
	CustomerWindow   time.Duration `default:"24h" doc:"how far back units that a customer has ordered count"`
	CustomerOpenMax  int           `default:"0" doc:"orders that a customer may have unpaid at a time; more are refused with 409. 0 is any number"`
	CustomersMax     int           `default:"100000" doc:"customers whose orders are kept in memory while one of these limits is on; the others are read when they come"`

	// Fatal is called when the engine must not go on: its committer failed, or a newer process
	// owns the store. It must end the process.
	Fatal func(error)
}

// withDefaults returns a copy in which every zero field has its default.
func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.CommandTimeout, 5*time.Second)
	setDefault(&c.PaymentTimeout, 15*time.Minute)
	setDefault(&c.KeyRetention, 24*time.Hour)
	setDefault(&c.CommitInterval, time.Millisecond)
	setDefault(&c.BatchMax, 512)
	setDefault(&c.CommandsMax, 16384)
	setDefault(&c.ParkedMax, 8192)
	setDefault(&c.GrainsMax, 200_000)
	setDefault(&c.SelectionsMax, 16<<20)
	setDefault(&c.CustomerWindow, 24*time.Hour)
	setDefault(&c.CustomersMax, 100_000)
	if c.Fatal == nil {
		c.Fatal = func(err error) { panic(err) }
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns every fault of the settings in one error, or nil.
func (c *Config) Validate() error {
	var faults []error
	atLeast(&faults, "command timeout", c.CommandTimeout, 10*time.Millisecond)
	atLeast(&faults, "payment timeout", c.PaymentTimeout, time.Second)
	atLeast(&faults, "key retention", c.KeyRetention, time.Minute)
	atLeast(&faults, "commit interval", c.CommitInterval, time.Microsecond)
	atMost(&faults, "batch max", c.BatchMax, persistence.BatchEntriesMax)
	atMost(&faults, "commands max", c.CommandsMax, 1<<20)
	atMost(&faults, "parked max", c.ParkedMax, 1<<20)
	atMost(&faults, "grains max", c.GrainsMax, 1<<26)
	atMost(&faults, "selections max", c.SelectionsMax, 1<<40)
	atLeast(&faults, "customer window", c.CustomerWindow, time.Second)
	atMost(&faults, "customers max", c.CustomersMax, 1<<26)
	if c.CustomerUnitsMax < 0 || c.CustomerOpenMax < 0 {
		faults = append(faults, errors.New("customer units max and customer open max must not be negative"))
	}
	return errors.Join(faults...)
}

func atLeast(faults *[]error, name string, value, least time.Duration) {
	if value < least {
		*faults = append(*faults, fmt.Errorf("%s must be at least %s, but is %s", name, least, value))
	}
}

func atMost(faults *[]error, name string, value, most int) {
	if value < 1 || value > most {
		*faults = append(*faults, fmt.Errorf("%s must be from 1 to %d, but is %d", name, most, value))
	}
}
