package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/internal/checker"
)

// TestCheckersAgree spoils true histories at random places, a little or not at all, and lets both
// checkers judge them. When every change carries its level, they must come to the same verdict.
func TestCheckersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newShop(rapid.Uint64().Draw(rt, "seed"), rapid.Int64Range(0, 20).Draw(rt, "units"), rapid.Int64Range(1, 6).Draw(rt, "spread"))
		s.trade(rapid.IntRange(1, 60).Draw(rt, "operations"))
		for range rapid.IntRange(0, 2).Draw(rt, "faults") {
			spoil(rt, s)
		}
		byVersion := checker.VersionOrdered(s.initial, s.history)
		bySearch := checker.Linearizable(s.initial, s.history, patience)
		require.NotErrorIs(rt, bySearch, checker.ErrUndecided)
		require.Equal(rt, bySearch == nil, byVersion == nil, "search: %v\nversions: %v", bySearch, byVersion)
	})
}

// spoil changes one thing in one operation.
func spoil(rt *rapid.T, s *shop) {
	o := &s.history[rapid.IntRange(0, len(s.history)-1).Draw(rt, "operation")]
	shift := rapid.Int64Range(-8*operationApart, 8*operationApart).Draw(rt, "shift")
	switch rapid.IntRange(0, 4).Draw(rt, "fault") {
	case 0: // another time
		o.Call, o.Return = o.Call+shift, o.Return+shift
	case 1: // a longer or a shorter wait
		o.Return = max(o.Call, o.Return+shift)
	case 2: // another row was seen
		if o.Kind == checker.Read && len(s.past) > 0 {
			o.Level = s.past[rapid.IntRange(0, len(s.past)-1).Draw(rt, "row")]
		}
	case 3: // another refusal
		if o.Kind == checker.Refused {
			o.Available += rapid.Int64Range(-1, 1).Draw(rt, "available")
		}
	default: // another change
		if o.Kind == checker.Applied {
			o.Allocated++
		}
	}
}
