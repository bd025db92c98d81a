package http

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// renderedProducts keeps products as JSON: the answers to reads of one, and what pages are put together
// from. It is a table in which each product has two places by its id. Whoever asks says which versions he wants to see,
// so that nothing in it is ever wrong. A hit takes no lock and hands out the very bytes; that is why it is no bigcache,
// which copies them into fresh memory (decision record 0015).
type renderedProducts struct {
	places       []atomic.Pointer[renderedProduct]
	max          int64        // bytes
	bytes        atomic.Int64 // taken
	hand         atomic.Uint64
	hits, misses atomic.Int64
}

// renderedProduct is immutable.
type renderedProduct struct {
	id             commerce.ID
	product, stock uint64 // versions
	body           []byte
}

const (
	// renderedUsual is what a rendered product takes at least, in bytes, with room to spare: few products share their places.
	renderedUsual = 128
	// renderedExtra is what it takes besides its body.
	renderedExtra = 64
)

func (c *renderedProducts) init(limit int64) {
	c.max = limit
	c.places = make([]atomic.Pointer[renderedProduct], 1<<bits.Len64(uint64(limit/renderedUsual))) //nolint:gosec // not negative
}

// render returns a product as JSON. The bytes are shared, and must not be changed.
func (c *renderedProducts) render(row *persistence.ProductRow) []byte {
	p := row.Product
	home := c.home(p.ID)
	for _, at := range [2]uint64{home, home ^ 1} {
		if kept := c.places[at].Load(); kept != nil && kept.id == p.ID {
			if kept.product == p.Version && kept.stock == row.Stock.Version {
				c.hits.Add(1)
				return kept.body
			}
			return c.keep(at, row)
		}
	}
	if c.places[home].Load() != nil && c.places[home^1].Load() == nil {
		home ^= 1
	}
	return c.keep(home, row)
}

// home is a product's first place. All of the id is mixed, so that ids of other schemes spread too.
func (c *renderedProducts) home(id commerce.ID) uint64 {
	x := binary.LittleEndian.Uint64(id[8:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(id[:8]), 29)
	x *= 0x9e3779b97f4a7c15
	return x >> 32 & uint64(len(c.places)-1)
}

// keep renders a product and puts it into a place.
func (c *renderedProducts) keep(at uint64, row *persistence.ProductRow) []byte {
	c.misses.Add(1)
	made := &renderedProduct{id: row.Product.ID, product: row.Product.Version, stock: row.Stock.Version}
	made.body = wire.AppendProduct(make([]byte, 0, wire.ProductSize(row.Product)), row.Product, row.Stock)
	if made.size() > c.max {
		return made.body
	}
	c.swap(at, made)
	for c.bytes.Load() > c.max {
		c.swap(c.hand.Add(1)&uint64(len(c.places)-1), nil)
	}
	return made.body
}

func (c *renderedProducts) swap(at uint64, next *renderedProduct) {
	old := c.places[at].Swap(next)
	c.bytes.Add(next.size() - old.size())
}

func (r *renderedProduct) size() int64 {
	if r == nil {
		return 0
	}
	return int64(cap(r.body)) + renderedExtra
}
