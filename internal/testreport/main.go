// Command testreport runs go test and says what became of every test: it shows the output of those
// that failed, names those that were skipped, and ends with one line of counts. A skipped test
// fails the run, because a skip that nobody sees is a hole in what the tests promise.
//
// Its arguments are go test's. `make test` uses it; the project's packages do not.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	command := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	command.Stderr = stderr
	output, err := command.StdoutPipe()
	if err != nil {
		fmt.Fprintln(stderr, "testreport:", err)
		return 1
	}
	if err := command.Start(); err != nil {
		fmt.Fprintln(stderr, "testreport:", err)
		return 1
	}
	r := newReport(stdout)
	readError := r.read(output)
	ended := command.Wait()
	r.conclude()
	var exit *exec.ExitError
	switch {
	case readError != nil:
		fmt.Fprintln(stderr, "testreport:", readError)
		return 1
	case ended != nil && !errors.As(ended, &exit):
		fmt.Fprintln(stderr, "testreport:", ended)
		return 1
	case ended != nil || !r.ok():
		return 1
	}
	return 0
}

// event is a line of go test -json (see "go doc test2json").
type event struct {
	Action      string
	Package     string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
	ImportPath  string // of build output
}

// report gathers events. A subtest counts like a test.
type report struct {
	out     io.Writer
	output  map[string][]string // by package and test, until it has ended
	passed  int
	failed  []string
	skipped []string
	broken  []string // packages that failed without one of their tests failing
	failing map[string]bool
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: make(map[string][]string), failing: make(map[string]bool)}
}

// eventBytesMax bounds one line of go test's output.
const eventBytesMax = 64 << 20

func (r *report) read(output io.Reader) error {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, eventBytesMax)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text()) // not an event: what go says before it begins
			continue
		}
		r.add(&e)
	}
	return lines.Err()
}

func (r *report) add(e *event) {
	name := e.Package
	if e.Test != "" {
		name += " " + e.Test
	}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.output[name] = append(r.output[name], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e, name)
		}
		delete(r.output, name)
	}
}

func (r *report) endTest(e *event, name string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed = append(r.failed, name)
		r.failing[e.Package] = true
		r.show(name)
	case "skip":
		r.skipped = append(r.skipped, name)
		r.show(name)
	}
}

func (r *report) endPackage(e *event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		if !r.failing[e.Package] {
			r.broken = append(r.broken, e.Package)
			r.show(e.Package)
		}
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	case "skip": // a package without tests has nothing that could be skipped
		fmt.Fprintf(r.out, "-     %s  has no tests\n", e.Package)
	}
}

// show prints what a test has said.
func (r *report) show(name string) {
	fmt.Fprint(r.out, strings.Join(r.output[name], ""))
}

// ok reports whether everything passed and nothing was skipped.
func (r *report) ok() bool { return len(r.failed)+len(r.broken)+len(r.skipped) == 0 }

// conclude prints what needs attention, and the counts.
func (r *report) conclude() {
	for _, list := range []struct {
		word  string
		names []string
	}{{"failed", r.failed}, {"broken", r.broken}, {"skipped", r.skipped}} {
		slices.Sort(list.names)
		for _, name := range list.names {
			fmt.Fprintf(r.out, "%s: %s\n", list.word, name)
		}
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, len(r.failed)+len(r.broken), len(r.skipped))
}
