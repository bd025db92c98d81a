package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// OutagesReport is what a campaign of outages found. What is counted by kind has the kind of the
// outage as its key.
type OutagesReport struct {
	Seed   uint64
	Struck map[string]int
	// MidCommand counts the outages that left a command in doubt, MidCommit those of them in which some
	// such command turned out to be durable.
	MidCommand map[string]int
	MidCommit  map[string]int

	Acknowledged int           // orders
	Doubts       int           // commands whose outcome was in doubt: each was resolved by one retry of its key
	Committed    int           // of them, those that were durable
	Refused      int           // commands refused for want of units
	Undone       int           // requests answered 503: nothing was done
	Unknown      int           // requests answered 503: the outcome is not known
	HungUp       int           // requests whose answer the client did not wait for
	Slowest      time.Duration // answer, of whatever kind
	// FirstSuccess is how long after the database was ready the first order was acknowledged.
	FirstSuccess []time.Duration
	Faults       Faults
}

func newOutagesReport(seed uint64) *OutagesReport {
	return &OutagesReport{
		Seed: seed, Struck: make(map[string]int), MidCommand: make(map[string]int), MidCommit: make(map[string]int),
	}
}

// settle adds what an audit found out about the commands in doubt. kinds are those of the events.
func (r *OutagesReport) settle(kinds []string, found *settled) {
	doubts, committed := found.total()
	r.Doubts += doubts
	r.Committed += committed
	for event := range found.doubts {
		r.MidCommand[kinds[event]]++
	}
	for event := range found.committed {
		r.MidCommit[kinds[event]]++
	}
}

// Total returns how many outages there were.
func (r *OutagesReport) Total() int {
	total := 0
	for _, n := range r.Struck {
		total += n
	}
	return total
}

// FirstSuccessMax is the longest wait for a first success.
func (r *OutagesReport) FirstSuccessMax() time.Duration {
	longest := time.Duration(0)
	for _, d := range r.FirstSuccess {
		longest = max(longest, d)
	}
	return longest
}

// FirstSuccessMedian is the middle one of the waits for a first success.
func (r *OutagesReport) FirstSuccessMedian() time.Duration {
	if len(r.FirstSuccess) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(r.FirstSuccess))[len(r.FirstSuccess)/2]
}

// String sums the report up.
func (r *OutagesReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d outages; %d orders acknowledged, %d commands in doubt, each resolved by one retry, %d of them durable; "+
		"%d refused for want of units, %d answered 503, of %d the server could not tell the outcome, %d the client did not wait for; "+
		"slowest answer %s; first order after at most %s, median %s; %s", r.Seed, r.Total(),
		r.Acknowledged, r.Doubts, r.Committed, r.Refused, r.Undone, r.Unknown, r.HungUp,
		r.Slowest.Round(time.Millisecond), r.FirstSuccessMax().Round(time.Millisecond),
		r.FirstSuccessMedian().Round(time.Millisecond), &r.Faults)
	for _, kind := range slices.Sorted(maps.Keys(r.Struck)) {
		fmt.Fprintf(&b, "\n  %s: %d, %d with a command in doubt, %d with one that was durable",
			kind, r.Struck[kind], r.MidCommand[kind], r.MidCommit[kind])
	}
	return b.String()
}
