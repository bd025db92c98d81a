package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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

// Server is a penstock binary and the data that it serves, start after start: in the directory Data,
// or in a PostgreSQL database when its URL is given.
type Server struct {
	Binary   string
	Data     string
	Database string
	Env      []string
	Flags    []string // of serve, beside those that Start gives
}

// Start starts the server on a free port. The payment timeout is long, so that no order expires
// behind the back of the client that watches it.
func (s *Server) Start(ctx context.Context) (*bench.Process, error) {
	command := []string{s.Binary, "serve", "--listen", "127.0.0.1:0"}
	switch {
	case s.Database == "":
		command = append(command, "--store", "pebble", "--data", s.Data)
	case s.Data == "": // results of benchmarks would have no place
		command = append(command, "--store", "postgres", "--database-url", s.Database, "--benchmarks", "off")
	default:
		command = append(command, "--store", "postgres", "--database-url", s.Database, "--data", s.Data)
	}
	command = append(command, "--engine-payment-timeout", "72h", "--http-access-log", "off", "--log-level", "warn")
	return bench.StartProcess(ctx, s.Env, append(command, s.Flags...)...)
}

// Verify lets `penstock verify` prove on the data itself that the books add up, and notes what is
// wrong. An embedded store must not be in use.
func (s *Server) Verify(ctx context.Context, faults *Faults) error {
	place := []string{"--data", s.Data}
	if s.Database != "" {
		place = []string{"--database-url", s.Database}
	}
	verify := exec.CommandContext(ctx, s.Binary, append([]string{"verify", "--json"}, place...)...)
	verify.Env = append(os.Environ(), s.Env...)
	var said, complaint strings.Builder
	verify.Stdout, verify.Stderr = &said, &complaint
	failed := verify.Run()
	var report reportBody
	if err := json.Unmarshal([]byte(said.String()), &report); err != nil {
		return fmt.Errorf("verify: %w; it said:\n%s%s", errors.Join(err, failed), said.String(), complaint.String())
	}
	if report.OK != (report.All == 0) || report.OK != (failed == nil) {
		return errors.Join(fmt.Errorf("verify: %w: ok is %t with %d faults", ErrAnswer, report.OK, report.All), failed)
	}
	report.addTo(faults)
	audit := exec.CommandContext(ctx, s.Binary, append([]string{"audit", "verify"}, place...)...)
	audit.Env = verify.Env
	if said, err := audit.CombinedOutput(); err != nil {
		return fmt.Errorf("verify the audit log: %w; it said:\n%s", err, said)
	}
	return nil
}
