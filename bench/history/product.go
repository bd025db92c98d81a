package history

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	// units is what there is of each product at first: more than any past or benchmark sells.
	units = 100_000_000
	// keyTTL is how long an idempotency key stays bound.
	keyTTL = 24 * time.Hour
)

// made is a product as it came into the catalogue.
type made struct {
	id      commerce.ID
	command commerce.CreateProduct
	row     *commerce.Product
}

// makeProducts makes up the catalogue within the day before the first order.
func (h *History) makeProducts() {
	h.products = make([]made, h.cfg.Products)
	pause := float64(h.cfg.begin().Sub(h.cfg.opening())) / float64(h.cfg.Products+1)
	for i := range h.products {
		p := &h.products[i]
		p.id = h.id(h.cfg.opening().Add(time.Duration(pause * float64(i))))
		p.command = h.product(i)
		p.row = p.command.NewEntry(p.id, 0, keyTTL).Product.Row
	}
}

// product makes up product number i.
func (h *History) product(i int) commerce.CreateProduct {
	kinds := len(things())
	look, thing := looks()[h.rng.IntN(len(looks()))], things()[i%kinds]
	return commerce.CreateProduct{
		Caller:      commerce.Trusted(actorShop),
		Name:        look.english + " " + thing.english + " " + strconv.Itoa(i),
		Description: fmt.Sprintf("%s %s %d. For every day, sent from stock.", look.korean, thing.korean, i),
		Category:    categories()[i%kinds/thingsPerCategory],
		SKU:         fmt.Sprintf("%c%c-%06d", thing.english[0], look.english[0], i),
		Price:       commerce.Money{Amount: h.price(), Currency: commerce.DefaultCurrency()},
		OnHand:      units,
	}
}

// price makes up a price: most are near 20,000 won, few are ten times that, and all end in 900.
func (h *History) price() int64 {
	const middle, spread = 20_000, 0.9
	return int64(math.Min(middle*math.Exp(spread*h.rng.NormFloat64()), 100*middle))/1000*1000 + 900
}
