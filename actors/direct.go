package actors

import (
	"errors"

	"github.com/penstock-dev/penstock/commerce"
)

// direct is a command whose entry needs no grant and no grain: new products, edits, deliveries. The
// caller's goroutine hands the entry to the committer; the row's version guards it.
type direct struct {
	command
	engine     *Engine
	entry      *commerce.Entry
	receipt    func(*commerce.Entry) answer
	submission submission
}

// run carries the command through and returns its answer.
func (d *direct) run() answer {
	e := d.engine
	if err := e.admission.begin(&d.command); err != nil {
		return e.refused(d.operation, err)
	}
	e.admission.watch(&d.command)
	d.entry.Deadline = d.deadline
	d.submission = submission{entry: d.entry, settled: d}
	switch {
	case d.stalled != nil:
		e.lookups.ask(&keyLookup{key: d.key, hash: d.hash, refusal: d.stalled, asker: d})
	case d.submit():
		e.committer.submit(&d.submission)
	default: // it has expired already
		d.end(answer{})
	}
	<-d.done
	return d.answer
}

// settle implements settler.
func (d *direct) settle(s *submission) {
	switch {
	case errors.Is(s.err, errNotWritten):
		d.end(answer{err: errUnavailable()})
	case s.err != nil:
		d.end(answer{err: d.errUnknown()})
	case s.outcome.Kind == commerce.Applied:
		d.end(d.receipt(s.entry))
	case s.outcome.Kind == commerce.Replay:
		d.engine.lookups.ask(&keyLookup{hash: d.hash, bound: &s.outcome.Key, asker: d})
	default:
		d.end(answer{err: outcomeError(&s.outcome)})
	}
}

// looked implements asker.
func (d *direct) looked(l *keyLookup) { d.end(l.answer) }

func (d *direct) end(a answer) { d.engine.end(&d.command, a) }
