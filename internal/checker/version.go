package checker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

// Errors of VersionOrdered, each with the operation at fault.
var (
	// ErrLedger: the versions have a gap or a double, or a level does not follow from the one
	// before by its change.
	ErrLedger = errors.New("ledger does not follow from the changes")
	// ErrOrder: the versions contradict real time, as a stale read or a lost acknowledgement do.
	ErrOrder = errors.New("version order contradicts real time")
	// ErrRefusal: no committed row between call and answer was short as the refusal says.
	ErrRefusal = errors.New("refusal is not true")
)

// VersionOrdered proves that the versions of the ledger order the operations: every version from
// that of initial on belongs to one Applied operation, each level follows from its predecessor by
// that operation's change, every Read and Refused saw one of the levels, and nothing contradicts
// real time. It takes n log n time.
//
// REQUIRES: no operation is Unknown. The caller looks each of them up in the ledger; those that
// are there become Applied with Return Never, those that are not are left out.
func VersionOrdered(initial commerce.Stock, operations []Operation) error {
	levels, err := ledger(initial, operations)
	if err != nil {
		return err
	}
	s := &sweep{
		operations: operations,
		initial:    initial.Version,
		levels:     levels,
		floorAt:    make([]int, len(operations)),
		shownByAt:  make([]*Operation, len(operations)),
		refusable:  make(map[int64][]int),
	}
	for i := range levels {
		a := levels[i].Available()
		s.refusable[a] = append(s.refusable[a], i)
	}
	return s.run()
}

// ledger returns the levels by position: the initial row, then the row after each change.
func ledger(initial commerce.Stock, operations []Operation) ([]commerce.Stock, error) {
	changes := make([]*Operation, 0, len(operations))
	for i := range operations {
		switch o := &operations[i]; {
		case o.Kind == Unknown:
			return nil, fmt.Errorf("%w: %s has to be looked up first", ErrLedger, o)
		case o.Kind != Applied:
		case o.Level.Version <= initial.Version:
			return nil, fmt.Errorf("%w: %s has no version after the initial %d", ErrLedger, o, initial.Version)
		default:
			changes = append(changes, o)
		}
	}
	slices.SortFunc(changes, func(a, b *Operation) int { return cmp.Compare(a.Level.Version, b.Level.Version) })
	levels := make([]commerce.Stock, 1, len(changes)+1)
	levels[0] = initial
	for _, o := range changes {
		next, ok := step(levels[len(levels)-1], o)
		if !ok {
			return nil, fmt.Errorf("%w: %s does not follow from %s", ErrLedger, o, describe(levels[len(levels)-1]))
		}
		levels = append(levels, next)
	}
	return levels, nil
}

// sweep walks through a history in real time. Its floor is the largest position that an operation
// which has returned has shown: whatever is called later must stand there or after it.
type sweep struct {
	operations []Operation
	initial    uint64
	levels     []commerce.Stock
	floor      int
	shownBy    *Operation      // the operation that showed the floor; nil at the initial row
	floorAt    []int           // the floor when the operation was called
	shownByAt  []*Operation    // and who had shown it
	refusable  map[int64][]int // available units → positions that have as many, ascending
}

type moment struct {
	at        int64
	returns   bool
	operation int
}

func (s *sweep) run() error {
	moments := make([]moment, 0, 2*len(s.operations))
	for i := range s.operations {
		moments = append(moments, moment{s.operations[i].Call, false, i})
		if s.operations[i].Return != Never {
			moments = append(moments, moment{s.operations[i].Return, true, i})
		}
	}
	// Intervals are closed: at the same moment, calls come first.
	slices.SortFunc(moments, func(a, b moment) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		if a.returns != b.returns {
			if b.returns {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.operation, b.operation)
	})
	ceilings := s.ceilings(moments)
	for i, m := range moments {
		var err error
		if m.returns {
			err = s.returned(m.operation, ceilings[i])
		} else {
			err = s.called(m.operation)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ceilings returns for each moment the last position that does not stand after a change called
// later.
func (s *sweep) ceilings(moments []moment) []int {
	ceilings := make([]int, len(moments))
	ceiling := len(s.levels) - 1
	for i, m := range slices.Backward(moments) {
		ceilings[i] = ceiling
		if o := &s.operations[m.operation]; !m.returns && o.Kind == Applied {
			ceiling = min(ceiling, s.position(o)-1)
		}
	}
	return ceilings
}

func (s *sweep) position(o *Operation) int { return int(o.Level.Version - s.initial) }

func (s *sweep) called(operation int) error {
	s.floorAt[operation], s.shownByAt[operation] = s.floor, s.shownBy
	if o := &s.operations[operation]; o.Kind == Applied && s.position(o) <= s.floor {
		return fmt.Errorf("%w: %s, though %s had been shown before it was called, by %s", ErrOrder, o,
			describe(s.levels[s.floor]), s.shownBy)
	}
	return nil
}

func (s *sweep) raise(position int, by *Operation) {
	if position > s.floor {
		s.floor, s.shownBy = position, by
	}
}

func (s *sweep) returned(operation, ceiling int) error {
	o := &s.operations[operation]
	switch o.Kind {
	case Applied:
		s.raise(s.position(o), o)
		return nil
	case Read:
		return s.read(operation, ceiling)
	default:
		return s.refused(operation, ceiling)
	}
}

func (s *sweep) read(operation, ceiling int) error {
	o, floor := &s.operations[operation], s.floorAt[operation]
	if o.Level.Version < s.initial || s.position(o) >= len(s.levels) || s.levels[s.position(o)] != o.Level {
		return fmt.Errorf("%w: %s, which is no level of the ledger", ErrLedger, o)
	}
	at := s.position(o)
	if at < floor {
		return fmt.Errorf("%w: %s is stale, %s had been shown before it was called, by %s", ErrOrder, o,
			describe(s.levels[floor]), s.shownByAt[operation])
	}
	if at > ceiling {
		return fmt.Errorf("%w: %s saw a change before it was asked for", ErrOrder, o)
	}
	s.raise(at, o)
	return nil
}

// refused finds the first level that explains a refusal. Taking the first leaves the most room to
// whatever follows, so that no other choice need be tried.
func (s *sweep) refused(operation, ceiling int) error {
	o, floor := &s.operations[operation], s.floorAt[operation]
	positions := s.refusable[o.Available]
	i, _ := slices.BinarySearch(positions, floor)
	if i == len(positions) || positions[i] > ceiling {
		return fmt.Errorf("%w: %s; from %s, which had been shown by %s, to %s no row had %d available", ErrRefusal, o,
			describe(s.levels[floor]), s.shownByAt[operation], describe(s.levels[max(floor, ceiling)]), o.Available)
	}
	if _, ok := step(s.levels[positions[i]], o); !ok {
		return fmt.Errorf("%w: %s; it fits into %s", ErrRefusal, o, describe(s.levels[positions[i]]))
	}
	s.raise(positions[i], o)
	return nil
}
