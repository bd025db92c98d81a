package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/penstock-dev/penstock/bench"
)

// echoAnswer makes this test binary run as the echo peer, with the answer in the file that it
// names.
const echoAnswer = "BENCH_TEST_ECHO_ANSWER"

func TestMain(m *testing.M) {
	answer := os.Getenv(echoAnswer)
	if answer == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := bench.Echo(ctx, answer, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
