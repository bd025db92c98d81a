package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/penstock-dev/penstock/internal/aptget"
	"github.com/penstock-dev/penstock/internal/pgserver"
)

// clusterDefaults is where Debian's packages look before they create a cluster of their own.
const clusterDefaults = "/etc/postgresql-common/createcluster.conf"

// installPostgres installs the server's package, and sees to it that the package neither creates nor
// starts a cluster: on a machine that had no PostgreSQL nobody expects one on port 5432.
func installPostgres(ctx context.Context) error {
	return aptget.Exclusively(ctx, "a PostgreSQL server", func(ctx context.Context) error {
		if _, ok := pgserver.Look(ctx); ok {
			return nil // another test process was faster
		}
		updated := aptget.Update(ctx) // without new lists the old ones may do
		if err := aptget.Install(ctx, "postgresql-common"); err != nil {
			return errors.Join(err, updated)
		}
		restore, err := refuseClusters(clusterDefaults)
		if err != nil {
			return err
		}
		return errors.Join(aptget.Install(ctx, "postgresql"), restore())
	})
}

// installCompiler installs a C compiler.
func installCompiler(ctx context.Context) error {
	return aptget.Exclusively(ctx, "a C compiler", func(ctx context.Context) error {
		if _, ok := compiler(); ok {
			return nil
		}
		updated := aptget.Update(ctx)
		if err := aptget.Install(ctx, "gcc", "libc6-dev"); err != nil {
			return errors.Join(err, updated)
		}
		return nil
	})
}

// refuseClusters tells Debian's packages to create no cluster, until restore is called.
func refuseClusters(file string) (restore func() error, err error) {
	before, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, fmt.Errorf("read defaults of clusters: %w", err)
	}
	refusing := append(bytes.Clone(before), "\ncreate_main_cluster = false\n"...)
	if err := os.WriteFile(file, refusing, 0o644); err != nil {
		return nil, fmt.Errorf("write defaults of clusters: %w", err)
	}
	return func() error {
		if missing {
			return os.Remove(file)
		}
		return os.WriteFile(file, before, 0o644)
	}, nil
}
