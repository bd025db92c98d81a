package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// Verify implements persistence.Store. It reads one snapshot, table after table in key order, and
// keeps sums by product: its memory grows with the catalogue, not with the orders.
//
// Two tables that are sorted differently (orders and ledger, rows and their indexes) are compared by
// fingerprints: the sum of the hashes of all that one side says must be that of the other side. The
// seed is fresh each time, so that a difference would have to be very lucky to stay unseen.
//
// A file that was found corrupt since the store was opened is a fault, whether or not it was read
// this time; one that cannot be read ends the comparison.
func (s *Store) Verify(ctx context.Context, progress func(rows int64)) (*persistence.Report, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("books", err)
	}
	defer snap.release()
	v := &verifier{
		snap:     snap,
		report:   &persistence.Report{At: time.Now().UTC()},
		progress: progress,
		seed:     maphash.MakeSeed(),
		products: make(map[commerce.ID]*productBooks),
		sales:    salesbook.NewProof(),
	}
	for _, pass := range []func(context.Context) error{
		v.readProducts, v.readStock, v.readLedger, v.readOrders, v.readIndexes, v.readBindings, v.readSales, v.closeBooks,
	} {
		err := pass(ctx)
		if pebble.IsCorruptionError(err) && snap.in.isRot(err) {
			// What cannot be read cannot be compared either: the other passes would only blame it.
			if corruptFile(err) == "" { // else Pebble has told the listener
				s.corruptions.note("", err)
			}
			break
		}
		if err != nil {
			return nil, readError("books", err)
		}
	}
	s.corruptions.report(v.report)
	v.tell()
	return v.report, nil
}

// verifier is one run of Verify.
type verifier struct {
	snap     *view
	report   *persistence.Report
	progress func(rows int64)
	rows     int64
	seed     maphash.Seed
	buf      []byte
	products map[commerce.ID]*productBooks
	named    int // products whose orders have been searched for a fault

	customers, placements, statuses, skus books

	sales *salesbook.Proof
	tally salesbook.Tally
}

// productBooks is what the tables say of one product.
type productBooks struct {
	version   uint64 // of the product's row; 0 when there is none
	events    uint64
	stock     commerce.Stock
	inStock   bool
	allocated int64 // by orders that hold units
	movements books // orders' own account of their movements, and the ledger's
}

// books compares what rows say (told) with what another table holds (held), whatever the order.
type books struct {
	told, held           uint64
	toldCount, heldCount int64
}

func (b *books) tell(hash uint64) { b.told, b.toldCount = b.told+hash, b.toldCount+1 }

func (b *books) hold(hash uint64) { b.held, b.heldCount = b.held+hash, b.heldCount+1 }

func (b *books) balanced() bool { return b.told == b.held && b.toldCount == b.heldCount }

func (v *verifier) hash(b []byte) uint64 { return maphash.Bytes(v.seed, b) }

// product returns a product's books, also for a product that has no row.
func (v *verifier) product(id commerce.ID) *productBooks {
	p := v.products[id]
	if p == nil {
		p = new(productBooks)
		v.products[id] = p
	}
	return p
}

func (v *verifier) fault(kind string, entity commerce.ID, format string, args ...any) {
	v.report.Add(kind, entity.String(), fmt.Sprintf(format, args...))
}

// corrupt notes a row that cannot be read.
func (v *verifier) corrupt(key []byte, err error) {
	v.report.Add("corrupt_row", fmt.Sprintf("%c/%x", key[0], key[1:]), err.Error())
}

// scan reads a table.
func (v *verifier) scan(ctx context.Context, table byte, visit func(key, value []byte) error) error {
	return scan(ctx, v.snap, []byte{table}, func(key, value []byte) error {
		if v.rows++; v.rows%scanCheckEvery == 0 {
			v.tell()
			if err := v.snap.alive(ctx); err != nil {
				return err
			}
		}
		if err := visit(key, value); err != nil {
			v.corrupt(key, err)
		}
		return nil
	})
}

func (v *verifier) tell() {
	if v.progress != nil {
		v.progress(v.rows)
	}
}

func (v *verifier) readProducts(ctx context.Context) error {
	return v.scan(ctx, tableProducts, func(key, value []byte) error {
		id := lastID(key)
		v.report.Products++
		p := v.product(id)
		row, err := decodeProduct(id, value)
		if err != nil {
			return err
		}
		p.version = row.Version
		if row.SKU != "" {
			v.buf = append(skuKey(v.buf[:0], row.SKU), id[:]...)
			v.skus.tell(v.hash(v.buf))
		}
		return nil
	})
}

func (v *verifier) readStock(ctx context.Context) error {
	return v.scan(ctx, tableStock, func(key, value []byte) error {
		id := lastID(key)
		p := v.product(id)
		row, err := decodeStock(id, value)
		if err != nil {
			return err
		}
		p.stock, p.inStock = row, true
		if !row.Valid() {
			v.fault("stock_bounds", id, "on_hand %d, allocated %d", row.OnHand, row.Allocated)
		}
		return nil
	})
}

