package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
)

// pageVersion is the first byte of a page of the ledger. A row that begins with rowVersion is a page of one line: so
// lines were stored before there were pages.
const pageVersion = 2

// pageBytes is what a page holds, about.
const pageBytes = 4 << 10

// ledgerPage is some lines of a product's ledger that follow one another, as they are stored.
type ledgerPage struct {
	product commerce.ID
	first   uint64   // version of the first line
	rows    [][]byte // of the lines; they alias the value that was read
}

// read replaces the page by a stored one.
func (p *ledgerPage) read(key, value []byte) (err error) {
	p.rows = p.rows[:0]
	if p.product, p.first, err = splitNumbered(key); err != nil {
		return err
	}
	d := decoder{b: value}
	switch d.byte() {
	case rowVersion:
		p.rows = append(p.rows, value)
		return nil
	case pageVersion:
		for d.off < len(d.b) && !d.failed {
			p.rows = append(p.rows, d.bytes())
		}
		if len(p.rows) == 0 {
			d.fail()
		}
	default:
		d.fail()
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("decode page %d of product %s: %w", p.first, p.product, err)
	}
	return nil
}

// pageReader reads the pages of a product, the newest first. close must be called.
type pageReader struct {
	it   *pebble.Iterator
	step func() bool
	page ledgerPage
	err  error
}

// readPages begins at the newest page that has a line before a version; at the newest of all when it is 0.
func readPages(ctx context.Context, snap *view, product commerce.ID, before uint64) (*pageReader, error) {
	prefix := idKey(nil, tableLedger, product)
	upper := prefixEnd(prefix)
	if before > 0 {
		upper = numberedKey(nil, tableLedger, product, before)
	}
	it, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &pageReader{it: it, step: it.Last}, nil
}

// next moves on to the next page, which is the reader's until next is called again.
func (r *pageReader) next() bool {
	if r.err != nil || !r.step() {
		return false
	}
	r.step = r.it.Prev
	value, err := r.it.ValueAndErr()
	if err == nil {
		err = r.page.read(r.it.Key(), value)
	}
	r.err = err
	return err == nil
}

func (r *pageReader) close() error { return errors.Join(r.err, r.it.Error(), r.it.Close()) }
