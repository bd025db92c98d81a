package board

import (
	"slices"
	"time"

	"github.com/penstock-dev/penstock/bench"
)

// Source says where a result comes from.
type Source string

// The sources of results.
const (
	SourceRun    Source = "run"    // this server measured itself
	SourceImport Source = "import" // a document of penstock bench was brought in
)

// Entry is one result that is kept.
type Entry struct {
	ID       string         `json:"id"`
	At       time.Time      `json:"at"` // when it was measured
	Source   Source         `json:"source"`
	Label    string         `json:"label,omitempty"`
	Document bench.Document `json:"document"`
	Points   []Point        `json:"points,omitempty"` // the curves of a run
}

// Summary is an entry without what is long: its points, and the rounds of its results.
type Summary struct {
	ID       string         `json:"id"`
	At       time.Time      `json:"at"`
	Source   Source         `json:"source"`
	Label    string         `json:"label,omitempty"`
	Document bench.Document `json:"document"`
}

func (e *Entry) summary() Summary {
	s := Summary{ID: e.ID, At: e.At, Source: e.Source, Label: e.Label, Document: e.Document}
	s.Document.Results = slices.Clone(e.Document.Results)
	for i := range s.Document.Results {
		s.Document.Results[i].Rounds = nil
	}
	return s
}

// entry makes the result of a run out of what it found.
func (r *run) entry(found tally) *Entry {
	document := bench.Document{Environment: bench.Machine(), Results: []bench.Result{{
		Engine: r.cfg.Engine, Scenario: r.request.Scenario, OperationsPerSecond: rounded(float64(found.good) / found.elapsed.Seconds()),
		Latency: found.latency, Errors: found.bad, FirstError: found.firstError, Rounds: found.rounds,
	}}}
	e := &document.Environment
	e.Stores, e.Version = []string{r.cfg.Store}, r.cfg.Version
	e.Connections, e.Products, e.Seed = r.request.Connections, products, runSeed
	e.Rounds = len(found.rounds)
	if e.Rounds > 0 {
		e.DurationSeconds = rounded(found.elapsed.Seconds() / float64(e.Rounds))
	}
	return &Entry{ID: r.id.String(), At: e.At, Source: SourceRun, Document: document, Points: found.points}
}
