package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Document is what a run prints: where it was measured, and what was found.
type Document struct {
	Environment Environment `json:"environment"`
	Results     []Result    `json:"results"`
	// Skipped says what was asked for and could not be measured.
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Skipped is a scenario that an engine does not serve.
type Skipped struct {
	Engine   string `json:"engine"`
	Scenario string `json:"scenario"`
	Why      string `json:"why"`
}

// Result is one engine under one scenario: medians over the rounds, latencies over all of them. Intervals
// are those of 95 % confidence over the rounds; they are absent when there was only one.
type Result struct {
	Engine              string    `json:"engine"`
	Scenario            string    `json:"scenario"`
	OperationsPerSecond float64   `json:"operations_per_second"`
	OperationsInterval  *Interval `json:"operations_per_second_95,omitempty"`
	// CPUMicrosPerOperation is the CPU of server and database together, DatabaseMicros of it the
	// database's.
	CPUMicrosPerOperation float64   `json:"cpu_us_per_operation"`
	CPUInterval           *Interval `json:"cpu_us_per_operation_95,omitempty"`
	DatabaseMicros        float64   `json:"database_cpu_us_per_operation,omitempty"`
	// CPUPerEcho is the CPU of an operation over that of the echo in the same round, the median of
	// the rounds; absent when no echo was measured.
	CPUPerEcho         float64   `json:"cpu_per_echo,omitempty"`
	CPUPerEchoInterval *Interval `json:"cpu_per_echo_95,omitempty"`

	Latency    Latency `json:"latency_ms"`
	Errors     int64   `json:"errors"` // refusals apart
	FirstError string  `json:"first_error,omitempty"`

	// Refused are answers 429 and 503, RefusedWithRetryAfter those of them that say when to come again.
	Refused               int64    `json:"refused"`
	RefusedWithRetryAfter int64    `json:"refused_with_retry_after,omitempty"`
	RefusalLatency        *Latency `json:"refusal_latency_ms,omitempty"`

	// OfferedPerSecond is the rate of an open loop; absent in a closed one.
	OfferedPerSecond float64 `json:"offered_per_second,omitempty"`
	// Unsent is the part of the requests due that were never sent, because all connections were busy. Late is
	// the part that the generator itself sent too late: above a hundredth its latencies are not the server's alone.
	Unsent  float64 `json:"unsent,omitempty"`
	Late    float64 `json:"late,omitempty"`
	LateMax float64 `json:"late_max_ms,omitempty"`

	// Repeated counts rounds that were measured again, because the machine had stood still. Stalled is the longest time for
	// which it did in the rounds that count.
	Repeated int     `json:"repeated,omitempty"`
	Stalled  float64 `json:"stalled_ms"`

	// ServerMemory is the server's resident set, without a database's.
	ServerMemory MemoryResult `json:"server_memory_bytes"`
	// Kinds are the kinds of requests of a mix.
	Kinds []KindResult `json:"kinds,omitempty"`
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

// MemoryResult is a resident set, in bytes: at the start of the first round, at most, and at the end of
// the last.
type MemoryResult struct {
	Start int64 `json:"start"`
	Peak  int64 `json:"peak"`
	End   int64 `json:"end"`
}

// KindResult is one kind of request of a mix, over all rounds.
type KindResult struct {
	Kind       string  `json:"kind"`
	Operations int64   `json:"operations"`
	Latency    Latency `json:"latency_ms"`
}

// Round is one measurement of an engine.
type Round struct {
	OperationsPerSecond   float64 `json:"operations_per_second"`
	CPUMicrosPerOperation float64 `json:"cpu_us_per_operation"`
	CPUPerEcho            float64 `json:"cpu_per_echo,omitempty"`
	P50                   float64 `json:"p50_ms"`
	P99                   float64 `json:"p99_ms"`
	Errors                int64   `json:"errors,omitempty"`
	Refused               int64   `json:"refused,omitempty"`
}

// Summarize makes an engine's result out of its samples, one a round. echo are the samples of the
// echo in the same rounds, or nil.
func Summarize(engine string, scenario *Scenario, samples, echo []*Sample) Result {
	r := Result{Engine: engine, Scenario: scenario.Name}
	var databases []float64
	latency, refusal := newLatency(), newLatency()
	for i, s := range samples {
		round := Round{
			OperationsPerSecond: s.Rate(), CPUMicrosPerOperation: cost(s), Errors: s.Errors, Refused: s.Refused,
			P50: percentile(s.Latency, 50), P99: percentile(s.Latency, 99),
		}
		if i < len(echo) && cost(echo[i]) > 0 {
			round.CPUPerEcho = round.CPUMicrosPerOperation / cost(echo[i])
		}
		r.Rounds = append(r.Rounds, round)
		databases = append(databases, perOperation(s, s.CPU.Database))
		latency.Merge(s.Latency)
		if s.Refusal != nil {
			refusal.Merge(s.Refusal)
		}
		r.add(s, len(samples))
	}
	r.settle()
	r.DatabaseMicros = median(databases)
	r.Latency = latencyOf(latency)
	if r.Refused > 0 {
		l := latencyOf(refusal)
		r.RefusalLatency = &l
	}
	if len(scenario.Mix) > 1 {
		r.Kinds = kindResults(scenario, samples)
	}
	return r
}

// add adds what counts over all rounds.
func (r *Result) add(s *Sample, samples int) {
	r.Errors += s.Errors
	r.Refused += s.Refused
	r.RefusedWithRetryAfter += s.RetryAfter
	r.Repeated += s.Repeated
	r.Stalled = max(r.Stalled, milliseconds(int64(s.Stalled)))
	if r.FirstError == "" {
		r.FirstError = s.FirstError
	}
	if r.ServerMemory.Start == 0 {
		r.ServerMemory.Start = s.Memory.Start
	}
	r.ServerMemory.Peak, r.ServerMemory.End = max(r.ServerMemory.Peak, s.Memory.Peak), s.Memory.End
	if s.Pace.Due > 0 {
		due := float64(s.Pace.Due)
		r.OfferedPerSecond += due / s.Elapsed.Seconds() / float64(samples)
		r.Unsent += float64(s.Pace.Unsent) / due / float64(samples)
		r.Late += float64(s.Pace.Late) / due / float64(samples)
		r.LateMax = max(r.LateMax, milliseconds(int64(s.Pace.LateMax)))
	}
}

// settle computes the medians and the intervals of the rounds.
func (r *Result) settle() {
	rates, costs, ratios := r.series(rateOf), r.series(costOf), r.series(echoOf)
	r.OperationsPerSecond, r.OperationsInterval = median(rates), intervalOf(rates)
	r.CPUMicrosPerOperation, r.CPUInterval = median(costs), intervalOf(costs)
	r.CPUPerEcho, r.CPUPerEchoInterval = median(ratios), intervalOf(ratios)
}

// The figures of a round that are compared.
func rateOf(r *Round) float64 { return r.OperationsPerSecond }
func costOf(r *Round) float64 { return r.CPUMicrosPerOperation }
func echoOf(r *Round) float64 { return r.CPUPerEcho }

// series lists a figure of each round.
func (r *Result) series(figure func(*Round) float64) []float64 {
	values := make([]float64, len(r.Rounds))
	for i := range r.Rounds {
		values[i] = figure(&r.Rounds[i])
	}
	return values
}

func kindResults(scenario *Scenario, samples []*Sample) []KindResult {
	results := make([]KindResult, len(scenario.Mix))
	for i := range results {
		latency := newCoarseLatency()
		results[i].Kind = scenario.Mix[i].Kind.Name
		for _, s := range samples {
			if i < len(s.Kinds) {
				results[i].Operations += s.Kinds[i].Operations
				latency.Merge(s.Kinds[i].Latency)
			}
		}
		results[i].Latency = latencyOf(latency)
	}
	return results
}

// Rate is the good answers a second.
func (s *Sample) Rate() float64 { return float64(s.Operations) / s.Elapsed.Seconds() }

// cost is the CPU of one good answer, in microseconds.
func cost(s *Sample) float64 { return perOperation(s, s.CPU.Server+s.CPU.Database) }

// perOperation is a part of the CPU of one good answer, in microseconds.
func perOperation(s *Sample, cpu time.Duration) float64 {
	if s.Operations == 0 {
		return 0
	}
	return float64(cpu) / float64(time.Microsecond) / float64(s.Operations)
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	return Latency{
		P50: percentile(h, 50), P99: percentile(h, 99), P999: percentile(h, 99.9), Max: milliseconds(h.Max()),
	}
}

func percentile(h *hdrhistogram.Histogram, p float64) float64 {
	return milliseconds(h.ValueAtPercentile(p))
}

func milliseconds(nanoseconds int64) float64 { return float64(nanoseconds) / float64(time.Millisecond) }

// ReadDocument reads a document that a run has printed with JSON.
func ReadDocument(r io.Reader) (*Document, error) {
	var d Document
	if err := json.NewDecoder(r).Decode(&d); err != nil {
		return nil, fmt.Errorf("read the results: %w", err)
	}
	if len(d.Results) == 0 {
		return nil, fmt.Errorf("read the results: %w", ErrNoResults)
	}
	return &d, nil
}

// writeJSON prints a document for a script.
func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	return nil
}
