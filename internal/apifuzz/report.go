package apifuzz

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	faultsDefault = 20
	// quoteMax bounds what a fault quotes of a request and of its answer.
	quoteMax = 1500
)

// Report is what a run found.
type Report struct {
	Seed     uint64
	Requests int
	Valid    int                    // that the document allows
	Invalid  int                    // that it does not
	Answers  map[string]map[int]int // how often each operation was answered with each status
	Faults   []Fault                // the first of them that differ
	Found    map[FaultKind]int      // all of them, by kind
}

// String sums the report up.
func (r *Report) String() string {
	total := make(map[int]int)
	for _, answers := range r.Answers {
		for status, n := range answers {
			total[status] += n
		}
	}
	var byStatus []string
	for _, status := range slices.Sorted(maps.Keys(total)) {
		byStatus = append(byStatus, fmt.Sprintf("%d: %d", status, total[status]))
	}
	text := fmt.Sprintf("seed %d: %d requests to %d operations, %d valid and %d invalid; answers %s; faults %v",
		r.Seed, r.Requests, len(r.Answers), r.Valid, r.Invalid, strings.Join(byStatus, ", "), r.Found)
	for i := range r.Faults {
		text += "\n\n" + r.Faults[i].String()
	}
	return text
}

// Unreached returns the operations of which no request was answered with a status below 400.
func (r *Report) Unreached() []string {
	var out []string
	for operation, answers := range r.Answers {
		good := 0
		for status, n := range answers {
			if status < 400 {
				good += n
			}
		}
		if good == 0 {
			out = append(out, operation)
		}
	}
	slices.Sort(out)
	return out
}

// journal is a report while it is written.
type journal struct {
	mu     sync.Mutex
	max    int
	report Report
}

func (j *journal) open(f *Fuzzer) {
	j.max = f.FaultsMax
	if j.max == 0 {
		j.max = faultsDefault
	}
	j.report = Report{Seed: f.Seed, Answers: make(map[string]map[int]int), Found: make(map[FaultKind]int)}
	for _, op := range f.Document.operations {
		j.report.Answers[op.ID] = make(map[int]int)
	}
}

func (j *journal) close() *Report {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &j.report
}

func (j *journal) note(d *draft, a *answer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Requests++
	switch {
	case d.stray:
		return
	case d.faults() != "":
		j.report.Invalid++
	case !d.unsure:
		j.report.Valid++
	}
	j.report.Answers[d.op.ID][a.status]++
}

// fault returns what notes a fault of an answer; nil is none.
func (j *journal) fault(d *draft, text []byte, a *answer) func(kind FaultKind, detail string) {
	return func(kind FaultKind, detail string) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.report.Found[kind]++
		alike := func(f Fault) bool { return f.Kind == kind && f.Operation == d.op.ID && f.Detail == detail }
		if len(j.report.Faults) >= j.max || slices.ContainsFunc(j.report.Faults, alike) {
			return
		}
		answered := ""
		if a != nil {
			answered = a.header.String() + string(a.body)
		}
		j.report.Faults = append(j.report.Faults, Fault{
			Kind: kind, Operation: d.op.ID, Detail: detail, Request: quote(string(text)), Answer: quote(answered),
		})
	}
}

func quote(text string) string {
	if len(text) > quoteMax {
		text = text[:quoteMax] + fmt.Sprintf("… (%d bytes)", len(text))
	}
	if !utf8.ValidString(text) {
		return fmt.Sprintf("%q", text)
	}
	return text
}
