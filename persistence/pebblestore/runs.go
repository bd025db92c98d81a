package pebblestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// run is the lines of the ledger that one fold wrote, sorted by product and by version. It is stored in parts, under
// the number of the fold's last journal record, so that it goes to the end of its table; and it is kept in memory
// until a merge has moved its lines into pages. It never changes once it is sealed, and is shared freely then.
//
// A part is a version, then groups: a product, the version of its first line here, how many lines follow, and the
// lines' rows, each after its length. A product whose lines do not fit goes on in the next part.
type run struct {
	seq      uint64       // of the fold's last journal record
	bytes    []byte       // the parts, one after another
	lines    []uint32     // where in bytes each line stands
	products []runProduct // sorted by id
	orders   []commerce.ID
	newest   commerce.ID // of orders
}

// runProduct is what a run has of one product.
type runProduct struct {
	id    commerce.ID
	first uint64 // version of its first line
	line  uint32 // where its lines begin in run.lines
	order uint32 // where the orders placed of it begin in run.orders, the oldest first
}

// runLine is a line that is to go into a run. Its row aliases a journal record.
type runLine struct {
	product commerce.ID
	version uint64
	row     []byte
}

// compareRunLines puts lines into a run's order.
func compareRunLines(a, b runLine) int {
	if c := a.product.Compare(b.product); c != 0 {
		return c
	}
	if a.version < b.version {
		return -1
	}
	return 1 // no two lines are the same
}

const (
	// runPartBytes is what a part holds, about.
	runPartBytes = 48 << 10
	// runGroupBytes is what the head of a group takes at most.
	runGroupBytes = 16 + 2*binary.MaxVarintLen64
)

// makeRun makes a run of lines, and returns its parts, which alias it. REQUIRES: the lines are sorted.
func makeRun(seq uint64, lines []runLine) (r *run, parts [][]byte, err error) {
	size := 0
	for i := range lines {
		size += len(lines[i].row) + 2
		if i == 0 || lines[i].product != lines[i-1].product {
			size += runGroupBytes
		}
	}
	r = &run{seq: seq, bytes: make([]byte, 0, size+size/runPartBytes*runGroupBytes+1), lines: make([]uint32, 0, len(lines))}
	var ends []int
	for len(lines) > 0 {
		from := len(r.bytes)
		r.bytes, lines = appendRunPart(r.bytes, lines)
		if err := r.index(from); err != nil {
			return nil, nil, fmt.Errorf("make a run: %w", err)
		}
		ends = append(ends, len(r.bytes))
	}
	r.seal()
	from := 0
	for _, end := range ends {
		parts = append(parts, r.bytes[from:end:end])
		from = end
	}
	return r, parts, nil
}

// appendRunPart appends one part, and returns the lines that it has no room for.
func appendRunPart(b []byte, lines []runLine) (part []byte, rest []runLine) {
	end := len(b) + runPartBytes
	b = append(b, rowVersion)
	for len(lines) > 0 && len(b) < end {
		n, room := 0, end-len(b)
		for n < len(lines) && lines[n].product == lines[0].product && room > 0 {
			room -= len(lines[n].row) + 1
			n++
		}
		b = append(b, lines[0].product[:]...)
		b = binary.AppendUvarint(b, lines[0].version)
		b = binary.AppendUvarint(b, uint64(n))
		for i := range lines[:n] {
			b = appendBytes(b, lines[i].row)
		}
		lines = lines[n:]
	}
	return b, lines
}

// add takes in the next part of a stored run.
func (r *run) add(part []byte) error {
	from := len(r.bytes)
	r.bytes = append(r.bytes, part...)
	return r.index(from)
}

// index notes what stands in the part that begins at from.
func (r *run) index(from int) error {
	reader := readRunPart(r.bytes, from)
	for reader.next() {
		if reader.begins && !r.begin(reader.product, reader.version) {
			return errCorrupt
		}
		order, err := placedBy(reader.row)
		if err != nil {
			return err
		}
		if !order.IsZero() {
			r.orders = append(r.orders, order)
		}
		r.lines = append(r.lines, uint32(reader.at))
	}
	return reader.d.end()
}

// placedBy returns the order that a line says was placed; zero when it says something else.
func placedBy(row []byte) (order commerce.ID, err error) {
	var line commerce.Movement
	d := decoder{b: row}
	d.movementHead(&line)
	if d.reason() == commerce.ReasonPlaced {
		order = line.Order
	}
	return order, d.err()
}

// runReader reads the lines of a part.
type runReader struct {
	d       decoder
	left    int    // in the group
	begins  bool   // the line is the first of its group
	at      int    // where the line stands
	row     []byte // aliases the part
	product commerce.ID
	version uint64
}

func readRunPart(b []byte, from int) runReader {
	r := runReader{d: decoder{b: b, off: from}}
	r.d.rowVersion()
	return r
}

