package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Document is what a run prints: where it was measured, and what was found.
type Document struct {
	Environment Environment `json:"environment"`
	Results     []Result    `json:"results"`
}

// Result is one engine under one scenario: medians over the rounds, latencies over all of them.
type Result struct {
	Engine              string  `json:"engine"`
	Scenario            string  `json:"scenario"`
	OperationsPerSecond float64 `json:"operations_per_second"`
	// CPUMicrosPerOperation is the CPU of server and database together, DatabaseMicros of it the
	// database's.
	CPUMicrosPerOperation float64 `json:"cpu_us_per_operation"`
	DatabaseMicros        float64 `json:"database_cpu_us_per_operation,omitempty"`
	// CPUPerEcho is the CPU of an operation over that of the echo in the same round, the median of
	// the rounds; absent when no echo was measured.
	CPUPerEcho float64 `json:"cpu_per_echo,omitempty"`
	Latency    Latency `json:"latency_ms"`
	Errors     int64   `json:"errors"`
	FirstError string  `json:"first_error,omitempty"`
	// Rounds are the single measurements, so that their spread can be seen.
	Rounds []Round `json:"rounds"`
}

// Latency holds percentiles in milliseconds, as clients saw them.
type Latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Round is one measurement of an engine.
type Round struct {
	OperationsPerSecond   float64 `json:"operations_per_second"`
	CPUMicrosPerOperation float64 `json:"cpu_us_per_operation"`
}

// summarize makes an engine's result out of its samples, one a round. echo are the samples of the
// echo in the same rounds, or nil.
func summarize(engine, scenario string, samples, echo []*Sample) Result {
	r := Result{Engine: engine, Scenario: scenario}
	var rates, costs, databases, ratios []float64
	latency := newLatency()
	for i, s := range samples {
		round := Round{OperationsPerSecond: float64(s.Operations) / s.Elapsed.Seconds(), CPUMicrosPerOperation: cost(s)}
		r.Rounds = append(r.Rounds, round)
		rates = append(rates, round.OperationsPerSecond)
		costs = append(costs, round.CPUMicrosPerOperation)
		databases = append(databases, perOperation(s, s.CPU.Database))
		if i < len(echo) && cost(echo[i]) > 0 {
			ratios = append(ratios, round.CPUMicrosPerOperation/cost(echo[i]))
		}
		latency.Merge(s.Latency)
		r.Errors += s.Errors
		if r.FirstError == "" {
			r.FirstError = s.FirstError
		}
	}
	r.OperationsPerSecond, r.CPUMicrosPerOperation, r.CPUPerEcho = median(rates), median(costs), median(ratios)
	r.DatabaseMicros = median(databases)
	r.Latency = Latency{
		P50: milliseconds(latency.ValueAtPercentile(50)), P99: milliseconds(latency.ValueAtPercentile(99)),
		P999: milliseconds(latency.ValueAtPercentile(99.9)), Max: milliseconds(latency.Max()),
	}
	return r
}

// cost is the CPU of one good answer, in microseconds.
func cost(s *Sample) float64 { return perOperation(s, s.CPU.Server+s.CPU.Database) }

// perOperation is a part of the CPU of one good answer, in microseconds.
func perOperation(s *Sample, cpu time.Duration) float64 {
	if s.Operations == 0 {
		return 0
	}
	return float64(cpu) / float64(time.Microsecond) / float64(s.Operations)
}

func milliseconds(nanoseconds int64) float64 { return float64(nanoseconds) / float64(time.Millisecond) }

// median returns the middle value, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// writeJSON prints the document for a script.
func (d *Document) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	return nil
}

// writeTable prints the document for a person.
func (d *Document) writeTable(w io.Writer) error {
	e := &d.Environment
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s, %d cores, %s, %s; %.0f fsyncs/s; %d connections, %d rounds of %g s, %d products\n",
		e.CPU, e.Cores, e.OS, e.Go, e.FsyncsPerSecond, e.Connections, e.Rounds, e.DurationSeconds, e.Products)
	fmt.Fprintln(table, "scenario\tengine\toperations/s\tCPU µs/operation\tof it database\t× echo\tp50 ms\tp99 ms\tp99.9 ms\tmax ms\terrors\t")
	for i := range d.Results {
		r := &d.Results[i]
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t\n", r.Scenario, r.Engine, r.OperationsPerSecond,
			r.CPUMicrosPerOperation, r.DatabaseMicros, r.CPUPerEcho, r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max, r.Errors)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	for i := range d.Results {
		if r := &d.Results[i]; r.FirstError != "" {
			fmt.Fprintf(w, "%s, %s: first error: %s\n", r.Scenario, r.Engine, r.FirstError)
		}
	}
	return nil
}
