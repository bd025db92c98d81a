package pgstore

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// Options say where the database is and how it is used. The zero value of a field means its default.
type Options struct {
	// URL is a connection string: a URL or keywords and values, as libpq reads them.
	URL string
	// Logger gets what an operator should know; nil means slog.Default().
	Logger *slog.Logger
	// Connections is how many connections the store opens at most: one writes, the others read. 12
	// when 0; from 2 to ConnectionsMax.
	Connections int `default:"12" doc:"connections to the database at most: one writes, the others read"`
	// ReadTimeout bounds one statement that reads, on the server: 10 s when 0. Verify has no bound.
	ReadTimeout time.Duration `default:"10s" doc:"how long one statement that reads may take"`
	// AttemptTimeout is how long a batch waits for the server's answer before its connection is given up
	// and it is tried again on another: 30 s when 0. The server is never told to cancel.
	AttemptTimeout time.Duration `default:"30s" doc:"how long a batch waits for an answer before its connection is given up and it is sent again"`

	// salesInterval is how often sales are added up, salesDeltasMax how many deltas wait to be taken into days; tests
	// make them small.
	salesInterval  time.Duration
	salesDeltasMax int
	// accessKeysMax is persistence.AccessKeysMax; tests make it small.
	accessKeysMax int
}

const (
	// ConnectionsMax bounds Options.Connections: more only queue inside PostgreSQL.
	ConnectionsMax = 20
	connectionsMin = 2
)

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Connections == 0 {
		o.Connections = 12
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = 10 * time.Second
	}
	if o.AttemptTimeout == 0 {
		o.AttemptTimeout = 30 * time.Second
	}
	if o.salesInterval == 0 {
		o.salesInterval = salesInterval
	}
	if o.salesDeltasMax == 0 {
		o.salesDeltasMax = salesDeltasMax
	}
	if o.accessKeysMax == 0 {
		o.accessKeysMax = persistence.AccessKeysMax
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.URL == "":
		return fmt.Errorf("no database is given")
	case o.Connections < connectionsMin || o.Connections > ConnectionsMax:
		return fmt.Errorf("connections must be from %d to %d, but are %d", connectionsMin, ConnectionsMax, o.Connections)
	case o.ReadTimeout < time.Millisecond || o.AttemptTimeout < time.Millisecond:
		return fmt.Errorf("timeouts must be at least a millisecond")
	}
	return nil
}
