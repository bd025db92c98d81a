package main

import (
	"context"
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/democatalog"
)

// seedDemo makes the demo catalogue when the store is empty.
func (n *node) seedDemo(ctx context.Context) error {
	rows, err := n.store.Products(ctx, commerce.ID{}, 1)
	if err != nil {
		return fmt.Errorf("look for products: %w", err)
	}
	if len(rows) > 0 {
		return nil
	}
	n.process.printf("The store is empty: making %d demo products.\n", len(democatalog.Products()))
	return democatalog.Seed(ctx, n.engine)
}

// showDemo prints the commands that place an order of a product that can be had, read it and list
// what there is.
func (n *node) showDemo() {
	product, ok := n.demoProduct()
	if !ok {
		n.process.printf("\nThere is no product to order yet. \"penstock import products\" brings some in.\n")
		return
	}
	base := n.base()
	n.process.printf(`
Place an order:

  curl -i %[1]s/api/v2/orders \
    -H 'Content-Type: application/json' -H 'X-User-ID: you' -H 'Idempotency-Key: my-first-order' -d '{
      "items": [{"product_id": "%[2]s", "quantity": 2}],
      "shipping_address": {"street": "1 Weir Lane", "city": "Seoul", "postal_code": "04524"}
    }'

Run it again: the same order answers, and nothing is sold twice. Then read it (its id is in the answer) and list:

  curl %[1]s/api/v2/orders/ID -H 'X-User-ID: you'
  curl %[1]s/api/v2/orders -H 'X-User-ID: you'
  curl %[1]s/api/v2/products/%[2]s

`, base, product)
}

// demoProduct finds a product that can be ordered.
func (n *node) demoProduct() (commerce.ID, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	rows, err := n.store.Products(ctx, commerce.ID{}, demoSearchMax)
	if err != nil {
		return commerce.ID{}, false
	}
	for i := range rows {
		if !rows[i].Product.Archived && rows[i].Stock.Available() >= 2 {
			return rows[i].Product.ID, true
		}
	}
	return commerce.ID{}, false
}

// demoSearchMax bounds the products that are looked through for one that can be ordered.
const demoSearchMax = 100
