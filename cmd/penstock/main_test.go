package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/penstock-dev/penstock/internal/pgtest"
)

// postgres is the PostgreSQL of this package's tests.
var postgres pgtest.Shared //nolint:gochecknoglobals // TestMain owns it

// asCommand in the environment makes the test binary be penstock: for what only a process of its own can
// show.
const asCommand = "PENSTOCK_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	goleak.VerifyTestMain(tests{m},
		// fasthttp's housekeepers live as long as the process, or sleep for ten seconds before they
		// look whether they are still needed.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
	)
}

// tests are this package's, with their PostgreSQL.
type tests struct{ *testing.M }

func (t tests) Run() int { return postgres.Main(t.M) }

// startTimeout bounds the waits of tests for a server; it is far beyond what they need.
const startTimeout = 30 * time.Second

// runCommand runs penstock in this process until it ends.
func runCommand(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout) // a command that waits must not wait for ever
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

// testServer is a penstock serve in this process.
type testServer struct {
	target string
	ended  chan int
	cancel context.CancelFunc
	output *bytes.Buffer // after the greeting; read it only after stop
	logs   *bytes.Buffer // read it only after stop
	piped  chan struct{}

	demo      string // the commands that --demo printed; read it only after demoShown
	demoShown chan struct{}
}

// startServer runs penstock serve on a free port of this process, until stop or the test's end.
func startServer(t *testing.T, data string, args ...string) *testServer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	s := &testServer{
		ended: make(chan int, 1), cancel: cancel, output: new(bytes.Buffer), logs: new(bytes.Buffer),
		piped: make(chan struct{}), demoShown: make(chan struct{}),
	}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, args...)
	go func() {
		s.ended <- run(ctx, args, nil, writer, s.logs)
		_ = writer.Close() // a pipe's never fails
	}()
	greeted := make(chan string, 1)
	go func() {
		defer close(s.piped)
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if target, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "listening"); ok {
				greeted <- strings.Fields(target)[0]
			}
			s.output.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "/api/v2/products/") { // the last of the commands
				s.demo = s.output.String()
				close(s.demoShown)
			}
		}
		close(greeted)
	}()
	t.Cleanup(func() { s.stop(t) })
	select {
	case target, ok := <-greeted:
		if !ok {
			code := <-s.ended
			s.ended <- code
			<-s.piped
			t.Fatalf("the server ended with code %d before it served:\n%s%s", code, s.output, s.logs)
		}
		s.target = target
	case <-time.After(startTimeout):
		t.Fatal("the server does not come up")
	}
	return s
}

// stop asks the server to stop, as a signal would, and returns its exit code.
func (s *testServer) stop(t *testing.T) int {
	t.Helper()
	s.cancel()
	select {
	case code := <-s.ended:
		s.ended <- code // for the next call
		<-s.piped
		return code
	case <-time.After(startTimeout):
		t.Fatal("the server does not stop")
		return -1
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claim string
		args  []string
		code  int
		want  string // in stdout or stderr
	}{
		{"help is no error", []string{"--help"}, exitOK, "Exit codes: 0 done"},
		{"help of a command", []string{"serve", "--help"}, exitOK, "[PENSTOCK_LISTEN]"},
		{"help of a command that needs arguments", []string{"import", "products", "--help"}, exitOK, "The product_id becomes the SKU"},
		{"no command", nil, exitUsage, `Run "penstock --help" to see what there is.`},
		{"an unknown command", []string{"server"}, exitUsage, `did you mean "serve"?`},
		{"an unknown flag", []string{"serve", "--lisen", "x"}, exitUsage, `unknown flag --lisen, did you mean "--listen"?`},
		{"a value that is none", []string{"serve", "--engine-batch-max", "many"}, exitUsage, "--engine-batch-max"},
		{"a level that is none", []string{"version", "--log-level", "loud"}, exitUsage, "--log-level"},
		{"verify needs to know what", []string{"verify"}, exitUsage, "missing flags: --target=URL or --data=DIR or --database-url=URL"},
		{"verify wants one thing", []string{"verify", "--target", "http://x", "--data", "y"}, exitUsage, "--target and --data can't be used together"},
		{"concurrency is bounded", []string{"replay", "o.csv", "--concurrency", "0"}, exitUsage, "--concurrency must be from 1 to 1024"},
		{"a target that is none", []string{"verify", "--target", "localhost:8000"}, exitUsage, "a target looks like http://127.0.0.1:8000"},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runCommand(t, nil, tt.args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stdout+stderr, tt.want)
			if tt.code != exitOK {
				require.Empty(t, stdout)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, stdout, _ := runCommand(t, nil, "version")
	require.Equal(t, exitOK, code)
	require.Regexp(t, `^penstock \S+ \(go1\.\d+\S*, \w+/\w+\)\n$`, stdout)

	code, stdout, _ = runCommand(t, []string{"PENSTOCK_JSON=true"}, "version")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, `"platform":"`)
}
