package checker_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/checker"
)

// ledgerOf writes the ledger that a shop's changes make, and takes out of the history what only
// the ledger knows.
func ledgerOf(s *shop) []commerce.Movement {
	lines := []commerce.Movement{{Product: s.initial.Product, Actor: "maker", Level: s.initial}}
	for i := range s.history {
		o := &s.history[i]
		o.Actor = strconv.Itoa(i)
		if o.Kind == checker.Applied {
			lines = append(lines, commerce.Movement{Product: s.initial.Product, Actor: o.Actor, Level: o.Level})
			o.Level = commerce.Stock{}
		}
	}
	return lines
}

func TestResolveFindsTheLevels(t *testing.T) {
	t.Parallel()
	s := newShop(1, 20, 4)
	s.trade(200)
	lines := ledgerOf(s)
	// A client that lost its answer, and one whose command never arrived.
	for i := range s.history {
		if s.history[i].Kind == checker.Applied {
			s.history[i].Kind, s.history[i].Return = checker.Unknown, checker.Never
			break
		}
	}
	s.record(checker.Operation{Kind: checker.Unknown, Actor: "nobody", Allocated: 1}).Return = checker.Never
	resolved, err := checker.Resolve(s.initial, s.history, lines)
	require.NoError(t, err)
	require.Len(t, resolved, len(s.history)-1)
	require.NoError(t, checker.VersionOrdered(s.initial, resolved))
}

func TestResolveSeesWhatTheLedgerLacks(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(lines []commerce.Movement) []commerce.Movement{
		"an acknowledged change without a line": func(lines []commerce.Movement) []commerce.Movement { return lines[:len(lines)-1] },
		"a line without a change": func(lines []commerce.Movement) []commerce.Movement {
			extra := lines[len(lines)-1]
			extra.Actor = "ghost"
			return append(lines, extra)
		},
		"a change with two lines": func(lines []commerce.Movement) []commerce.Movement {
			return append(lines, lines[len(lines)-1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(1, 20, 4)
			s.trade(50)
			_, err := checker.Resolve(s.initial, s.history, spoil(ledgerOf(s)))
			require.ErrorIs(t, err, checker.ErrLedger)
		})
	}
}
