package bench

import (
	"context"
	"fmt"
	"slices"
)

// tryAll sends one request of each kind to each engine, before anything is measured. What a peer does not
// serve is left out; Penstock must serve everything.
func (b *benchmark) tryAll(ctx context.Context) (skip []Skipped, err error) {
	for _, name := range b.cfg.Scenarios {
		scenario, err := ScenarioNamed(name)
		if err != nil {
			return nil, err
		}
		for _, engine := range b.engines {
			refusal, err := b.try(ctx, engine, &scenario)
			if err != nil {
				return nil, fmt.Errorf("try %s on %s: %w", name, engine.name, err)
			}
			if refusal == "" {
				continue
			}
			if !engine.peer {
				return nil, fmt.Errorf("%s does not serve the scenario %s: %s", engine.name, name, refusal)
			}
			b.cfg.Logger.Warn("a peer does not serve a scenario", "engine", engine.name, "scenario", name, "answer", refusal)
			skip = append(skip, Skipped{Engine: engine.name, Scenario: name, Why: refusal})
		}
	}
	return skip, nil
}

// try sends an engine one request of each kind. It returns what was said to the first that was not answered
// as wanted.
func (b *benchmark) try(ctx context.Context, e *engine, scenario *Scenario) (refusal string, err error) {
	if scenario.Followed {
		return b.tryFanOut(ctx, e)
	}
	var answer Answer
	for i := range scenario.Mix {
		kind := &scenario.Mix[i].Kind
		request := kind.Source(e.catalog, b.stream(scenario, "tried-"+kind.Name))(nil)
		if err := ask(ctx, e.process.Address, request, &answer); err != nil {
			return "", err
		}
		if answer.Status != kind.Want {
			return fmt.Sprintf("%s %s was answered %d, not %d: %.300s", kind.Method, kind.Path, answer.Status, kind.Want, answer.Body), nil
		}
	}
	return "", nil
}

// stream names requests that are not measured.
func (b *benchmark) stream(scenario *Scenario, purpose string) Stream {
	return Stream{Seed: b.cfg.Seed, Name: scenario.Name + "-" + purpose + "-" + b.nonce}
}

// serving lists the engines that serve a scenario.
func (b *benchmark) serving(scenario string, skip []Skipped) []*engine {
	return slices.DeleteFunc(slices.Clone(b.engines), func(e *engine) bool {
		return slices.ContainsFunc(skip, func(s Skipped) bool { return s.Engine == e.name && s.Scenario == scenario })
	})
}
