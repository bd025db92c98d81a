package actors

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// lists keeps the current listing. Readers load it and never wait; whoever changes products makes the
// next one, one after another.
type lists struct {
	current atomic.Pointer[listing] // nil until the catalogue has been filled
	// flips counts the stock bits that changed: with the listing's number it tells whether the same
	// question has the same answer.
	flips atomic.Uint64
	mu    struct {
		sync.Mutex
		early   []*productRef // changed while the first listing was being made
		changed []uint32      // slots that the search index has yet to read
	}
	arrived chan struct{} // holds one signal while there is something in changed
}

// restock sets the stock bit of a product as its row says. The bit follows the newest row also when rows
// arrive at the same time: each writer looks at the row again.
func (l *lists) restock(ref *productRef) {
	place := ref.place.Load()
	if place == nil {
		return
	}
	for {
		row := ref.stock.Load()
		if place.set(row.Available() > 0) {
			l.flips.Add(1)
		}
		if ref.stock.Load() == row {
			return
		}
	}
}

// listAll makes the first listing, of all products known, and lets lists be asked for.
func (c *catalogue) listAll() {
	l := &c.lists
	first := newListing(c.loaded())
	for slot := range first.slots {
		l.restock(first.ref(uint32(slot))) //nolint:gosec // products of one node
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next := first.edit()
	for _, ref := range l.mu.early {
		if ref.loaded() {
			next.put(ref)
			l.restock(ref)
		}
	}
	l.mu.early = nil
	l.current.Store(next.next)
	close(c.filled)
}

// loaded returns the refs that have both rows.
func (c *catalogue) loaded() []*productRef {
	var refs []*productRef
	for i := range c.shards {
		shard := &c.shards[i]
		shard.RLock()
		for _, ref := range shard.refs {
			if ref.loaded() {
				refs = append(refs, ref)
			}
		}
		shard.RUnlock()
	}
	return refs
}

// relist takes changed products into a new listing: whoever asks from now on sees them.
func (c *catalogue) relist(refs ...*productRef) {
	l := &c.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	current := l.current.Load()
	if current == nil {
		l.mu.early = append(l.mu.early, refs...)
		return
	}
	var next *listingEdit
	for _, ref := range refs {
		if !ref.loaded() || current.says(ref) {
			continue
		}
		if next == nil {
			next = current.edit()
		}
		if slot, changed := next.put(ref); changed {
			l.mu.changed = append(l.mu.changed, slot)
			l.restock(ref)
		}
	}
	if next != nil {
		l.current.Store(next.next)
		signal(l.arrived)
	}
}

// says reports whether the listing shows the product as it is.
func (l *listing) says(ref *productRef) bool {
	place := ref.place.Load()
	if place == nil {
		return ref.product.Load().Archived
	}
	return int(place.slot) < l.slots && l.product(place.slot).Version >= ref.product.Load().Version
}

// takeChanged returns the slots that have changed since it was last asked, once for each change.
func (l *lists) takeChanged() []uint32 {
	l.mu.Lock()
	changed := l.mu.changed
	l.mu.changed = nil
	l.mu.Unlock()
	return changed
}

// waitListed waits until there is a listing.
func (c *catalogue) waitListed(ctx context.Context) error {
	select {
	case <-c.filled:
		return nil
	case <-ctx.Done():
		return &commerce.Error{
			Code: commerce.CodeOverloaded, Detail: "the catalogue is still being read; try again shortly",
			RetryAfter: retryAfterShort,
		}
	}
}

// list answers a query from memory. REQUIRES: there is a listing.
func (c *catalogue) list(q ProductQuery) ProductPage {
	flips, l := c.lists.flips.Load(), c.lists.current.Load() // before the bits are read
	key := selectionKey{listing: l.number, flips: flips}.list(&q)
	slots, total, known := c.selections.get(key)
	if !known {
		s := c.selectors.Get().(*selector) //nolint:forcetypeassert // the pool holds nothing else
		slots, total = s.page(l, &q)
		c.selectors.Put(s)
		c.selections.put(key, slots, total)
	}
	return ProductPage{Rows: l.rows(slots, q.InStock), Total: total}
}

// rows returns the products in these slots with their stock as it is now. One whose stock has changed
// meanwhile, so that it is not what was asked for, is left out.
func (l *listing) rows(slots []uint32, inStock *bool) []persistence.ProductRow {
	if len(slots) == 0 {
		return nil
	}
	rows := make([]persistence.ProductRow, 0, len(slots))
	for _, slot := range slots {
		stock := *l.ref(slot).stock.Load()
		if inStock == nil || (stock.Available() > 0) == *inStock {
			rows = append(rows, persistence.ProductRow{Product: l.product(slot), Stock: stock})
		}
	}
	return rows
}
