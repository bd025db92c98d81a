package torture_test

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/torture"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// kind is a kind of store. Its name names the subtests that use it.
type kind string

const (
	onPebble   kind = "pebble"
	onPostgres kind = "postgres"
)

// onBothStores runs a test on each kind of store.
func onBothStores(t *testing.T, test func(t *testing.T, on kind)) {
	t.Helper()
	for _, on := range []kind{onPebble, onPostgres} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			test(t, on)
		})
	}
}

// database returns the URL of a new database with the schema of this program.
func database(t *testing.T) string {
	t.Helper()
	return postgres.From(t, "migrated", migrate)
}

// server returns a server with new data.
func (on kind) server(t *testing.T, binary string) *torture.Server {
	t.Helper()
	if on == onPostgres {
		return &torture.Server{Binary: binary, Database: database(t)}
	}
	return &torture.Server{Binary: binary, Data: t.TempDir()}
}

// open opens a store with new data in this process: the embedded one in memory, or on a disk when it
// matters how long a commit takes.
func (on kind) open(t *testing.T, disk bool) persistence.Store {
	t.Helper()
	at := &torture.Server{}
	switch {
	case on == onPostgres:
		at.Database = database(t)
	case disk:
		at.Data = t.TempDir()
	}
	store := openStore(t, at)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// openStore opens the data of a server that does not run, or an embedded store in memory when it has none.
func openStore(t *testing.T, at *torture.Server) persistence.Store {
	t.Helper()
	if at.Database != "" {
		store, err := pgstore.Open(t.Context(), pgstore.Options{URL: at.Database, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
		require.NoError(t, err)
		return store
	}
	options := pebblestore.Options{Dir: at.Data, Logger: slog.New(slog.DiscardHandler), FreeSpaceMin: -1, CacheSize: 16 << 20}
	if at.Data == "" {
		options.Dir, options.FS = "store", vfs.NewMem()
	}
	store, err := pebblestore.Open(t.Context(), options)
	require.NoError(t, err)
	return store
}
