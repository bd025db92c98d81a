package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// lateTold is the part of late requests from which on the table says so.
const lateTold = 0.01

// writeTable prints the document for a person.
func (d *Document) writeTable(w io.Writer) error {
	d.Environment.write(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\tengine\toperations/s\t±95 %\tCPU µs/operation\t±95 %\tof it database\t× echo\t±95 %\tp50 ms\tp99 ms\tp99.9 ms\tmax ms\terrors\trefused\t")
	for i := range d.Results {
		r := &d.Results[i]
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%.1f\t%s\t%.1f\t%.2f\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t\n", r.Scenario, r.Engine,
			r.OperationsPerSecond, r.OperationsInterval.reach(), r.CPUMicrosPerOperation, r.CPUInterval.reach(), r.DatabaseMicros,
			r.CPUPerEcho, r.CPUPerEchoInterval.reach(), r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max, r.Errors, r.Refused)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the results: %w", err)
	}
	d.writeRemarks(w)
	return nil
}

// writeRemarks says what the figures do not.
func (d *Document) writeRemarks(w io.Writer) {
	for i := range d.Results {
		r := &d.Results[i]
		if r.FirstError != "" {
			fmt.Fprintf(w, "%s, %s: first error: %s\n", r.Scenario, r.Engine, r.FirstError)
		}
		if r.Late > lateTold {
			fmt.Fprintf(w, "%s, %s: the generator fell behind: %.1f %% of the requests were sent late, by up to %.1f ms; their latency is not the server's alone\n",
				r.Scenario, r.Engine, 100*r.Late, r.LateMax)
		}
		if r.Stalled > milliseconds(int64(stalledMax)) {
			fmt.Fprintf(w, "%s, %s: the machine stood still for %.1f s, also when that round was measured again\n", r.Scenario, r.Engine, r.Stalled/1000)
		}
		if r.Unsent > 0 {
			fmt.Fprintf(w, "%s, %s: %.1f %% of the requests were not sent: all connections were busy\n", r.Scenario, r.Engine, 100*r.Unsent)
		}
	}
	for _, s := range d.Skipped {
		fmt.Fprintf(w, "%s, %s: not measured: %s\n", s.Scenario, s.Engine, s.Why)
	}
}

// reach writes how far an interval reaches, as a part of its middle.
func (i *Interval) reach() string {
	if i == nil || i.High+i.Low <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*(i.High-i.Low)/(i.High+i.Low))
}
