package peer_test

import (
	"os"
	"testing"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

var shared pgtest.Shared //nolint:gochecknoglobals // TestMain owns it

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
