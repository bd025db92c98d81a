package pgstore

import (
	"os"
	"testing"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

// shared is the PostgreSQL of this package's tests.
var shared pgtest.Shared //nolint:gochecknoglobals // TestMain owns it

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
