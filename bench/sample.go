package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// CPU is time that was computed: by a server, and by its database, if it has one.
type CPU struct{ Server, Database time.Duration }

// Memory is what a server held of the machine's memory (resident set), in bytes.
type Memory struct{ Start, Peak, End int64 }

// Sample is what one measurement found.
type Sample struct {
	Operations int64 // good answers within the measured time
	Errors     int64 // other answers, refusals apart, and lost connections
	FirstError string
	Elapsed    time.Duration
	Stalled    time.Duration // the longest time for which the generator itself stood still
	Repeated   int           // how often it was measured before, and the machine stood still
	CPU        CPU
	Memory     Memory                  // zero when it was not looked at
	Latency    *hdrhistogram.Histogram // of the good answers, in nanoseconds
	Kinds      []KindSample            // one a kind, when there are several

	// Refused counts the answers 429 and 503, of them RetryAfter those that say when to come again. How long
	// they took is in Refusal, in nanoseconds.
	Refused, RetryAfter int64
	Refusal             *hdrhistogram.Histogram

	// Pace says how well an open loop kept its rate; zero of a closed one.
	Pace Pace
	// Slices are the measured time in parts, when Load.Slice asks for them.
	Slices []Slice
}

// KindSample is what one measurement found of one kind of request.
type KindSample struct {
	Operations int64
	Latency    *hdrhistogram.Histogram
}

// Slice is a part of the measured time. Requests belong to the slice in which they were to be sent.
type Slice struct {
	Good, Refused, Errors int64
	Latency               *hdrhistogram.Histogram // of the good answers, in nanoseconds
}

func newSample() *Sample { return &Sample{Latency: newLatency(), Refusal: newLatency()} }

// add adds what was measured after this, of the same single kind of request.
func (s *Sample) add(next *Sample) {
	s.Operations += next.Operations
	s.Errors += next.Errors
	s.Refused += next.Refused
	s.RetryAfter += next.RetryAfter
	if s.FirstError == "" {
		s.FirstError = next.FirstError
	}
	if s.Elapsed == 0 {
		s.Memory.Start = next.Memory.Start
	}
	s.Memory.Peak, s.Memory.End = max(s.Memory.Peak, next.Memory.Peak), next.Memory.End
	s.Elapsed += next.Elapsed
	s.Stalled = max(s.Stalled, next.Stalled)
	s.CPU.Server += next.CPU.Server
	s.CPU.Database += next.CPU.Database
	s.Latency.Merge(next.Latency)
	s.Refusal.Merge(next.Refusal)
	s.Pace.Due += next.Pace.Due
	s.Pace.Unsent += next.Pace.Unsent
	s.Pace.Late += next.Pace.Late
	s.Pace.LateMax = max(s.Pace.LateMax, next.Pace.LateMax)
}

const (
	// latencyMax bounds what a histogram tells apart; a request that takes longer counts as this.
	latencyMax = time.Minute
	// recordersMax bounds the histograms that connections write to: each takes some 150 kB.
	recordersMax = 8
)

func newLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(latencyMax), 3)
}

// newCoarseLatency makes a histogram that takes little memory and tells two digits.
func newCoarseLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(10*time.Microsecond), int64(latencyMax), 2)
}

// record puts a time into a histogram. It cannot fail: what is too long is cut.
func record(h *hdrhistogram.Histogram, took time.Duration) {
	_ = h.RecordValue(int64(min(max(took, 0), latencyMax)))
}

// recorder counts the answers of some of the connections.
type recorder struct {
	mu struct {
		sync.Mutex
		operations, errors, refused, retryAfter int64
		latency, refusal                        *hdrhistogram.Histogram
		kinds                                   []KindSample // nil when there is one kind
	}
}

func newRecorder(kinds int) *recorder {
	r := new(recorder)
	r.mu.latency, r.mu.refusal = newLatency(), newLatency()
	if kinds > 1 {
		r.mu.kinds = newKindSamples(kinds)
	}
	return r
}

func newKindSamples(n int) []KindSample {
	kinds := make([]KindSample, n)
	for i := range kinds {
		kinds[i].Latency = newCoarseLatency()
	}
	return kinds
}

// good counts a good answer: as an operation when it came within the measured time, and how long it took
// when it was to be sent within it.
func (r *recorder) good(kind int, took time.Duration, operation, timed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if operation {
		r.mu.operations++
		if r.mu.kinds != nil {
			r.mu.kinds[kind].Operations++
		}
	}
	if timed {
		record(r.mu.latency, took)
		if r.mu.kinds != nil {
			record(r.mu.kinds[kind].Latency, took)
		}
	}
}

func (r *recorder) refused(took time.Duration, retryAfter bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.refused++
	if retryAfter {
		r.mu.retryAfter++
	}
	record(r.mu.refusal, took)
}

func (r *recorder) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.errors++
}

// addTo adds what was counted to a sample.
func (r *recorder) addTo(s *Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Operations += r.mu.operations
	s.Errors += r.mu.errors
	s.Refused += r.mu.refused
	s.RetryAfter += r.mu.retryAfter
	s.Latency.Merge(r.mu.latency)
	s.Refusal.Merge(r.mu.refusal)
	for i := range r.mu.kinds {
		s.Kinds[i].Operations += r.mu.kinds[i].Operations
		s.Kinds[i].Latency.Merge(r.mu.kinds[i].Latency)
	}
}

// slicer sorts answers into slices of the measured time.
type slicer struct {
	width time.Duration

	mu struct {
		sync.Mutex
		from   time.Time // when the measured time begins; zero before
		slices []Slice
	}
}

// newSlicer returns nil when there is nothing to sort.
func newSlicer(width, duration time.Duration) *slicer {
	if width <= 0 {
		return nil
	}
	s := &slicer{width: width}
	s.mu.slices = make([]Slice, (duration+width-1)/width)
	for i := range s.mu.slices {
		s.mu.slices[i].Latency = newCoarseLatency()
	}
	return s
}

func (s *slicer) begin(from time.Time) {
	if s != nil {
		s.mu.Lock()
		s.mu.from = from
		s.mu.Unlock()
	}
}

// add notes an answer to a request that was due at a moment, with the function that counts it.
func (s *slicer) add(due time.Time, count func(*Slice)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.from.IsZero() || due.Before(s.mu.from) {
		return
	}
	if i := int(due.Sub(s.mu.from) / s.width); i < len(s.mu.slices) {
		count(&s.mu.slices[i])
	}
}
