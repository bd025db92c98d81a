package checker_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/checker"
)

const patience = 20 * time.Second

func TestTrueHistoriesPass(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newShop(seed, 20, 6)
			s.trade(400)
			require.NoError(t, checker.VersionOrdered(s.initial, s.history))
			require.NoError(t, checker.Linearizable(s.initial, s.history, patience))
			for i := range s.history {
				if s.history[i].Kind == checker.Applied {
					s.history[i].Level.Version = 0 // a search that is told nothing
				}
			}
			require.NoError(t, checker.Linearizable(s.initial, s.history, patience))
		})
	}
}

func TestVersionOrderedTakesLongHistories(t *testing.T) {
	t.Parallel()
	s := newShop(1, 1000, 64)
	s.trade(200_000)
	require.NoError(t, checker.VersionOrdered(s.initial, s.history))
}

// plantedHistories are histories with one fault each, as a shop with that bug would make them.
func plantedHistories() map[string]struct {
	plant func(s *shop)
	fault error // of VersionOrdered
} {
	return map[string]struct {
		plant func(s *shop)
		fault error
	}{
		"lost update": {func(s *shop) {
			before := s.row
			s.change(5, 0)
			s.row = before // the next change starts from the row before
			s.change(1, 0)
		}, checker.ErrLedger},
		"change lost from every read": {func(s *shop) {
			before := s.row
			o := s.change(5, 0)
			o.Level.Version = 0
			s.row = before
			s.at += 10 * operationApart
			s.read()
		}, checker.ErrLedger},
		"change applied twice": {func(s *shop) {
			s.change(7, 0)
			next := s.row
			next.OnHand += 7
			next.Version++
			s.move(next)
			s.read()
		}, checker.ErrLedger},
		"change of a refused operation": {func(s *shop) {
			s.change(0, s.row.Available()+1)
			next := s.row
			next.OnHand++
			s.move(next)
			s.read()
		}, checker.ErrLedger},
		"stale read": {func(s *shop) {
			s.change(5, 0)
			s.at += 20 * operationApart
			o := s.read()
			o.Level = s.past[len(s.past)-1]
		}, checker.ErrOrder},
		"read of what is not committed": {func(s *shop) {
			o := s.read()
			s.at += 20 * operationApart
			s.change(5, 0)
			o.Level = s.row
		}, checker.ErrOrder},
		"false refusal": {func(s *shop) {
			s.change(50, 0)
			s.at += 20 * operationApart
			s.record(checker.Operation{Kind: checker.Refused, Allocated: 2, Available: 1})
			s.at += 20 * operationApart
			s.change(3, 0)
		}, checker.ErrRefusal},
		"refusal of what fits": {func(s *shop) {
			s.change(50, 0)
			s.record(checker.Operation{Kind: checker.Refused, Allocated: 2, Available: s.row.Available()})
		}, checker.ErrRefusal},
		"refusal that lies about what is left": {func(s *shop) {
			o := s.change(0, s.row.Available()+100)
			o.Available += 1000
		}, checker.ErrRefusal},
		"refusal for units only granted": {func(s *shop) {
			s.change(50, 0)
			s.at += 20 * operationApart
			left := s.row.Available()
			refused := s.record(checker.Operation{Kind: checker.Refused, Allocated: 1, Available: 0})
			s.at += 20 * operationApart
			s.read() // still shows the units
			granted := s.change(0, left)
			granted.Call = refused.Call - 1
		}, checker.ErrOrder},
		"oversell": {func(s *shop) {
			next := s.row
			delta := s.row.Available() + 1
			next.Allocated += delta
			next.Version++
			s.move(next)
			s.record(checker.Operation{Kind: checker.Applied, Allocated: delta, Level: next})
		}, checker.ErrLedger},
		"acknowledged out of order": {func(s *shop) {
			first := s.change(1, 0)
			call, answer := first.Call, first.Return
			s.at += 20 * operationApart
			second := s.change(2, 0)
			first = &s.history[len(s.history)-2]
			first.Call, first.Return = second.Call, second.Return
			second.Call, second.Return = call, answer
		}, checker.ErrOrder},
	}
}

func TestPlantedHistoriesAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range plantedHistories() {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				t.Parallel()
				s := newShop(seed, 20, 4)
				s.trade(100)
				c.plant(s)
				require.ErrorIs(t, checker.VersionOrdered(s.initial, s.history), c.fault)
				require.ErrorIs(t, checker.Linearizable(s.initial, s.history, patience), checker.ErrNotLinearizable)
			})
		}
	}
}

func TestUnknownOutcomesMayHappenOrNot(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		s := newShop(seed, 20, 4)
		for range 8 {
			s.trade(25)
			happened := s.change(1, 0)
			happened.Kind, happened.Return, happened.Level.Version = checker.Unknown, checker.Never, 0
			s.record(checker.Operation{Kind: checker.Unknown, Allocated: 1}).Return = checker.Never
		}
		require.NoError(t, checker.Linearizable(s.initial, s.history, patience), "seed %d", seed)
		require.ErrorIs(t, checker.VersionOrdered(s.initial, s.history), checker.ErrLedger, "unknown operations have to be looked up")
	}
}

func TestAnUnknownOutcomeExplainsNoMoreThanItsChange(t *testing.T) {
	t.Parallel()
	s := newShop(1, 20, 4)
	s.trade(50)
	s.record(checker.Operation{Kind: checker.Unknown, OnHand: 3}).Return = checker.Never
	s.at += 20 * operationApart
	s.row.OnHand += 4
	s.row.Version++
	s.read()
	require.ErrorIs(t, checker.Linearizable(s.initial, s.history, patience), checker.ErrNotLinearizable)
}

func TestHistoriesBeyondTheMaximumAreNotSearched(t *testing.T) {
	t.Parallel()
	s := newShop(1, 20, 2)
	s.trade(checker.LinearizableMax + 1)
	require.ErrorIs(t, checker.Linearizable(s.initial, s.history, patience), checker.ErrUndecided)
	require.NoError(t, checker.Linearizable(s.initial, s.history[:checker.LinearizableMax], patience))
}

func TestClockNumbersAreUnique(t *testing.T) {
	t.Parallel()
	var clock checker.Clock
	numbers := make(chan []int64)
	for range 4 {
		go func() {
			mine := make([]int64, 1000)
			for i := range mine {
				mine[i] = clock.Now()
			}
			numbers <- mine
		}()
	}
	var all []int64
	for range 4 {
		all = append(all, <-numbers...)
	}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 4000)
}
