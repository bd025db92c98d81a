package checker

import (
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
)

// Resolve completes a history with what the ledger knows: every Applied operation gets the level
// of its line, every Unknown one that has a line becomes Applied without an answer, and every other
// Unknown one is left out, because it never happened. It returns ErrLedger when an acknowledged
// change has no line, or a line has no operation; lines of versions up to initial's are passed
// over.
//
// REQUIRES: all changes have different actors.
func Resolve(initial commerce.Stock, operations []Operation, lines []commerce.Movement) ([]Operation, error) {
	byActor := make(map[string]*commerce.Movement, len(lines))
	for i := range lines {
		line := &lines[i]
		if line.Level.Version <= initial.Version {
			continue
		}
		if first, twice := byActor[line.Actor]; twice {
			return nil, fmt.Errorf("%w: %q has two lines, %s and %s", ErrLedger, line.Actor,
				describe(first.Level), describe(line.Level))
		}
		byActor[line.Actor] = line
	}
	resolved := make([]Operation, 0, len(operations))
	for i := range operations {
		o := operations[i]
		if o.Kind == Applied || o.Kind == Unknown {
			line, found := byActor[o.Actor]
			delete(byActor, o.Actor)
			switch {
			case found:
				o.Kind, o.Level = Applied, line.Level
			case o.Kind == Applied:
				return nil, fmt.Errorf("%w: %s by %q has no line", ErrLedger, &o, o.Actor)
			default:
				continue
			}
		}
		resolved = append(resolved, o)
	}
	for actor, line := range byActor {
		return nil, fmt.Errorf("%w: the line %s by %q belongs to no operation", ErrLedger, describe(line.Level), actor)
	}
	return resolved, nil
}
