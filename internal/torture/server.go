package torture

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock-dev/penstock/bench"
)

// Build builds cmd/penstock with the build tags given and returns the path of the binary, which
// stands in dir.
func Build(ctx context.Context, dir string, tags ...string) (string, error) {
	binary := filepath.Join(dir, "penstock")
	build := exec.CommandContext(ctx, "go", "build", "-tags", strings.Join(tags, ","), "-o", binary,
		"github.com/penstock-dev/penstock/cmd/penstock")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build penstock: %w\n%s", err, output)
	}
	return binary, nil
}

// Server is a penstock binary and the data that it serves, start after start.
type Server struct {
	Binary string
	Data   string
	Env    []string
	Flags  []string // of serve, beside those that Start gives
}

// Start starts the server on a free port. The payment timeout is long, so that no order expires
// behind the back of the client that watches it.
func (s *Server) Start(ctx context.Context) (*bench.Process, error) {
	command := append([]string{
		s.Binary, "serve", "--listen", "127.0.0.1:0", "--store", "pebble", "--data", s.Data,
		"--engine-payment-timeout", "72h", "--http-access-log", "off", "--log-level", "warn",
	}, s.Flags...)
	return bench.StartProcess(ctx, s.Env, command...)
}