// ledgerRun adds up one product's lines.
type ledgerRun struct {
	product commerce.ID
	sum     commerce.Stock
}

func (v *verifier) readLedger(ctx context.Context) error {
	var run ledgerRun
	err := v.scan(ctx, tableLedger, func(key, value []byte) error {
		v.report.Movements++
		id, version, err := splitNumbered(key)
		if err != nil {
			return err
		}
		if id != run.product {
			v.endRun(&run)
			run = ledgerRun{product: id}
		}
		var line commerce.Movement
		d := decoder{b: value}
		d.movementHead(&line)
		if err := d.err(); err != nil {
			return err
		}
		v.addLine(&run, version, &line)
		return nil
	})
	v.endRun(&run)
	return err
}

func (v *verifier) addLine(run *ledgerRun, version uint64, line *commerce.Movement) {
	if version != run.sum.Version+1 {
		v.fault("ledger_gap", run.product, "line %d follows line %d", version, run.sum.Version)
	}
	run.sum.Version = version
	run.sum.OnHand += line.OnHandDelta
	run.sum.Allocated += line.AllocatedDelta
	if run.sum.OnHand != line.Level.OnHand || run.sum.Allocated != line.Level.Allocated {
		v.fault("ledger_sum", run.product, "line %d says on_hand %d, allocated %d; its deltas add up to %d, %d",
			version, line.Level.OnHand, line.Level.Allocated, run.sum.OnHand, run.sum.Allocated)
		run.sum.OnHand, run.sum.Allocated = line.Level.OnHand, line.Level.Allocated // one fault, not one a line
	}
	if !run.sum.Valid() {
		v.fault("stock_bounds", run.product, "line %d: on_hand %d, allocated %d", version, run.sum.OnHand, run.sum.Allocated)
	}
	if !line.Order.IsZero() {
		v.product(run.product).movements.hold(v.movementHash(run.product, line.Order, line.OnHandDelta, line.AllocatedDelta))
	}
}

func (v *verifier) endRun(run *ledgerRun) {
	if run.product.IsZero() {
		return
	}
	p := v.product(run.product)
	sum := run.sum
	sum.Product = run.product
	if p.stock != sum {
		v.fault("stock_sum", run.product,
			"the stock row says on_hand %d, allocated %d, version %d; the ledger adds up to %d, %d, %d",
			p.stock.OnHand, p.stock.Allocated, p.stock.Version, sum.OnHand, sum.Allocated, sum.Version)
	}
}

func (v *verifier) movementHash(product, order commerce.ID, onHand, allocated int64) uint64 {
	v.buf = append(append(v.buf[:0], product[:]...), order[:]...)
	v.buf = binary.BigEndian.AppendUint64(v.buf, uint64(onHand))
	v.buf = binary.BigEndian.AppendUint64(v.buf, uint64(allocated))
	return v.hash(v.buf)
}

// readIndexes compares indexes with the rows they are of, both ways.
func (v *verifier) readIndexes(ctx context.Context) error {
	var err error
	for _, index := range []struct {
		table byte
		books *books
		name  string
		value bool // the row's value counts too
	}{
		{tableStatuses, &v.statuses, "orders by status", false},
		{tableCustomers, &v.customers, "orders by customer", false},
		{tableProductOf, &v.placements, "orders by product", false},
		{tableSKUs, &v.skus, "products by SKU", true},
	} {
		err = errors.Join(err, v.scan(ctx, index.table, func(key, value []byte) error {
			v.buf = append(v.buf[:0], key...)
			if index.value {
				v.buf = append(v.buf, value...)
			}
			index.books.hold(v.hash(v.buf))
			return nil
		}))
		if !index.books.balanced() {
			v.report.Add("index_mismatch", index.name, fmt.Sprintf(
				"rows call for %d entries, the index has %d, and they are not the same", index.books.toldCount, index.books.heldCount))
		}
	}
	return err
}

// closeBooks compares what has been gathered of each product.
func (v *verifier) closeBooks(ctx context.Context) error {
	for id, p := range v.products {
		switch {
		case p.version == 0:
			v.fault("product_missing", id, "stock, ledger or orders name a product that has no row")
			continue
		case !p.inStock:
			v.fault("stock_missing", id, "the product has no stock row")
		case p.allocated != p.stock.Allocated:
			v.fault("allocated_sum", id, "the stock row says %d units are allocated; orders hold %d", p.stock.Allocated, p.allocated)
		}
		if p.events != p.version {
			v.fault("event_gap", id, "the product is at version %d and has %d events", p.version, p.events)
		}
		if !p.movements.balanced() {
			if err := v.nameOrder(ctx, id, p); err != nil {
				return err
			}
		}
	}
	return nil
}
