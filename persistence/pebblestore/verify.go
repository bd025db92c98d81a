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
		v.readProducts, v.readStock, v.readPages, v.readRuns, v.readOrders, v.readIndexes, v.readBindings, v.readSales, v.closeBooks,
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

// verifier is Verify at work.
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
	stock     commerce.Stock // of the stock row
	inStock   bool
	ledger    commerce.Stock // what the lines add up to, as far as they have been read
	inRuns    bool           // some of them are in runs
	allocated int64          // by orders that hold units
	movements books          // orders' own account of their movements, and the ledger's
}

// current is the product's stock: that of its newest line in a run, else its row's.
func (p *productBooks) current() commerce.Stock {
	if p.inRuns {
		return p.ledger
	}
	return p.stock
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
	return v.scanFrom(ctx, []byte{table}, visit)
}

// scanFrom reads a table from a key on.
func (v *verifier) scanFrom(ctx context.Context, from []byte, visit func(key, value []byte) error) error {
	return scanRange(ctx, v.snap, from, []byte{from[0] + 1}, func(key, value []byte) error {
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

// readStock reads stock rows, which tell the level that the pages lead to.
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

func (v *verifier) movementHash(product, order commerce.ID, onHand, allocated int64) uint64 {
	v.buf = append(append(v.buf[:0], product[:]...), order[:]...)
	v.buf = binary.BigEndian.AppendUint64(v.buf, uint64(onHand))
	v.buf = binary.BigEndian.AppendUint64(v.buf, uint64(allocated))
	return v.hash(v.buf)
}

// readIndexes compares indexes with the rows they are of, both ways.
func (v *verifier) readIndexes(ctx context.Context) error {
	err := v.readPacks(ctx)
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
		case !p.inStock && !p.inRuns:
			v.fault("stock_missing", id, "the product has no stock row")
		case p.allocated != p.current().Allocated:
			v.fault("allocated_sum", id, "the stock says %d units are allocated; orders hold %d", p.current().Allocated, p.allocated)
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