// next moves on to the next line. After the last one, the decoder tells whether all was well.
func (r *runReader) next() bool {
	d := &r.d
	if d.failed || r.left == 0 && d.off == len(d.b) {
		return false
	}
	r.version++
	if r.begins = r.left == 0; r.begins {
		const lineBytesMin = 1
		r.product, r.version, r.left = d.id(), d.uvarint(), d.count(lineBytesMin)
		if r.left == 0 {
			d.fail()
		}
	}
	r.left--
	r.at = d.off
	r.row = d.bytes()
	return !d.failed
}

// begin notes that lines of a product come next. It reports whether they may.
func (r *run) begin(id commerce.ID, first uint64) bool {
	n := len(r.products)
	if n > 0 {
		switch last := &r.products[n-1]; last.id.Compare(id) {
		case 0:
			return first == last.first+uint64(len(r.lines)-int(last.line))
		case 1:
			return false
		}
		r.sortOrders()
	}
	r.products = append(r.products, runProduct{id: id, first: first, line: uint32(len(r.lines)), order: uint32(len(r.orders))})
	return true
}

// sortOrders sorts the orders of the last product. They nearly are: ids are minted shortly before they are committed.
func (r *run) sortOrders() {
	orders := r.orders[r.products[len(r.products)-1].order:]
	slices.SortFunc(orders, commerce.ID.Compare)
	if n := len(orders); n > 0 {
		r.newest = later(r.newest, orders[n-1])
	}
}

// seal ends a run that has all its parts.
func (r *run) seal() {
	if len(r.products) > 0 {
		r.sortOrders()
	}
}

// memory is about how many bytes the run takes.
func (r *run) memory() int {
	return cap(r.bytes) + 4*cap(r.lines) + 32*cap(r.products) + len(commerce.ID{})*cap(r.orders)
}

// sizeOf adds up the lines of runs, and the bytes that they take in memory.
func sizeOf(runs []*run) (lines, memory int) {
	for _, r := range runs {
		lines += len(r.lines)
		memory += r.memory()
	}
	return lines, memory
}

// seek returns the place of the first product that does not come before one.
func (r *run) seek(product commerce.ID) int {
	return sort.Search(len(r.products), func(i int) bool { return r.products[i].id.Compare(product) >= 0 })
}

// of returns what the run has of a product.
func (r *run) of(product commerce.ID) (part runPart, ok bool) {
	i := r.seek(product)
	if i == len(r.products) || r.products[i].id != product {
		return runPart{}, false
	}
	return r.part(i), true
}

// part returns what the run has of the product at a place.
func (r *run) part(i int) runPart {
	p := &r.products[i]
	lines, orders := len(r.lines), len(r.orders)
	if i+1 < len(r.products) {
		lines, orders = int(r.products[i+1].line), int(r.products[i+1].order)
	}
	return runPart{run: r, first: p.first, lines: r.lines[p.line:lines], orders: r.orders[p.order:orders]}
}

// runPart is the lines that a run has of one product, and the orders placed of it.
type runPart struct {
	run    *run
	first  uint64        // version of the first line
	lines  []uint32      // where in the run's bytes they stand; never empty
	orders []commerce.ID // the oldest first
}

// newest is the version of the last line.
func (p *runPart) newest() uint64 { return p.first + uint64(len(p.lines)) - 1 }

// row returns the row of a line that the part has.
func (p *runPart) row(version uint64) []byte {
	d := decoder{b: p.run.bytes, off: int(p.lines[version-p.first])}
	return d.bytes()
}

// level returns the stock after the last line.
func (p *runPart) level(product commerce.ID) (commerce.Stock, error) {
	version := p.newest()
	return levelOf(&recordMovement{product: product, version: version, row: p.row(version)})
}

// runKey is the key of a part of a run.
func runKey(b []byte, seq uint64, part int) []byte {
	b = binary.BigEndian.AppendUint64(append(b, tableRuns), seq)
	return binary.BigEndian.AppendUint32(b, uint32(part))
}

// readRuns reads the runs after a number.
func readRuns(ctx context.Context, r pebble.Reader, after uint64) (runs []*run, err error) {
	parts := 0
	err = scanRange(ctx, r, runKey(nil, after+1, 0), []byte{tableRuns + 1}, func(key, part []byte) error {
		if len(key) != 1+8+4 {
			return errCorrupt
		}
		seq := binary.BigEndian.Uint64(key[1:])
		if len(runs) == 0 || runs[len(runs)-1].seq != seq {
			runs, parts = append(runs, &run{seq: seq}), 0
		}
		if !bytes.Equal(key, runKey(nil, seq, parts)) {
			return fmt.Errorf("run %d lacks part %d: %w", seq, parts, errCorrupt)
		}
		parts++
		if err := runs[len(runs)-1].add(part); err != nil {
			return fmt.Errorf("part %d of run %d: %w", parts-1, seq, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read runs of the ledger: %w", err)
	}
	for _, r := range runs {
		r.seal()
	}
	return runs, nil
}
