// Package democatalog makes the catalogue of `penstock serve --demo`: two hundred made-up products
// with names in English and Korean, the same ones each time. They go into an empty store through
// the engine, like anybody's.
package democatalog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/fanout"
)

// Caller is who the products' ledgers and events say made them.
const Caller = "demo"

// workers is how many products are made at a time: enough to share commits.
const workers = 32

// Creator makes products; *actors.Engine is one.
type Creator interface {
	CreateProduct(cmd *commerce.CreateProduct) (actors.ProductReceipt, error)
}

// Seed makes the products of the catalogue. Doing so again changes nothing while their idempotency
// keys are kept, and is refused after that, because their SKUs are taken.
func Seed(ctx context.Context, creator Creator) error {
	products := Products()
	return fanout.Each(ctx, workers, slices.Values(products), func(_ context.Context, p commerce.CreateProduct) error {
		if _, err := creator.CreateProduct(&p); err != nil {
			return fmt.Errorf("make demo product %s: %w", p.SKU, err)
		}
		return nil
	})
}

// Products returns the commands that make the catalogue.
func Products() []commerce.CreateProduct {
	random := rand.New(rand.NewPCG(2026, 11)) // the same catalogue each time
	var products []commerce.CreateProduct
	for _, s := range shelves() {
		for _, k := range s.kinds {
			for _, v := range s.variants {
				products = append(products, commerce.CreateProduct{
					Caller:      commerce.Trusted(Caller),
					Key:         fmt.Sprintf("demo-%03d", len(products)+1),
					Name:        fmt.Sprintf("%s %s · %s %s", v.english, k.english, v.korean, k.korean),
					Description: fmt.Sprintf("%s. %s", k.description, v.description),
					Category:    s.category,
					SKU:         fmt.Sprintf("%s-%03d", s.prefix, len(products)+1),
					Price:       commerce.Money{Amount: price(random, k.price), Currency: commerce.DefaultCurrency()},
					Attributes:  fmt.Sprintf(`{"finish":%q,"weight_g":%d}`, v.english, 50+10*random.Int64N(300)),
					OnHand:      20 + random.Int64N(481),
				})
			}
		}
	}
	return products
}

// price varies a kind's price by up to a fifth and ends it like a Korean price tag, on 900 won.
func price(random *rand.Rand, around int64) int64 {
	varied := around*4/5 + random.Int64N(around*2/5)
	return max(varied/1000, 1)*1000 + 900
}

// shelf is a category: every kind of thing in it comes in every variant.
type shelf struct {
	category string
	prefix   string
	kinds    []kind
	variants []variant
}

type kind struct {
	english, korean string
	price           int64 // won, about
	description     string
}

type variant struct {
	english, korean string
	description     string
}
