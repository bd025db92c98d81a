package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

// helperVariable lets the test binary start a server and wait, in order to be killed.
const helperVariable = "PGTEST_HELPER"

var shared pgtest.Shared //nolint:gochecknoglobals // TestMain owns it, and hands it to tests in no other way

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		serveUntilKilled()
	}
	code := shared.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func serveUntilKilled() {
	server, err := pgtest.Start(context.Background(), pgtest.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, server.PID(), server.Data())
	<-server.Done()
	os.Exit(1)
}
