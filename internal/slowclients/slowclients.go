// Package slowclients measures what clients that are slow on purpose cost the others. It starts slowhttptest, the tool
// that Debian packages, against a server, and asks the server meanwhile as an ordinary client does.
//
// How a server defends itself does not belong here. Nothing that serves imports it.
package slowclients

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-dev/penstock/internal/aptget"
)

// Program is slowhttptest's.
func Program() *aptget.Program {
	return &aptget.Program{
		Name: "slowhttptest", Variable: "PENSTOCK_TEST_SLOWHTTPTEST", Binaries: []string{"slowhttptest"}, Package: "slowhttptest",
	}
}

// Mode is a way of being slow.
type Mode struct {
	Name      string
	Path      string // what the slow clients ask for
	arguments []string
}

// Modes are the four of slowhttptest. big is a path with a long answer, which slow readers take their time over.
func Modes(big string) []Mode {
	return []Mode{
		{"slow headers", "/livez", []string{"-H", "-i", "1", "-x", "24"}},
		{"slow bodies", "/api/v2/orders", []string{"-B", "-i", "1", "-s", "8192", "-x", "10", "-f", "application/json"}},
		{"ranges", big, []string{"-R", "-a", "1", "-b", "3000"}},
		{"slow reading", big, []string{"-X", "-n", "1", "-w", "512", "-y", "1024", "-z", "32", "-k", "3"}},
	}
}

// Attack is slow clients at work.
type Attack struct {
	cmd    *exec.Cmd
	output strings.Builder
}

// arrival is how many seconds a crowd takes to come. One that comes at once would measure how fast connections are
// made.
const arrival = 5

// Crowd is how many slow clients there are, and for how long.
type Crowd struct {
	Connections int
	During      time.Duration
}

// Start lets slow clients loose on a server. They end when Stop is called, or when their time is over.
func Start(ctx context.Context, tool string, mode Mode, target string, crowd Crowd) (*Attack, error) {
	a := &Attack{}
	arguments := append(slices.Clone(mode.arguments), "-c", strconv.Itoa(crowd.Connections), "-r", strconv.Itoa(max(1, crowd.Connections/arrival)),
		"-l", strconv.Itoa(int(crowd.During.Seconds())), "-u", target+mode.Path, "-p", "5")
	a.cmd = exec.CommandContext(ctx, tool, arguments...)
	a.cmd.Stdout, a.cmd.Stderr = &a.output, &a.output
	a.cmd.WaitDelay = time.Second
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start slowhttptest: %w", err)
	}
	return a, nil
}

// Stop ends the slow clients, and returns what the tool has said.
func (a *Attack) Stop() string {
	_ = a.cmd.Process.Signal(syscall.SIGINT) // fails only when it has ended
	_ = a.cmd.Wait()
	return a.output.String()
}

// Sample is what an ordinary client has met.
type Sample struct {
	Latencies []time.Duration
	Failures  []error
}

// Ask asks for a path over and over, one request after another with a pause between them, until the time is over.
// Each tenth request comes over a connection of its own.
func (s *Sample) Ask(ctx context.Context, url string, pause, during time.Duration) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: askPatience}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	end := time.Now().Add(during)
	for n := 0; time.Now().Before(end) && ctx.Err() == nil; n++ {
		begun := time.Now()
		if err := ask(ctx, client, url, n%10 == 9); err != nil {
			s.Failures = append(s.Failures, err)
		}
		s.Latencies = append(s.Latencies, time.Since(begun))
		<-ticker.C
	}
}

const askPatience = 5 * time.Second

func ask(ctx context.Context, client *http.Client, url string, last bool) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Close = last
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s", url, response.Status)
	}
	return nil
}

// Quantile returns the latency that a part of all requests did not exceed.
func (s *Sample) Quantile(q float64) time.Duration {
	if len(s.Latencies) == 0 {
		return 0
	}
	sorted := slices.Clone(s.Latencies)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
