package torture

import (
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
)

// The merchant's half of a worker: stock changes and products of its own.

func (w *worker) adjust() error {
	cmd := &commerce.AdjustStock{
		Caller: commerce.Trusted(w.name), Key: w.key(), Product: w.product(), Delta: w.rng.Int64N(12) - 3, Reason: "torture",
	}
	if cmd.Delta == 0 {
		cmd.Delta = 20
	}
	answer, err := w.client.AdjustStock(cmd)
	if inDoubt(err) {
		w.doubt(doubt{settle: func() (bool, error) {
			answer, err := w.client.AdjustStock(cmd)
			return answer.Replayed, w.adjusted(cmd, &answer, err)
		}})
	}
	return w.adjusted(cmd, &answer, err)
}

func (w *worker) adjusted(cmd *commerce.AdjustStock, answer *StockAnswer, err error) error {
	switch {
	case err == nil:
		w.journal.adjusted[cmd.Product] += cmd.Delta
		if !answer.Level.Valid() {
			w.faults.Add(FaultOversold, "product %s reached on_hand %d, allocated %d",
				cmd.Product, answer.Level.OnHand, answer.Level.Allocated)
		}
	case code(err) == commerce.CodeInsufficientStock && cmd.Delta < 0:
		w.journal.refused++
	default:
		return w.unexpected(fmt.Sprintf("stock change %s of %+d", cmd.Key, cmd.Delta), err)
	}
	return nil
}

func (w *worker) create() error {
	key := w.key()
	cmd := &commerce.CreateProduct{
		Caller: commerce.Trusted(w.name), Key: key, Name: "Made by " + key, SKU: key, OnHand: w.rng.Int64N(100),
		Price: commerce.Money{Amount: 100 + w.rng.Int64N(900), Currency: commerce.DefaultCurrency()},
	}
	answer, err := w.client.CreateProduct(cmd)
	if inDoubt(err) {
		w.doubt(doubt{settle: func() (bool, error) {
			answer, err := w.client.CreateProduct(cmd)
			return answer.Replayed, w.created(cmd, &answer, err)
		}})
	}
	return w.created(cmd, &answer, err)
}

func (w *worker) created(cmd *commerce.CreateProduct, answer *ProductAnswer, err error) error {
	if err != nil {
		return w.unexpected("product "+cmd.Key, err)
	}
	p := &ownProduct{id: answer.ID, name: cmd.Name, version: 1, onHand: cmd.OnHand}
	w.compareProduct(p, answer)
	w.journal.made = append(w.journal.made, p)
	return nil
}

// rename changes the name of a product of its own.
func (w *worker) rename() error {
	if len(w.journal.made) == 0 {
		return w.create()
	}
	p := w.journal.made[w.rng.IntN(len(w.journal.made))]
	if p.doubted {
		return nil
	}
	name := "Renamed " + w.key()
	answer, err := w.client.RenameProduct(p.id, p.version, name)
	if inDoubt(err) {
		p.doubted = true
		w.doubt(doubt{settle: func() (bool, error) { return w.settleRename(p, name) }})
	}
	if err != nil {
		return w.unexpected("rename of product "+p.id.String(), err)
	}
	p.name, p.version = name, p.version+1
	w.compareProduct(p, &answer)
	return nil
}

// settleRename finds out by looking whether a product got its new name.
func (w *worker) settleRename(p *ownProduct, name string) (bool, error) {
	answer, err := w.client.Product(p.id)
	if err != nil {
		return false, w.missing("product "+p.id.String(), err)
	}
	p.doubted = false
	renamed := answer.Version != p.version
	if renamed {
		p.name, p.version = name, p.version+1
	}
	w.compareProduct(p, &answer)
	return renamed, nil
}

// compareProduct holds an answer that shows a product of its own against the journal. Nobody buys
// these, so that their units are known too.
func (w *worker) compareProduct(p *ownProduct, answer *ProductAnswer) {
	if answer.ID != p.id || answer.Name != p.name || answer.Version != p.version {
		w.faults.Add(FaultState, "product %s is %q at version %d, but answers made it %s, %q at version %d",
			answer.ID, answer.Name, answer.Version, p.id, p.name, p.version)
	}
	if answer.Stock.OnHand != p.onHand || answer.Stock.Allocated != 0 {
		w.faults.Add(FaultStock, "product %s: on_hand %d, allocated %d, but nobody has moved its %d units",
			p.id, answer.Stock.OnHand, answer.Stock.Allocated, p.onHand)
	}
}
