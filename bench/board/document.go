package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

// The bounds of a document that is brought in.
const (
	DocumentMax = 128 << 10 // bytes
	resultsMax  = 200
	roundsKept  = 1000
	nameMax     = 64
	LabelMax    = 80 // characters of what somebody calls a result
	figureMax   = 1e12
	// faultsMax bounds the faults that one refusal names, quoteMax the characters that it quotes.
	faultsMax = 10
	quoteMax  = 60
)

// Import keeps a document as penstock bench --json prints it. What it does not hold is left empty; what
// cannot be of such a document is refused.
func (b *Board) Import(document []byte, label string) (commerce.ID, error) {
	if len(document) > DocumentMax {
		return commerce.ID{}, commerce.Errorf(commerce.CodeValidation, "the document must be at most %d bytes long", DocumentMax)
	}
	entry := &Entry{At: time.Now().UTC(), Source: SourceImport, Label: label}
	if err := json.Unmarshal(document, &entry.Document); err != nil {
		return commerce.ID{}, commerce.Errorf(commerce.CodeValidation, "the body is no document of penstock bench --json: %s", unreadable(err))
	}
	if !jsontext.Value(document).IsValid() { // encoding/json forgives both
		return commerce.ID{}, commerce.Errorf(commerce.CodeValidation, "the body is no document of penstock bench --json: a text is not UTF-8, or a name is there twice")
	}
	if faults := checkDocument(&entry.Document); len(faults) > 0 {
		return commerce.ID{}, &commerce.Error{
			Code: commerce.CodeValidation, Detail: "the body is no document of penstock bench --json", Violations: faults,
		}
	}
	if at := entry.Document.Environment.At; !at.IsZero() {
		entry.At = at.UTC()
	}
	id, err := newID()
	if err != nil {
		return commerce.ID{}, err
	}
	entry.ID = id.String()
	return id, b.history.add(entry)
}

// unreadable says to whoever sent a document why it cannot be read, in words of the document. What it
// quotes is cut: a number may be as long as the document.
func unreadable(err error) string {
	var kind *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &kind):
		return quoted(err.Error())
	case kind.Field == "":
		return "it must be an object"
	default:
		return quoted(kind.Field) + " cannot hold: " + quoted(kind.Value)
	}
}

func quoted(text string) string { return fmt.Sprintf("%.*s", quoteMax, text) }

// documentFaults gathers what is wrong with a document.
type documentFaults []commerce.Violation

func (f *documentFaults) note(bad bool, pointer, detail string) {
	if bad && len(*f) < faultsMax {
		*f = append(*f, commerce.Violation{Pointer: pointer, Detail: detail})
	}
}

func (f *documentFaults) figure(value float64, pointer string) {
	f.note(value < 0 || value > figureMax, pointer, "must be from 0 to 1e12")
}

func (f *documentFaults) name(text, pointer string) {
	n := utf8.RuneCountInString(text)
	f.note(n == 0 || n > nameMax, pointer, fmt.Sprintf("must have 1 to %d characters", nameMax))
}

func checkDocument(d *bench.Document) []commerce.Violation {
	var faults documentFaults
	faults.note(len(d.Results) == 0, "/results", "must hold at least one result")
	faults.note(len(d.Results) > resultsMax, "/results", fmt.Sprintf("must hold at most %d results", resultsMax))
	year := d.Environment.At.Year()
	faults.note(!d.Environment.At.IsZero() && (year < 2000 || year > 9999), "/environment/at", "must be a time of our age")
	type measured struct{ engine, scenario string }
	seen := make(map[measured]bool)
	for i := range d.Results[:min(len(d.Results), resultsMax)] {
		r := &d.Results[i]
		at := fmt.Sprintf("/results/%d", i)
		faults.result(r, at)
		// A comparison pairs results: many of one name would make a long one of a short document.
		faults.note(seen[measured{r.Engine, r.Scenario}], at, "must be the only one of its engine and scenario")
		seen[measured{r.Engine, r.Scenario}] = true
	}
	return faults
}

func (f *documentFaults) result(r *bench.Result, at string) {
	f.name(r.Engine, at+"/engine")
	f.name(r.Scenario, at+"/scenario")
	f.note(r.Errors < 0, at+"/errors", "must not be negative")
	f.figure(r.OperationsPerSecond, at+"/operations_per_second")
	f.figure(r.CPUMicrosPerOperation, at+"/cpu_us_per_operation")
	f.figure(r.CPUPerEcho, at+"/cpu_per_echo")
	f.figure(r.Latency.P50, at+"/latency_ms/p50")
	f.figure(r.Latency.P99, at+"/latency_ms/p99")
	f.figure(r.Latency.P999, at+"/latency_ms/p999")
	f.figure(r.Latency.Max, at+"/latency_ms/max")
	f.note(len(r.Rounds) > roundsKept, at+"/rounds", fmt.Sprintf("must hold at most %d rounds", roundsKept))
	for i := range r.Rounds[:min(len(r.Rounds), roundsKept)] {
		round, at := &r.Rounds[i], fmt.Sprintf("%s/rounds/%d", at, i)
		f.figure(round.OperationsPerSecond, at+"/operations_per_second")
		f.figure(round.CPUMicrosPerOperation, at+"/cpu_us_per_operation")
		f.figure(round.CPUPerEcho, at+"/cpu_per_echo")
	}
}
