package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// catalogue holds a productRef for every product this node has seen, and fills itself from the
// store in the background. Product rows and stock rows in it are committed ones; the committer
// keeps them current. Lists are answered from here, never from the store.
type catalogue struct {
	store  persistence.Store
	shards [commerce.PartitionsMax]catalogueShard
	filled chan struct{} // closed when the scan has ended
	// broken is told of a committed stock row that breaks the invariant.
	broken func(*productRef, *commerce.Stock)
}

type catalogueShard struct {
	sync.RWMutex
	refs map[commerce.ID]*productRef
}

func newCatalogue(store persistence.Store) *catalogue {
	c := &catalogue{store: store, filled: make(chan struct{})}
	for i := range c.shards {
		c.shards[i].refs = make(map[commerce.ID]*productRef)
	}
	return c
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
			close(c.filled)
			return
		}
		after = rows[len(rows)-1].Product.ID
	}
}

// list answers a query from memory. It waits for the first scan of the store.
func (c *catalogue) list(ctx context.Context, q ProductQuery) (ProductPage, error) {
	select {
	case <-c.filled:
	case <-ctx.Done():
		return ProductPage{}, &commerce.Error{
			Code: commerce.CodeOverloaded, Detail: "the catalogue is still being read; try again shortly",
			RetryAfter: retryAfterShort,
		}
	}
	rows := c.selectRows(q)
	page := ProductPage{Total: len(rows)}
	slices.SortFunc(rows, q.Sort.compare)
	if q.Offset < len(rows) {
		page.Rows = rows[q.Offset:min(len(rows), q.Offset+q.Limit)]
	}
	return page, nil
}

func (c *catalogue) selectRows(q ProductQuery) []persistence.ProductRow {
	var rows []persistence.ProductRow
	for i := range c.shards {
		shard := &c.shards[i]
		shard.RLock()
		for _, ref := range shard.refs {
			product, stock := ref.product.Load(), ref.stock.Load()
			if product != nil && stock != nil && q.selects(product, stock) {
				rows = append(rows, persistence.ProductRow{Product: product, Stock: *stock})
			}
		}
		shard.RUnlock()
	}
	return rows
}

func (q *ProductQuery) selects(p *commerce.Product, s *commerce.Stock) bool {
	return !p.Archived &&
		(q.Category == "" || p.Category == q.Category) &&
		(q.SKU == "" || p.SKU == q.SKU) &&
		(q.PriceMin == nil || p.Price.Amount >= *q.PriceMin) &&
		(q.PriceMax == nil || p.Price.Amount <= *q.PriceMax) &&
		(q.InStock == nil || (s.Available() > 0) == *q.InStock)
}

// compare orders two rows; equal ones stand newest first, so that pages never overlap.
func (s ProductSort) compare(a, b persistence.ProductRow) int {
	order := 0
	switch s {
	case SortOldest:
		return a.Product.ID.Compare(b.Product.ID)
	case SortPriceAscending:
		order = cmp.Compare(a.Product.Price.Amount, b.Product.Price.Amount)
	case SortPriceDescending:
		order = cmp.Compare(b.Product.Price.Amount, a.Product.Price.Amount)
	case SortName:
		order = strings.Compare(a.Product.Name, b.Product.Name)
	case SortNewest:
	}
	if order != 0 {
		return order
	}
	return b.Product.ID.Compare(a.Product.ID)
}
