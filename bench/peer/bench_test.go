package peer

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/pgtest"
)

// BenchmarkPlace places orders on the peers that stand on PostgreSQL, without HTTP.
func BenchmarkPlace(b *testing.B) {
	server, err := pgtest.Start(b.Context(), pgtest.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	past, err := history.New(history.Config{Orders: 10_000})
	require.NoError(b, err)
	var products []commerce.ID
	for e := range past.Products(0) {
		products = append(products, e.Product.Row.ID)
	}
	for _, name := range []string{RowLock, Statement} {
		require.NoError(b, server.CreateDatabase(b.Context(), name))
		url := server.URL(name)
		require.NoError(b, Prepare(b.Context(), url, past, nil))
		s, err := open(b.Context(), Config{Name: name, DatabaseURL: url})
		require.NoError(b, err)
		var keys atomic.Int64
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(run *testing.PB) {
				for run.Next() {
					cmd := &commerce.PlaceOrder{
						Caller: commerce.Trusted("ann"), Key: strconv.FormatInt(keys.Add(1), 10), Address: commerce.Address{Street: "a", City: "b", PostalCode: "c"},
						Lines: []commerce.OrderLine{{Product: products[rand.IntN(5000)], Quantity: 1}, {Product: products[5000+rand.IntN(5000)], Quantity: 1}},
					}
					if _, err := s.place(context.Background(), cmd); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
		s.close()
	}
}
