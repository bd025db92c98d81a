package board

import (
	"errors"
	"math"
	"slices"

	"github.com/penstock-dev/penstock/bench"
	"github.com/penstock-dev/penstock/commerce"
)

// Comparison is what two results say of each other: A of its lines is the baseline, B the current one.
type Comparison struct {
	Baseline Summary `json:"baseline"`
	Current  Summary `json:"current"`
	*bench.Comparison
}

// Compare says which of two results is the faster, and how sure that is. It refuses two that have no
// engine and scenario in common.
func (b *Board) Compare(baseline, current commerce.ID) (*Comparison, error) {
	from, err := b.Result(baseline)
	if err != nil {
		return nil, err
	}
	to, err := b.Result(current)
	if err != nil {
		return nil, err
	}
	found, err := bench.Compare(&from.Document, &to.Document)
	if errors.Is(err, bench.ErrNoResults) {
		return nil, commerce.Errorf(commerce.CodeValidation, "the two results have no scenario of the same engine in common")
	}
	if err != nil {
		return nil, err
	}
	// A figure of 0 was not measured: a run of this server knows nothing of CPU.
	found.Lines = slices.DeleteFunc(found.Lines, func(l bench.ComparisonLine) bool { return l.A == 0 || l.B == 0 })
	found.Differ = 0
	for i := range found.Lines {
		l := &found.Lines[i]
		// Rounds of a document that was brought in may be worlds apart: a ratio that is no number says nothing.
		if l.Ratio != nil && !(l.Ratio.Low > 0 && l.Ratio.High <= math.MaxFloat64) {
			l.Ratio, l.Verdict = nil, bench.VerdictSame
		}
		if l.Verdict == bench.VerdictBetter || l.Verdict == bench.VerdictWorse {
			found.Differ++
		}
	}
	return &Comparison{Baseline: from.summary(), Current: to.summary(), Comparison: found}, nil
}
