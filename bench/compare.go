package bench

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// ErrNoResults says that a document holds nothing that can be compared.
var ErrNoResults = errors.New("it holds no results of penstock bench")

// Comparison is what two documents say of each engine and scenario that both have.
type Comparison struct {
	// Lines are a figure each.
	Lines []ComparisonLine `json:"lines"`
	// Differ counts the lines whose figures differ beyond chance.
	Differ int `json:"differ"`
	// Machines says how the machines differ, when they do: then figures are not comparable.
	Machines string `json:"machines,omitempty"`
}

// ComparisonLine compares one figure of one engine under one scenario.
type ComparisonLine struct {
	Scenario string  `json:"scenario"`
	Engine   string  `json:"engine"`
	Figure   string  `json:"figure"`
	A        float64 `json:"a"`
	B        float64 `json:"b"`
	// Ratio is B's over A's; absent when one of them has too few rounds to tell.
	Ratio   *Ratio  `json:"ratio,omitempty"`
	Verdict Verdict `json:"verdict"`
}

// Verdict says what a comparison has found.
type Verdict string

// The verdicts. Better is more operations a second, or less CPU for each.
const (
	VerdictBetter Verdict = "B is better"
	VerdictWorse  Verdict = "B is worse"
	VerdictSame   Verdict = "cannot be told apart"
	VerdictTooFew Verdict = "too few rounds"
)

// The figures that are compared.
const (
	figureRate       = "operations/s"
	figureCost       = "CPU µs/operation"
	figureCostOfEcho = "CPU × echo"
)

// Compare says of each engine and scenario that both documents have whether B is better than A. Figures
// differ when 1 lies outside the 95 % interval of their ratio (Welch's t on the logarithms of the rounds): of
// twenty lines that are the same one is expected to differ by chance.
func Compare(a, b *Document) (*Comparison, error) {
	c := &Comparison{Machines: differentMachines(&a.Environment, &b.Environment)}
	for i := range b.Results {
		to := &b.Results[i]
		for j := range a.Results {
			if from := &a.Results[j]; from.Engine == to.Engine && from.Scenario == to.Scenario {
				c.add(from, to)
			}
		}
	}
	if len(c.Lines) == 0 {
		return nil, fmt.Errorf("compare: no engine was measured under the same scenario in both: %w", ErrNoResults)
	}
	return c, nil
}

// add compares the figures of two results.
func (c *Comparison) add(from, to *Result) {
	for _, figure := range []struct {
		name   string
		of     func(*Round) float64
		a, b   float64
		better bool // the more, the better
	}{
		{figureRate, rateOf, from.OperationsPerSecond, to.OperationsPerSecond, true},
		{figureCost, costOf, from.CPUMicrosPerOperation, to.CPUMicrosPerOperation, false},
		{figureCostOfEcho, echoOf, from.CPUPerEcho, to.CPUPerEcho, false},
	} {
		if figure.a == 0 && figure.b == 0 || figure.name == figureCostOfEcho && to.Engine == peerEcho {
			continue
		}
		line := ComparisonLine{
			Scenario: to.Scenario, Engine: to.Engine, Figure: figure.name, A: figure.a, B: figure.b, Verdict: VerdictTooFew,
		}
		if ratio, ok := ratioOf(from.series(figure.of), to.series(figure.of)); ok {
			line.Ratio, line.Verdict = &ratio, ratio.verdict(figure.better)
		}
		if line.Verdict == VerdictBetter || line.Verdict == VerdictWorse {
			c.Differ++
		}
		c.Lines = append(c.Lines, line)
	}
}

func (r *Ratio) verdict(moreIsBetter bool) Verdict {
	switch {
	case r.Low <= 1 && r.High >= 1:
		return VerdictSame
	case (r.Low > 1) == moreIsBetter:
		return VerdictBetter
	default:
		return VerdictWorse
	}
}

// differentMachines says how the machines of two runs differ; nothing when they do not.
func differentMachines(a, b *Environment) string {
	if a.CPU == b.CPU && a.Cores == b.Cores {
		return ""
	}
	return fmt.Sprintf("A was measured on %d × %s, B on %d × %s", a.Cores, a.CPU, b.Cores, b.CPU)
}

// Write prints the comparison for a person, or for a script.
func (c *Comparison) Write(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(w, c)
	}
	if c.Machines != "" {
		fmt.Fprintf(w, "Not the same machine: %s. Only ratios within each run mean something.\n", c.Machines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\tengine\tfigure\tA\tB\tB/A\t95 %\t\t")
	for i := range c.Lines {
		l := &c.Lines[i]
		ratio, interval := "", ""
		if l.Ratio != nil {
			ratio, interval = fmt.Sprintf("%.3f", l.Ratio.Value), fmt.Sprintf("%.3f to %.3f", l.Ratio.Low, l.Ratio.High)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%.4g\t%.4g\t%s\t%s\t%s\t\n", l.Scenario, l.Engine, l.Figure, l.A, l.B, ratio, interval, l.Verdict)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	fmt.Fprintf(w, "%d of %d figures differ beyond chance (95 %% each).\n", c.Differ, len(c.Lines))
	return nil
}
