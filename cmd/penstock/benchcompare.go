package main

import (
	"fmt"
	"os"

	"github.com/penstock-dev/penstock/bench"
)

// benchCompareCommand compares two results.
type benchCompareCommand struct {
	A    string `arg:"" help:"File with a result, as bench prints it with --json."`
	B    string `arg:"" help:"File with another one."`
	JSON bool   `name:"json" help:"Print one JSON document."`
}

// Help explains the verdicts and the exit code.
func (c *benchCompareCommand) Help() string {
	return "For each engine and scenario that both results have: operations a second, CPU for each, and that CPU over the echo's. Two figures differ when 1 lies outside the 95 % interval of their ratio " +
		"(Welch's t on the logarithms of the rounds). The exit code is 0 when no figure differs, 1 when some do. Of twenty figures that are the same, one is expected to differ by chance; more rounds make intervals narrower."
}

// Run compares.
func (c *benchCompareCommand) Run(p *process) error {
	a, err := readResults(c.A)
	if err != nil {
		return err
	}
	b, err := readResults(c.B)
	if err != nil {
		return err
	}
	comparison, err := bench.Compare(a, b)
	if err != nil {
		return &exitError{code: exitData, err: err}
	}
	if err := comparison.Write(p.stdout, c.JSON); err != nil {
		return err
	}
	if comparison.Differ > 0 {
		return errNotWell
	}
	return nil
}

func readResults(name string) (document *bench.Document, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &exitError{code: exitNoInput, err: err}
	}
	defer func() { _ = file.Close() }() // only read
	document, err = bench.ReadDocument(file)
	if err != nil {
		return nil, &exitError{code: exitData, err: fmt.Errorf("%s: %w", name, err), hint: "It must be what \"penstock bench … --json\" has printed."}
	}
	return document, nil
}
