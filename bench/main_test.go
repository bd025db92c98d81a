package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/penstock-dev/penstock/bench"
)

// echoAnswers makes this test binary run as the echo peer, with the answers in the file that it
// names.
const echoAnswers = "BENCH_TEST_ECHO_ANSWERS"

// built builds the program once for all tests, into a folder that TestMain removes.
var built = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // TestMain owns it
	binary := filepath.Join(builtFolder(), "penstock")
	output, err := exec.Command("go", "build", "-o", binary, "../cmd/penstock").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build penstock: %w\n%s", err, output)
	}
	return binary, nil
})

func builtFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("penstock-bench-test-%d", os.Getpid()))
}

func TestMain(m *testing.M) {
	answers := os.Getenv(echoAnswers)
	if answers == "" {
		code := m.Run()
		if err := os.RemoveAll(builtFolder()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := bench.Echo(ctx, answers, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
