package pgstore

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// salesNumbers is what the numbers of sold products stand for, in memory. A number never changes what it stands for,
// so that only those that are new are read.
type salesNumbers struct {
	mu sync.Mutex
	salesbook.Numbers
	// unsure says that some may have been given out in a transaction that was taken back.
	unsure bool
}

// names returns what the numbers of a transaction's snapshot stand for; there may be later ones.
func (n *salesNumbers) names(ctx context.Context, db querier) ([]salesbook.Name, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.loadLocked(ctx, db); err != nil {
		return nil, err
	}
	return n.Names(), nil
}

func (n *salesNumbers) loadLocked(ctx context.Context, db querier) error {
	if n.unsure {
		n.Numbers, n.unsure = salesbook.Numbers{}, false
	}
	rows, err := db.Query(ctx, `SELECT product, currency FROM sales_numbers WHERE number >= $1 ORDER BY number`, int64(n.Len()))
	if err != nil {
		return err
	}
	var product commerce.ID
	var currency string
	_, err = pgx.ForEachRow(rows, []any{(*[16]byte)(&product), &currency}, func() error {
		name := salesbook.Name{Product: product}
		copy(name.Currency[:], currency)
		n.Add(name)
		return nil
	})
	return err
}

// give returns the products' sums of a tally, not added up, and gives numbers to the products that have none.
// REQUIRES: the transaction holds salesLock, and forget is called when it is not committed.
func (n *salesNumbers) give(ctx context.Context, db querier, t *salesbook.Tally) ([]salesbook.ProductSum, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.loadLocked(ctx, db); err != nil {
		return nil, err
	}
	known := n.Len()
	list := t.Products(nil, func(name salesbook.Name) (salesbook.Number, bool) {
		number, ok := n.Find(name)
		if !ok {
			number = n.Add(name)
		}
		return number, true
	})
	if n.Len() == known {
		return list, nil
	}
	products, currencies := make([][16]byte, 0, n.Len()-known), make([]string, 0, n.Len()-known)
	for _, name := range n.Names()[known:] {
		products, currencies = append(products, name.Product), append(currencies, name.Currency.String())
	}
	_, err := db.Exec(ctx, `INSERT INTO sales_numbers (number, product, currency)
		SELECT $1::bigint + place - 1, product, currency FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS u (product, currency, place)`,
		int64(known), products, currencies)
	return list, err
}

// forget makes the numbers be read anew: a transaction that gave some out may not have been committed.
func (n *salesNumbers) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unsure = true
}
