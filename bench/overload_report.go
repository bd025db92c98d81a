package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// OverloadDocument is what Overload prints.
type OverloadDocument struct {
	Environment Environment      `json:"environment"`
	Overload    []OverloadResult `json:"overload"`
}

// OverloadResult is what became of one engine.
type OverloadResult struct {
	Engine   string          `json:"engine"`
	Scenario string          `json:"scenario"`
	Peak     OverloadPhase   `json:"peak"`
	Steady   OverloadPhase   `json:"steady"`
	Strains  []OverloadPhase `json:"strains"`
	Goals    []Goal          `json:"goals"`
}

// OverloadPhase is one load. Good answers are those that the scenario wants.
type OverloadPhase struct {
	Name             string    `json:"name"`
	Connections      int       `json:"connections"`
	OfferedPerSecond float64   `json:"offered_per_second,omitempty"` // of an open loop
	GoodPerSecond    float64   `json:"good_per_second"`
	GoodInterval     *Interval `json:"good_per_second_95,omitempty"`
	OfPeak           float64   `json:"of_peak"` // good answers over those of the peak
	Latency          Latency   `json:"latency_ms"`
	Errors           int64     `json:"errors"`
	FirstError       string    `json:"first_error,omitempty"`

	Refused               int64    `json:"refused"`
	RefusedWithRetryAfter int64    `json:"refused_with_retry_after"`
	RefusalLatency        *Latency `json:"refusal_latency_ms,omitempty"`

	// As in Result.
	Unsent       float64      `json:"unsent,omitempty"`
	Late         float64      `json:"late,omitempty"`
	LateMax      float64      `json:"late_max_ms,omitempty"`
	ServerMemory MemoryResult `json:"server_memory_bytes"`

	// Of a strain: how many seconds after it everything was normal at the steady rate, -1 for never; and the
	// latencies from its end on. ServerMemory.End is then that of the end of the way back.
	NormalAfter float64 `json:"normal_after_seconds"`
	Recovery    Latency `json:"recovery_latency_ms,omitzero"`
}

// Goal is what a server should do under overload, and whether it did.
type Goal struct {
	Goal  string `json:"goal"`
	Found string `json:"found"`
	Met   bool   `json:"met"`
}

const (
	goodputGoal    = 0.9  // of the peak
	refusalGoal    = 100. // p99 of refusals, in milliseconds
	memoryGoal     = 2.   // of the memory at the peak
	recoveryGoal   = 10.  // seconds
	megabyte       = 1 << 20
	percentPerPart = 100
)

// judge compares what was found with the goals.
func (r *OverloadResult) judge(cfg *OverloadConfig) {
	add := func(met bool, goal, found string) {
		r.Goals = append(r.Goals, Goal{Goal: goal, Found: found, Met: met})
	}
	add(r.Steady.Latency.P99 <= latencyGoal,
		fmt.Sprintf("at %.0f %% of the peak: p99 at most %g ms", percentPerPart*cfg.Steady, latencyGoal), fmt.Sprintf("%.2f ms", r.Steady.Latency.P99))
	for i := range r.Strains {
		s := &r.Strains[i]
		add(s.OfPeak >= goodputGoal, fmt.Sprintf("%s: good answers at least %.0f %% of the peak", s.Name, percentPerPart*goodputGoal),
			fmt.Sprintf("%.0f %%", percentPerPart*s.OfPeak))
		if s.Refused > 0 {
			add(s.RefusedWithRetryAfter == s.Refused, s.Name+": every refusal has Retry-After", fmt.Sprintf("%d of %d", s.RefusedWithRetryAfter, s.Refused))
			add(s.RefusalLatency.P99 <= refusalGoal, fmt.Sprintf("%s: p99 of refusals at most %g ms", s.Name, refusalGoal),
				fmt.Sprintf("%.2f ms", s.RefusalLatency.P99))
		}
		times := float64(s.ServerMemory.Peak) / float64(max(r.Peak.ServerMemory.Peak, 1))
		add(times <= memoryGoal, fmt.Sprintf("%s: memory at most %g times that at the peak", s.Name, memoryGoal), fmt.Sprintf("%.2f times", times))
		found := "never"
		if s.NormalAfter >= 0 {
			found = fmt.Sprintf("after %g s", s.NormalAfter)
		}
		add(s.NormalAfter >= 0 && s.NormalAfter <= recoveryGoal, fmt.Sprintf("%s: normal again after at most %g s", s.Name, recoveryGoal), found)
	}
}

// met reports whether all goals were met.
func (d *OverloadDocument) met() bool {
	for i := range d.Overload {
		for _, g := range d.Overload[i].Goals {
			if !g.Met {
				return false
			}
		}
	}
	return true
}

// writeTable prints the document for a person.
func (d *OverloadDocument) writeTable(w io.Writer) error {
	d.Environment.write(w)
	for i := range d.Overload {
		if err := d.Overload[i].writeTable(w); err != nil {
			return err
		}
	}
	return nil
}

func (r *OverloadResult) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, %s\n", r.Engine, r.Scenario)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "phase\tconnections\toffered/s\tgood/s\tof peak\tp50 ms\tp99 ms\tmax ms\trefused\twith Retry-After\ttheir p99 ms\terrors\tmemory MB: start\tpeak\tend\tnormal after s\t")
	phases := append([]OverloadPhase{r.Peak, r.Steady}, r.Strains...)
	for i := range phases {
		p := &phases[i]
		refusal, normal := "", ""
		if p.RefusalLatency != nil {
			refusal = fmt.Sprintf("%.2f", p.RefusalLatency.P99)
		}
		if i > 1 {
			normal = fmt.Sprintf("%g", p.NormalAfter)
		}
		fmt.Fprintf(table, "%s\t%d\t%.0f\t%.0f\t%.0f %%\t%.2f\t%.2f\t%.2f\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%s\t\n", p.Name, p.Connections, p.OfferedPerSecond,
			p.GoodPerSecond, percentPerPart*p.OfPeak, p.Latency.P50, p.Latency.P99, p.Latency.Max, p.Refused, p.RefusedWithRetryAfter, refusal, p.Errors,
			p.ServerMemory.Start/megabyte, p.ServerMemory.Peak/megabyte, p.ServerMemory.End/megabyte, normal)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	for i := range phases {
		phases[i].writeRemarks(w)
	}
	for _, g := range r.Goals {
		verdict := "NOT MET"
		if g.Met {
			verdict = "met"
		}
		fmt.Fprintf(w, "%-8s %s: %s\n", verdict, g.Goal, g.Found)
	}
	return nil
}

// writeRemarks says what the figures of a phase do not.
func (p *OverloadPhase) writeRemarks(w io.Writer) {
	if p.FirstError != "" {
		fmt.Fprintf(w, "%s: first error: %s\n", p.Name, p.FirstError)
	}
	if p.Late > lateTold {
		fmt.Fprintf(w, "%s: the generator fell behind: %.1f %% of the requests were sent late, by up to %.1f ms\n", p.Name, percentPerPart*p.Late, p.LateMax)
	}
	if p.Unsent > 0 {
		fmt.Fprintf(w, "%s: %.1f %% of what was offered was never sent: all connections were busy\n", p.Name, percentPerPart*p.Unsent)
	}
}
