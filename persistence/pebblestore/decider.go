package pebblestore

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// decider loads what a batch names and lets commerce.State decide it. It is reused from batch to
// batch.
type decider struct {
	state  *commerce.State
	missed []miss
	key    []byte
}

// miss is something that the tail does not have: the tables may.
type miss struct {
	kind byte // a table
	id   [16]byte
	sku  string
}

func newDecider(epochs func(commerce.ID) uint64) *decider {
	return &decider{state: commerce.NewState(epochs)}
}

// loadTail empties the state and fills it with the rows that the batch's entries name, as far as
// the tail has them; loadMissed loads the others.
func (d *decider) loadTail(t *tail, f *folded, keys *keyFilter, batch *persistence.Batch) error {
	d.state.Reset(batch.At)
	d.missed = d.missed[:0]
	for _, e := range batch.Entries {
		if err := d.loadEntry(t, f, keys, e); err != nil {
			return err
		}
	}
	return nil
}

// loadMissed loads from the tables what loadTail did not find.
func (d *decider) loadMissed(db *pebble.DB) error {
	for i := range d.missed {
		if err := d.loadTables(db, &d.missed[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *decider) loadEntry(t *tail, f *folded, keys *keyFilter, e *commerce.Entry) error {
	if e.Key != nil {
		if err := d.loadBinding(t, keys, e.Key.ID); err != nil {
			return err
		}
	}
	if e.Order != nil {
		id := e.Order.Row.ID
		if row, ok := t.order(id); ok {
			version, err := rowHead(row)
			if err != nil {
				return err
			}
			d.state.LoadOrder(id, version)
		} else if id.Compare(f.newestOrder) <= 0 {
			d.missed = append(d.missed, miss{kind: tableOrders, id: id})
		}
	}
	if e.Product != nil {
		if err := d.loadProduct(t, f, e.Product.Row); err != nil {
			return err
		}
	}
	for i := range e.Movements {
		product := e.Movements[i].Product
		if row, ok := t.stock[product]; ok && !d.state.HasStock(product) {
			d.state.LoadStock(row)
		}
	}
	return nil
}

func (d *decider) loadBinding(t *tail, keys *keyFilter, id commerce.KeyID) error {
	row, ok := t.binding(id)
	if !ok {
		if !keys.mayHold(id) {
			return nil
		}
		d.missed = append(d.missed, miss{kind: tableBindings, id: id})
		return nil
	}
	binding, err := decodeBinding(id, row)
	if err == nil {
		d.state.LoadKey(binding)
	}
	return err
}

func (d *decider) loadProduct(t *tail, f *folded, p *commerce.Product) error {
	if row, ok := t.product(p.ID); ok {
		version, err := rowHead(row)
		if err != nil {
			return err
		}
		d.state.LoadProduct(p.ID, version)
	} else if p.ID.Compare(f.newestProduct) <= 0 {
		d.missed = append(d.missed, miss{kind: tableProducts, id: p.ID})
	}
	if p.SKU == "" {
		return nil
	}
	if owner, ok := t.sku(p.SKU); !ok {
		d.missed = append(d.missed, miss{kind: tableSKUs, sku: p.SKU})
	} else if !owner.IsZero() {
		d.state.LoadSKU(p.SKU, owner)
	}
	return nil
}

func (d *decider) loadTables(db *pebble.DB, m *miss) error {
	d.key = append(append(d.key[:0], m.kind), m.id[:]...)
	if m.kind == tableSKUs {
		d.key = skuKey(d.key[:0], m.sku)
	}
	_, err := get(db, d.key, func(row []byte) error {
		switch m.kind {
		case tableBindings:
			binding, err := decodeBinding(m.id, row)
			if err != nil {
				return err
			}
			d.state.LoadKey(binding)
		case tableOrders:
			version, err := rowHead(row)
			if err != nil {
				return err
			}
			d.state.LoadOrder(m.id, version)
		case tableProducts:
			version, err := rowHead(row)
			if err != nil {
				return err
			}
			d.state.LoadProduct(m.id, version)
		case tableSKUs:
			d.state.LoadSKU(m.sku, lastID(row))
		}
		return nil
	})
	return err
}

// get reads a row, which is use's only until use returns, and tells whether there is one.
func get(r pebble.Reader, key []byte, use func(row []byte) error) (found bool, err error) {
	row, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read row: %w", err)
	}
	err = use(row)
	return true, errors.Join(err, closer.Close())
}
