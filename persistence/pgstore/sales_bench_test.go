package pgstore

import (
	"testing"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// BenchmarkSalesNote measures what remembering an order of two items costs the writer. One iteration is one order.
func BenchmarkSalesNote(b *testing.B) {
	w := storetest.NewWorkload(1)
	var goods []*commerce.Product
	for range 1000 {
		goods = append(goods, w.Product("", 1).Product.Row)
	}
	batch := &persistence.Batch{}
	for i := range 64 {
		batch.Entries = append(batch.Entries, w.Order("ann", "",
			storetest.Line{Product: goods[i], Quantity: 1}, storetest.Line{Product: goods[500+i], Quantity: 2}))
	}
	outcomes := make([]commerce.Outcome, len(batch.Entries))
	for i := range outcomes {
		outcomes[i].Kind = commerce.Applied
	}
	var tail salesTail
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%64 > 0 {
			continue
		}
		batch.Seq++
		tail.note(1, batch, outcomes)
		if batch.Seq%150 == 0 {
			tail.drop(tail.take())
		}
	}
}
