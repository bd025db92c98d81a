package pebblestore

import (
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
)

// tail is what the journal says beyond the tables: the effects of the records not folded yet. Stock
// is all here, folded or not: it is small, and every order needs it.
//
// New records go into filling. A fold turns filling into folding and drops it once the tables have
// it; meanwhile reads look at both.
type tail struct {
	filling *generation
	folding *generation // empty when no fold is under way
	stock   map[commerce.ID]commerce.Stock
}

// generation is journal records that are folded at once. What it hands out aliases the
// records, which are never written again.
type generation struct {
	records [][]byte
	seqs    []uint64 // of the records
	entries int
	bytes   int

	orders   map[commerce.ID]orderTail
	products map[commerce.ID][]byte
	skus     map[string]commerce.ID // the zero id: nobody's any more
	bindings map[commerce.KeyID][]byte
}

// orderTail is an order's newest row, and what the tables have of it.
type orderTail struct {
	row          []byte
	folded       bool            // the tables have an older row,
	foldedStatus commerce.Status // in this state
}

func newTail() *tail {
	return &tail{
		filling: newGeneration(),
		folding: newGeneration(),
		stock:   make(map[commerce.ID]commerce.Stock),
	}
}

func newGeneration() *generation {
	return &generation{
		orders:   make(map[commerce.ID]orderTail),
		products: make(map[commerce.ID][]byte),
		skus:     make(map[string]commerce.ID),
		bindings: make(map[commerce.KeyID][]byte),
	}
}

// seq is the last record's. REQUIRES: there is one.
func (g *generation) seq() uint64 { return g.seqs[len(g.seqs)-1] }

func (g *generation) reset() {
	clear(g.records)
	g.records, g.seqs = g.records[:0], g.seqs[:0]
	g.entries, g.bytes = 0, 0
	clear(g.orders)
	clear(g.products)
	clear(g.skus)
	clear(g.bindings)
}

// add puts a durable record into the tail. REQUIRES: the record follows the last one added.
func (t *tail) add(seq uint64, b []byte, scratch *recordEntry) error {
	r, err := readRecord(b)
	if err != nil {
		return err
	}
	g := t.filling
	for range r.entries {
		if err := r.next(scratch); err != nil {
			return err
		}
		if scratch.outcome.Kind != commerce.Applied {
			continue
		}
		if err := t.addEntry(g, scratch); err != nil {
			return err
		}
		g.entries++
	}
	g.records = append(g.records, b)
	g.seqs = append(g.seqs, seq)
	g.bytes += len(b)
	return r.d.end()
}

func (t *tail) addEntry(g *generation, e *recordEntry) error {
	if e.has(partKey) {
		g.bindings[e.key] = e.binding
	}
	if e.has(partOrder) {
		o, again := g.orders[e.order]
		if !again {
			o.folded, o.foldedStatus = !e.orderIsNew, e.previousStatus
		}
		o.row = e.orderRow
		g.orders[e.order] = o
	}
	if e.has(partProduct) {
		sku, err := productSKU(e.productRow)
		if err != nil {
			return err
		}
		if string(sku) != string(e.previousSKU) {
			if len(e.previousSKU) > 0 {
				g.skus[string(e.previousSKU)] = commerce.ID{}
			}
			if len(sku) > 0 {
				g.skus[string(sku)] = e.product
			}
		}
		g.products[e.product] = e.productRow
	}
	for i := range e.movements {
		row, err := levelOf(&e.movements[i])
		if err != nil {
			return err
		}
		t.stock[row.Product] = row
	}
	return nil
}

// levelOf returns the stock row that a movement leads to.
func levelOf(m *recordMovement) (commerce.Stock, error) {
	var line commerce.Movement
	d := decoder{b: m.row}
	d.movementHead(&line)
	row := line.Level
	row.Product, row.Version = m.product, m.version
	if planted.Is(planted.DeltaTwice) {
		row.OnHand += line.OnHandDelta
		row.Allocated += line.AllocatedDelta
	}
	return row, d.err()
}

// order returns an order's newest row, if the tail has it.
func (t *tail) order(id commerce.ID) ([]byte, bool) {
	if o, ok := t.filling.orders[id]; ok {
		return o.row, true
	}
	o, ok := t.folding.orders[id]
	return o.row, ok
}

// product returns a product's newest row, if the tail has it.
func (t *tail) product(id commerce.ID) ([]byte, bool) {
	if row, ok := t.filling.products[id]; ok {
		return row, true
	}
	row, ok := t.folding.products[id]
	return row, ok
}

// sku returns the owner of a SKU, if the tail knows; the zero id when it knows that there is none.
func (t *tail) sku(sku string) (commerce.ID, bool) {
	if id, ok := t.filling.skus[sku]; ok {
		return id, true
	}
	id, ok := t.folding.skus[sku]
	return id, ok
}

// binding returns a key's newest binding, if the tail has it.
func (t *tail) binding(id commerce.KeyID) ([]byte, bool) {
	if b, ok := t.filling.bindings[id]; ok {
		return b, true
	}
	b, ok := t.folding.bindings[id]
	return b, ok
}

// newest returns the last record's seq: that of the tables when none waits to be folded.
func (t *tail) newest(folded uint64) uint64 {
	switch {
	case len(t.filling.seqs) > 0:
		return t.filling.seq()
	case len(t.folding.seqs) > 0:
		return t.folding.seq()
	}
	return folded
}
