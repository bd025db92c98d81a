package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Benchmark measures Commit: orders of two items over 10,000 products, with idempotency keys, in
// batches of several sizes. One iteration is one order. The store is opened by open and should lie
// on a real disk.
func Benchmark(b *testing.B, open func(b *testing.B) persistence.Store) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("orders in batches of %d", size), func(b *testing.B) {
			benchmarkCommit(b, open(b), size)
		})
	}
}

func benchmarkCommit(b *testing.B, store persistence.Store, size int) {
	const products, customers = 10_000, 50_000
	writer, err := store.OpenWriter(b.Context())
	require.NoError(b, err)
	w := NewWorkload(1)
	w.Epoch = writer.Epoch()
	var catalogue []*commerce.Product
	var res persistence.Result
	seq := writer.NextSeq()
	for len(catalogue) < products {
		entries := make([]*commerce.Entry, 500)
		for i := range entries {
			entries[i] = w.Product("", commerce.OnHandMax)
			catalogue = append(catalogue, entries[i].Product.Row)
		}
		require.NoError(b, writer.Commit(b.Context(), w.Batch(seq, entries...), &res))
		seq++
	}
	batches := make([]*persistence.Batch, 0, b.N/size+1)
	for n := 0; n < b.N; n += size {
		entries := make([]*commerce.Entry, size)
		for i := range entries {
			customer := fmt.Sprintf("customer-%05d", w.rng.IntN(customers))
			entries[i] = w.Order(customer, fmt.Sprintf("key-%d", n+i),
				Line{Product: catalogue[w.rng.IntN(products)], Quantity: 1},
				Line{Product: catalogue[w.rng.IntN(products)], Quantity: 2})
			if (n+i)%20 == 0 {
				w.Advance(1e6)
			}
		}
		batches = append(batches, w.Batch(seq, entries...))
		seq++
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, batch := range batches {
		if err := writer.Commit(b.Context(), batch, &res); err != nil {
			b.Fatal(err)
		}
		for i := range res.Outcomes {
			if res.Outcomes[i].Kind != commerce.Applied {
				b.Fatalf("an order did not apply: outcome %d", res.Outcomes[i].Kind)
			}
		}
	}
}
