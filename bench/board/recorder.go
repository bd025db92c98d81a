package board

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/penstock-dev/penstock/bench"
)

const (
	// windowFirst is how long the windows of a run are at first. They double in length whenever there
	// are windowsMax of them, so that a run of any length is a curve of as many points.
	windowFirst = 50 * time.Millisecond
	windowsMax  = 80
	// latencyMax bounds what is told apart; a request that takes longer counts as this.
	latencyMax = time.Minute
	// roundsMax bounds the rounds that the windows are gathered into, of which a comparison sees the
	// spread.
	roundsMax = 10
)

// Point is one window of a run, for its curves.
type Point struct {
	Seconds             float64       `json:"seconds"` // from the start of the measurement to the window's end
	OperationsPerSecond float64       `json:"operations_per_second"`
	ErrorsPerSecond     float64       `json:"errors_per_second"`
	Latency             bench.Latency `json:"latency_ms"` // of good answers; zero when there were none
}

// recorder gathers answers as they come: all together, and by windows of time.
type recorder struct {
	start time.Time
	mu    struct {
		sync.Mutex
		width      time.Duration
		windows    []window // by time, the last one still open
		all        *hdrhistogram.Histogram
		good, bad  int64
		firstError string
	}
}

type window struct {
	good, bad int64
	latency   *hdrhistogram.Histogram // nil while there is no good answer
}

func newRecorder(start time.Time) *recorder {
	r := &recorder{start: start}
	r.mu.width = windowFirst
	r.mu.all = hdrhistogram.New(int64(time.Microsecond), int64(latencyMax), 3)
	return r
}

// answered takes in one answer: a good one when err is nil.
func (r *recorder) answered(at time.Time, took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.windowLocked(at)
	if err != nil {
		r.mu.bad++
		w.bad++
		if r.mu.firstError == "" {
			text := err.Error()
			r.mu.firstError = text[:min(len(text), errorTextMax)]
		}
		return
	}
	r.mu.good++
	w.good++
	value := int64(min(took, latencyMax))
	_ = r.mu.all.RecordValue(value) // within the bounds
	if w.latency == nil {
		w.latency = hdrhistogram.New(int64(time.Microsecond), int64(latencyMax), 2)
	}
	_ = w.latency.RecordValue(value)
}

// windowLocked returns the window that a moment falls into. Windows in which nothing was answered are
// made too: a server that stands still is to be seen.
func (r *recorder) windowLocked(at time.Time) *window {
	for int(at.Sub(r.start)/r.mu.width) >= windowsMax {
		r.doubleLocked()
	}
	i := max(0, int(at.Sub(r.start)/r.mu.width))
	for len(r.mu.windows) <= i {
		r.mu.windows = append(r.mu.windows, window{})
	}
	return &r.mu.windows[i]
}

// doubleLocked joins each two windows into one.
func (r *recorder) doubleLocked() {
	half := r.mu.windows[:0]
	for i := 0; i < len(r.mu.windows); i += 2 {
		joined := r.mu.windows[i]
		if i+1 < len(r.mu.windows) {
			joined.join(&r.mu.windows[i+1])
		}
		half = append(half, joined)
	}
	clear(r.mu.windows[len(half):])
	r.mu.windows = half
	r.mu.width *= 2
}

func (w *window) join(other *window) {
	w.good += other.good
	w.bad += other.bad
	switch {
	case w.latency == nil:
		w.latency = other.latency
	case other.latency != nil:
		w.latency.Merge(other.latency)
	}
}

// tally is what a recorder has gathered up to a moment.
type tally struct {
	good, bad  int64
	firstError string
	elapsed    time.Duration
	latency    bench.Latency
	points     []Point
	rounds     []bench.Round
}

// tally sums up. now is the end of the measurement, or the present moment within it.
func (r *recorder) tally(now time.Time) tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := tally{
		good: r.mu.good, bad: r.mu.bad, firstError: r.mu.firstError,
		elapsed: now.Sub(r.start), latency: latencyOf(r.mu.all),
	}
	whole := int(t.elapsed / r.mu.width) // windows that are over
	for i := range min(whole, windowsMax) {
		var w window
		if i < len(r.mu.windows) {
			w = r.mu.windows[i]
		}
		t.points = append(t.points, w.point(time.Duration(i+1)*r.mu.width, r.mu.width))
	}
	// The last window counts when it is half over, and also when it is the only one.
	if rest := t.elapsed - time.Duration(whole)*r.mu.width; whole < len(r.mu.windows) && (whole == 0 || rest > r.mu.width/2) && rest > 0 {
		t.points = append(t.points, r.mu.windows[whole].point(t.elapsed, rest))
	}
	t.rounds = roundsOf(t.points)
	return t
}

func (w *window) point(end, width time.Duration) Point {
	p := Point{
		Seconds: rounded(end.Seconds()), OperationsPerSecond: rounded(float64(w.good) / width.Seconds()),
		ErrorsPerSecond: rounded(float64(w.bad) / width.Seconds()),
	}
	if w.latency != nil {
		p.Latency = latencyOf(w.latency)
	}
	return p
}

func latencyOf(h *hdrhistogram.Histogram) bench.Latency {
	milliseconds := func(nanoseconds int64) float64 { return rounded(float64(nanoseconds) / float64(time.Millisecond)) }
	return bench.Latency{
		P50: milliseconds(h.ValueAtPercentile(50)), P99: milliseconds(h.ValueAtPercentile(99)),
		P999: milliseconds(h.ValueAtPercentile(99.9)), Max: milliseconds(h.Max()),
	}
}

// rounded keeps of a figure what a reader can use: a thousandth.
func rounded(v float64) float64 { return math.Round(v*1e3) / 1e3 }

// roundsOf gathers points into rounds of equally many: as many rounds as there may be with something
// good in each. One in which a slow server answered nothing could not be compared.
func roundsOf(points []Point) []bench.Round {
	var rounds []bench.Round
	for n := min(roundsMax, len(points)); n > 0; n-- {
		rounds = split(points, (len(points)+n-1)/n)
		if !slices.Contains(rounds, bench.Round{}) {
			break
		}
	}
	return rounds
}

// split makes a round of each so many points. What is left over at the end counts in none.
func split(points []Point, each int) []bench.Round {
	var rounds []bench.Round
	for part := range slices.Chunk(points, each) {
		if len(part) < each || len(rounds) == roundsMax {
			break
		}
		sum := 0.0
		for i := range part {
			sum += part[i].OperationsPerSecond
		}
		rounds = append(rounds, bench.Round{OperationsPerSecond: rounded(sum / float64(each))})
	}
	return rounds
}
