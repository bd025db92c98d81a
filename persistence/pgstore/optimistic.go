package pgstore

import (
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// commitAll writes the gathered changes of a batch as one transaction in one round trip, in which every
// entry applies or none does.
func (w *writer) commitAll(batch *persistence.Batch, res *persistence.Result) (sent bool, err error) {
	p := w.newPipeline()
	p.add(stmtTurn, w.turnParams(batch, nil))
	w.changes.queue(p, w.number, batch.Seq)
	if sent, err = p.send(); err != nil {
		return sent, err
	}
	res.Outcomes = res.Outcomes[:0]
	for range batch.Entries {
		res.Outcomes = append(res.Outcomes, commerce.Outcome{Kind: commerce.Applied})
	}
	res.Stock = append(res.Stock[:0], w.changes.moves.settle(p.stock)...)
	w.changes.audit.settle()
	w.changes.lag.settle()
	w.store.stats.entries.Add(uint64(len(batch.Entries)))
	return true, nil
}
