package pebblestore

import (
	"context"
	"encoding/binary"

	"github.com/penstock-dev/penstock/commerce"
)

// readPages reads the lines that are in pages. Each product's must add up to its stock row.
func (v *verifier) readPages(ctx context.Context) error {
	var page ledgerPage
	var product commerce.ID
	err := v.scan(ctx, tableLedger, func(key, value []byte) error {
		if err := page.read(key, value); err != nil {
			return err
		}
		if page.product != product {
			v.closePages(product)
			product = page.product
		}
		v.rows += int64(len(page.rows)) - 1
		for i, row := range page.rows {
			if err := v.addLine(product, page.first+uint64(i), row); err != nil {
				return err
			}
		}
		return nil
	})
	v.closePages(product)
	return err
}

// closePages compares what a product's pages add up to with its stock row.
func (v *verifier) closePages(id commerce.ID) {
	if id.IsZero() {
		return
	}
	switch p := v.product(id); {
	case !p.inStock && p.ledger.Version > 0:
		v.fault("stock_missing", id, "the product has pages in the ledger and no stock row")
	case !p.inStock:
	case p.stock.OnHand != p.ledger.OnHand || p.stock.Allocated != p.ledger.Allocated || p.stock.Version != p.ledger.Version:
		v.fault("stock_sum", id, "the stock row says on_hand %d, allocated %d, version %d; the ledger adds up to %d, %d, %d",
			p.stock.OnHand, p.stock.Allocated, p.stock.Version, p.ledger.OnHand, p.ledger.Allocated, p.ledger.Version)
	}
}

// readRuns reads the lines that are in runs, as they are stored, and takes them for the index of the orders they
// placed: it has none of its own. What pages have of a run is skipped.
func (v *verifier) readRuns(ctx context.Context) error {
	for id, p := range v.products {
		if p.inStock && p.ledger.Version == 0 {
			v.closePages(id) // a stock row without a page
		}
	}
	merged, err := readMerged(v.snap)
	if err != nil {
		return err
	}
	return v.scanFrom(ctx, runKey(nil, merged.seq+1, 0), func(key, part []byte) error {
		if len(key) != 1+8+4 {
			return errCorrupt
		}
		seq := binary.BigEndian.Uint64(key[1:])
		lines := readRunPart(part, 0)
		for lines.next() {
			v.rows++
			if merged.holds(seq, lines.product) {
				continue
			}
			if err := v.addLine(lines.product, lines.version, lines.row); err != nil {
				return err
			}
			v.product(lines.product).inRuns = true
			order, err := placedBy(lines.row)
			if err != nil {
				return err
			}
			if !order.IsZero() {
				v.holdPlacement(lines.product, order)
			}
		}
		return lines.d.end()
	})
}

// eachLine calls visit with the row of each line of a product that can be read, in pages and in runs.
func (v *verifier) eachLine(ctx context.Context, product commerce.ID, visit func(row []byte)) error {
	var page ledgerPage
	err := scan(ctx, v.snap, idKey(nil, tableLedger, product), func(key, value []byte) error {
		if page.read(key, value) == nil { // else it has been reported
			for _, row := range page.rows {
				visit(row)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	merged, err := readMerged(v.snap)
	if err != nil {
		return err
	}
	return scanRange(ctx, v.snap, runKey(nil, merged.seq+1, 0), []byte{tableRuns + 1}, func(key, part []byte) error {
		for lines := readRunPart(part, 0); lines.next(); {
			if lines.product == product && len(key) == 1+8+4 && !merged.holds(binary.BigEndian.Uint64(key[1:]), product) {
				visit(lines.row)
			}
		}
		return nil
	})
}

// addLine adds the next line of a product to its books.
func (v *verifier) addLine(product commerce.ID, version uint64, row []byte) error {
	v.report.Movements++
	var line commerce.Movement
	d := decoder{b: row}
	d.movementHead(&line)
	if err := d.err(); err != nil {
		return err
	}
	p := v.product(product)
	sum := &p.ledger
	if version != sum.Version+1 {
		v.fault("ledger_gap", product, "line %d follows line %d", version, sum.Version)
	}
	sum.Version = version
	sum.OnHand += line.OnHandDelta
	sum.Allocated += line.AllocatedDelta
	if sum.OnHand != line.Level.OnHand || sum.Allocated != line.Level.Allocated {
		v.fault("ledger_sum", product, "line %d says on_hand %d, allocated %d; its deltas add up to %d, %d",
			version, line.Level.OnHand, line.Level.Allocated, sum.OnHand, sum.Allocated)
		sum.OnHand, sum.Allocated = line.Level.OnHand, line.Level.Allocated // one fault, not one a line
	}
	if !sum.Valid() {
		v.fault("stock_bounds", product, "line %d: on_hand %d, allocated %d", version, sum.OnHand, sum.Allocated)
	}
	if !line.Order.IsZero() {
		p.movements.hold(v.movementHash(product, line.Order, line.OnHandDelta, line.AllocatedDelta))
	}
	return nil
}

// holdPlacement notes that the index of orders by product has an order.
func (v *verifier) holdPlacement(product, order commerce.ID) {
	v.buf = append(productPrefix(v.buf[:0], product), order[:]...)
	v.placements.hold(v.hash(v.buf))
}

// readPacks notes the orders in packs, which are part of the index of orders by product.
func (v *verifier) readPacks(ctx context.Context) error {
	var orders []commerce.ID
	var product, newest commerce.ID
	return v.scan(ctx, tablePacks, func(key, value []byte) (err error) {
		if orders, err = readPack(orders[:0], key, value); err != nil {
			return err
		}
		id := commerce.ID(key[1 : 1+len(product)])
		if id == product && orders[0].Compare(newest) <= 0 {
			v.fault("index_order", product, "a pack of orders begins with %s, within the one before it", orders[0])
		}
		product, newest = id, orders[len(orders)-1]
		v.rows += int64(len(orders)) - 1
		for i := range orders {
			v.holdPlacement(product, orders[i])
		}
		return nil
	})
}
