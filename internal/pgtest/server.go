package pgtest

import (
	"context"

	"github.com/penstock-dev/penstock/internal/pgserver"
)

// ErrEnded says that a server ended instead of becoming ready.
var ErrEnded = pgserver.ErrEnded

// Server is a PostgreSQL of our own, there to be used and broken: a pgserver.Server with more ways to break
// it, whose databases can be made and dropped.
type Server struct {
	*pgserver.Server
	*maintenance

	faultFile string // holds the fault of now; empty without Options.Faults
}

// Start makes a cluster and a server for it, and waits until that accepts connections. The context
// bounds the start, not the server's life: that ends with Close, or with this process. On a machine
// without PostgreSQL a start takes as long as its installation.
func Start(ctx context.Context, options Options) (*Server, error) {
	binaries, err := Find(ctx)
	if err != nil {
		return nil, err
	}
	s := new(Server)
	own := pgserver.Options{Binaries: binaries, Dir: options.Dir, Settings: options.settings(), Env: options.Env}
	if options.Faults {
		own.Prepare = s.prepareFaults
	}
	if s.Server, err = pgserver.Start(ctx, own); err != nil {
		return nil, err
	}
	s.maintenance = &maintenance{url: s.URL("postgres")}
	return s, nil
}
