package storecopy_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/penstock-dev/penstock/internal/pgtest"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

var postgres pgtest.Shared //nolint:gochecknoglobals // TestMain owns it

// The size of the long run is a flag of the test binary: the default fits into every run of the tests.
func TestMain(m *testing.M) {
	flag.Int("storecopy.orders", 5_000, "orders that the timed copy copies")
	flag.Parse()
	os.Exit(postgres.Main(m))
}

// database returns the URL of a new database with the schema.
func database(t *testing.T) string {
	t.Helper()
	return postgres.From(t, "schema", func(ctx context.Context, url string) error {
		_, err := pgstore.Migrate(ctx, url)
		return err
	})
}
