package torture

import (
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// settle finds out about every command in doubt, by one retry of its key or one look, and returns
// them.
func (w *worker) settle() ([]doubt, error) {
	doubts := w.journal.doubts
	w.journal.doubts = nil
	for i := range doubts {
		var err error
		if doubts[i].committed, err = doubts[i].settle(); err != nil {
			return doubts[:i], err
		}
	}
	return doubts, nil
}

// audit holds the store against the journal: every order since the last audit and a sample of the
// older ones, or all of them; each by its key and by its id.
func (w *worker) audit(sample int, all bool) error {
	fresh := w.journal.orders[w.journal.audited:]
	old := w.journal.orders[:w.journal.audited]
	if all {
		fresh, old = w.journal.orders, nil
	}
	for _, o := range fresh {
		if err := w.auditOrder(o); err != nil {
			return err
		}
	}
	for range min(sample, len(old)) {
		if err := w.auditOrder(old[w.rng.IntN(len(old))]); err != nil {
			return err
		}
	}
	w.journal.audited = len(w.journal.orders)
	for _, p := range w.journal.made {
		answer, err := w.client.Product(p.id)
		if err != nil {
			if err := w.missing("product "+p.id.String(), err); err != nil {
				return err
			}
			continue
		}
		w.compareProduct(p, &answer)
	}
	return nil
}

func (w *worker) auditOrder(o *order) error {
	if err := w.checkReplay(o); err != nil {
		return err
	}
	answer, err := w.client.Order(o.id)
	if err != nil {
		return w.missing("order "+o.id.String(), err)
	}
	w.compare(o, &answer)
	return nil
}

// books is what the answers of all workers make of the shared products and of the set of orders.
type books struct {
	since  time.Time // when the campaign began; older orders are none of its business
	stock  map[commerce.ID]commerce.Stock
	orders map[commerce.ID]bool
}

// sum adds up the journals. initial are the units that the products were made with.
func sum(workers []*worker, initial map[commerce.ID]int64, since time.Time) *books {
	b := &books{since: since, stock: make(map[commerce.ID]commerce.Stock), orders: make(map[commerce.ID]bool)}
	for id, onHand := range initial {
		b.stock[id] = commerce.Stock{Product: id, OnHand: onHand}
	}
	for _, w := range workers {
		for id, delta := range w.journal.adjusted {
			row := b.stock[id]
			row.OnHand += delta
			b.stock[id] = row
		}
		for _, o := range w.journal.orders {
			b.orders[o.id] = true
			for _, line := range o.lines {
				row := b.stock[line.Product]
				switch {
				case o.status.HoldsAllocation():
					row.Allocated += line.Quantity
				case o.status != commerce.StatusCancelled:
					row.OnHand -= line.Quantity
				}
				b.stock[line.Product] = row
			}
		}
	}
	return b
}

// auditStock compares the units of all shared products with the books.
func (b *books) auditStock(client *Client, faults *Faults) error {
	for id, want := range b.stock {
		answer, err := client.Product(id)
		if err != nil {
			if code(err) == commerce.CodeNotFound {
				faults.Add(FaultLost, "product %s was acknowledged and is not there", id)
				continue
			}
			return err
		}
		got := answer.Stock
		if got.Allocated > got.OnHand || got.Allocated < 0 {
			faults.Add(FaultOversold, "product %s: on_hand %d, allocated %d", id, got.OnHand, got.Allocated)
		}
		if got.OnHand != want.OnHand || got.Allocated != want.Allocated {
			faults.Add(FaultStock, "product %s: on_hand %d, allocated %d, but the answers add up to %d and %d",
				id, got.OnHand, got.Allocated, want.OnHand, want.Allocated)
		}
	}
	return nil
}

// auditList reads the list of orders: each of them must belong to a key, and none may be missing
// in the part that was read. It stops after a page that only holds orders of earlier audits, unless
// all are wanted.
func (b *books) auditList(client *Client, seen map[commerce.ID]bool, all bool, faults *Faults) error {
	listed := make(map[commerce.ID]bool)
	cursor := ""
	for {
		ids, next, err := client.Orders(b.since, cursor)
		if err != nil {
			return err
		}
		fresh := 0
		for _, id := range ids {
			if !b.orders[id] {
				faults.Add(FaultDoubled, "order %s belongs to no key that was sent", id)
			}
			if listed[id] {
				faults.Add(FaultDoubled, "order %s stands twice in the list", id)
			}
			listed[id] = true
			if !seen[id] {
				fresh++
			}
		}
		if cursor = next; next == "" || fresh == 0 && !all {
			break
		}
	}
	for id := range b.orders {
		if !listed[id] && (all || !seen[id]) {
			faults.Add(FaultLost, "order %s was acknowledged and is not in the list", id)
		}
		seen[id] = true
	}
	return nil
}
