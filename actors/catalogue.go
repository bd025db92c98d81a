package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// catalogue holds a productRef for every product this node has seen, and fills itself from the
// store in the background. Product rows and stock rows in it are committed ones; the committer
// keeps them current. Lists and searches are answered from here, never from the store: see listing.
type catalogue struct {
	store  persistence.Store
	shards [commerce.PartitionsMax]catalogueShard
	filled chan struct{} // closed when there is a listing
	// broken is told of a committed stock row that breaks the invariant.
	broken func(*productRef, *commerce.Stock)

	lists      lists
	finder     finder
	selections *selections
	selectors  sync.Pool // of *selector
}

type catalogueShard struct {
	sync.RWMutex
	refs map[commerce.ID]*productRef
}

// newCatalogue returns an empty catalogue. cacheMax bounds the answers it remembers, in bytes.
func newCatalogue(store persistence.Store, cacheMax int) (*catalogue, error) {
	c := &catalogue{store: store, filled: make(chan struct{})}
	for i := range c.shards {
		c.shards[i].refs = make(map[commerce.ID]*productRef)
	}
	c.selectors.New = func() any { return new(selector) }
	var err error
	if c.selections, err = newSelections(cacheMax); err != nil {
		return nil, err
	}
	c.finder.init(c)
	return c, nil
}

// find returns the ref of a product, or nil.
func (c *catalogue) find(id commerce.ID) *productRef {
	shard := &c.shards[id.Partition()]
	shard.RLock()
	ref := shard.refs[id]
	shard.RUnlock()
	return ref
}

// obtain returns the ref of a product, made empty if there was none. Rows published from now on
// find it, so that a row read from the store meanwhile cannot be the newer one and be lost.
func (c *catalogue) obtain(id commerce.ID) *productRef {
	if ref := c.find(id); ref != nil {
		return ref
	}
	shard := &c.shards[id.Partition()]
	shard.Lock()
	defer shard.Unlock()
	ref := shard.refs[id]
	if ref == nil {
		ref = &productRef{id: id}
		shard.refs[id] = ref
	}
	return ref
}

// adopt takes a committed stock row, and stops the product's sale if its books do not add up.
func (c *catalogue) adopt(ref *productRef, row *commerce.Stock) {
	if !ref.adoptStock(row) {
		c.broken(ref, row)
	}
	c.lists.restock(ref)
}

// load returns the ref of a product with its rows, read from the store if need be. It returns
// persistence.ErrNotFound when there is no such product. That is asked first, so that no ref is made
// for it; the rows are read after the ref is there, so that a newer one published meanwhile stays.
func (c *catalogue) load(ctx context.Context, id commerce.ID) (*productRef, error) {
	if ref := c.find(id); ref != nil && ref.loaded() {
		return ref, nil
	}
	if _, err := c.store.Product(ctx, id); err != nil {
		return nil, wrapStore("look for product", err)
	}
	ref := c.obtain(id)
	product, err := c.store.Product(ctx, id)
	if err != nil {
		return nil, wrapStore("read product", err)
	}
	stock, err := c.store.Stock(ctx, id)
	if err != nil {
		return nil, wrapStore("read stock", err)
	}
	ref.adoptProduct(product)
	c.adopt(ref, &stock)
	c.relist(ref)
	return ref, nil
}

func wrapStore(what string, err error) error {
	if errors.Is(err, persistence.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// fillPause is how long a scan waits before it tries a page again that could not be read.
const fillPause = time.Second

// fill scans the store's products once; what cannot be read is tried again. It is run by a goroutine
// of the engine.
func (c *catalogue) fill(ctx context.Context) {
	var after commerce.ID
	for {
		rows, err := c.store.Products(ctx, after, persistence.PageMax)
		if err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(fillPause):
				continue
			}
		}
		for i := range rows {
			ref := c.obtain(rows[i].Product.ID)
			ref.adoptProduct(rows[i].Product)
			c.adopt(ref, &rows[i].Stock)
		}
		if len(rows) < persistence.PageMax {
			c.listAll()
			return
		}
		after = rows[len(rows)-1].Product.ID
	}
}
