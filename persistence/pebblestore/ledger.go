package pebblestore

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// merged says which lines of runs are in pages; the lines of later runs are in none.
type merged struct {
	seq    uint64      // pages have all of the runs up to this one
	upTo   uint64      // and of the runs up to this one what they say
	next   commerce.ID // of products before this one; a merge of the rest is under way
	newest commerce.ID // no order in a pack that merges up to seq made is newer
}

// underWay reports whether a merge has been begun and not ended.
func (m *merged) underWay() bool { return m.upTo > m.seq }

// holds reports whether pages have what a run says of a product.
func (m *merged) holds(run uint64, product commerce.ID) bool {
	return run <= m.seq || run <= m.upTo && product.Compare(m.next) < 0
}

func encodeMerged(m *merged) []byte {
	b := []byte{rowVersion}
	b = appendNumber(appendNumber(b, m.seq), m.upTo)
	return append(append(b, m.next[:]...), m.newest[:]...)
}

func decodeMerged(row []byte) (m merged, err error) {
	d := decoder{b: row}
	d.rowVersion()
	m = merged{seq: d.uint64(), upTo: d.uint64(), next: d.id(), newest: d.id()}
	return m, d.end()
}

// readMerged reads how far merges have come; a store that never had one has merged nothing.
func readMerged(r pebble.Reader) (m merged, err error) {
	_, err = get(r, []byte(metaMerged), func(row []byte) error {
		m, err = decodeMerged(row)
		return err
	})
	return m, err
}

// unmerged is the runs of a view, without what its pages have of them.
type unmerged struct {
	runs   []*run // the oldest first
	merged merged
}

// ledger returns the runs whose lines are in no page of the view. Which ones these are is decided by what the view's
// snapshot says, since the list was taken a moment apart from it: a run joins the list before its fold is applied, and
// leaves it after the merge has been.
func (v *view) ledger() (*unmerged, error) {
	if v.unmerged != nil {
		return v.unmerged, nil
	}
	u := new(unmerged)
	if len(v.runs) > 0 {
		folded, err := getNumber(v, metaFolded)
		if err != nil {
			return nil, err
		}
		if u.merged, err = readMerged(v); err != nil {
			return nil, err
		}
		for _, r := range v.runs {
			if u.merged.seq < r.seq && r.seq <= folded {
				u.runs = append(u.runs, r)
			}
		}
	}
	v.unmerged = u
	return u, nil
}

// of returns what the runs have of a product that is in no page, the newest run first.
func (u *unmerged) of(product commerce.ID) (parts []runPart) {
	for i := len(u.runs) - 1; i >= 0; i-- {
		r := u.runs[i]
		if u.merged.holds(r.seq, product) {
			break // and so are those before it
		}
		if part, ok := r.of(product); ok {
			parts = append(parts, part)
		}
	}
	return parts
}

// levels calls visit with the stock that each run leaves of each of its products, as far as no page tells. The oldest
// run comes first.
func (u *unmerged) levels(visit func(commerce.Stock)) error {
	for _, r := range u.runs {
		for i := range r.products {
			product := r.products[i].id
			if u.merged.holds(r.seq, product) {
				continue
			}
			part := r.part(i)
			level, err := part.level(product)
			if err != nil {
				return err
			}
			visit(level)
		}
	}
	return nil
}

// levelFinder finds the levels that runs leave of products which it is asked for in the order of their ids.
type levelFinder struct {
	u  *unmerged
	at []int // by run: the product that comes next
}

func newLevelFinder(u *unmerged, after commerce.ID) *levelFinder {
	f := &levelFinder{u: u, at: make([]int, len(u.runs))}
	for i, r := range u.runs {
		f.at[i] = r.seek(after)
	}
	return f
}

// find returns the newest level of a product that is in no page.
func (f *levelFinder) find(product commerce.ID) (level commerce.Stock, found bool, err error) {
	for i := len(f.at) - 1; i >= 0; i-- {
		r := f.u.runs[i]
		if f.u.merged.holds(r.seq, product) {
			break
		}
		for f.at[i] < len(r.products) && r.products[f.at[i]].id.Compare(product) < 0 {
			f.at[i]++
		}
		if f.at[i] < len(r.products) && r.products[f.at[i]].id == product {
			part := r.part(f.at[i])
			level, err = part.level(product)
			return level, true, err
		}
	}
	return level, false, nil
}

// Movements implements persistence.Store. Lines in runs are newer than those in pages, and those of a run than those
// of an older one: a product's lines are numbered without a gap.
func (s *Store) Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error) {
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, readError("movements", err)
	}
	defer snap.release()
	l := &lineReader{product: product, before: before, left: page(limit)}
	err = l.readRuns(snap)
	if err == nil && l.left > 0 {
		err = l.readPages(ctx, snap)
	}
	return l.lines, readError("movements", err)
}

// lineReader gathers lines of a product, the newest first.
type lineReader struct {
	product commerce.ID
	before  uint64 // only lines before this version; 0: all
	left    int    // how many more are wanted
	lines   []commerce.Movement
}

// take takes the lines of a piece of the ledger, the last first, as far as they are wanted.
func (l *lineReader) take(first uint64, count int, row func(version uint64) []byte) error {
	end := first + uint64(count)
	if l.before > 0 {
		end = min(end, l.before)
	}
	for ; end > first && l.left > 0; end-- {
		line, err := decodeMovement(l.product, end-1, row(end-1))
		if err != nil {
			return err
		}
		l.lines = append(l.lines, line)
		l.left--
	}
	return nil
}

func (l *lineReader) readRuns(snap *view) error {
	u, err := snap.ledger()
	if err != nil {
		return err
	}
	parts := u.of(l.product)
	for i := range parts {
		if err := l.take(parts[i].first, len(parts[i].lines), parts[i].row); err != nil {
			return err
		}
	}
	return nil
}

func (l *lineReader) readPages(ctx context.Context, snap *view) error {
	pages, err := readPages(ctx, snap, l.product, l.before)
	if err != nil {
		return err
	}
	for l.left > 0 && err == nil && pages.next() {
		p := &pages.page
		err = l.take(p.first, len(p.rows), func(version uint64) []byte { return p.rows[version-p.first] })
	}
	return errors.Join(err, pages.close())
}

// Movement implements persistence.Store.
func (s *Store) Movement(ctx context.Context, product commerce.ID, version uint64) (commerce.Movement, error) {
	if version == 0 {
		return commerce.Movement{}, persistence.ErrNotFound
	}
	lines, err := s.Movements(ctx, product, version+1, 1)
	if err == nil && (len(lines) == 0 || lines[0].Level.Version != version) {
		err = persistence.ErrNotFound
	}
	if err != nil {
		return commerce.Movement{}, err
	}
	return lines[0], nil
}
