package pgstore

import (
	"bytes"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// names are the rows that the entries of a batch name, each once.
type names struct {
	keys, orders, products, stock [][16]byte
	skus                          []string
	partitions                    []int16
	audit                         bool // the end of the audit log
}

func namesOf(batch *persistence.Batch) *names {
	n := &names{skus: []string{}, partitions: []int16{}}
	for _, e := range batch.Entries {
		if e.Key != nil {
			n.keys = append(n.keys, e.Key.ID)
		}
		if e.Order != nil {
			n.orders = append(n.orders, e.Order.Row.ID)
		}
		if e.Product != nil {
			n.products = append(n.products, e.Product.Row.ID)
			// What cannot be a SKU, because PostgreSQL has no such text, is nobody's.
			if sku := e.Product.Row.SKU; sku != "" && storableText(sku) {
				n.skus = append(n.skus, sku)
			}
		}
		n.audit = n.audit || e.Audit != nil
		for i := range e.Movements {
			n.stock = append(n.stock, e.Movements[i].Product)
			n.partitions = append(n.partitions, int16(e.Movements[i].Product.Partition()))
		}
	}
	for _, ids := range [...]*[][16]byte{&n.keys, &n.orders, &n.products, &n.stock} {
		slices.SortFunc(*ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
		*ids = slices.Compact(*ids)
	}
	slices.Sort(n.partitions)
	n.partitions = slices.Compact(n.partitions)
	return n
}

// movedBy returns the products that applied entries move, sorted, with the number of lines of each.
func movedBy(batch *persistence.Batch, outcomes []commerce.Outcome) (products [][16]byte, lines []int64) {
	count := make(map[commerce.ID]int64)
	for i, e := range batch.Entries {
		if outcomes[i].Kind != commerce.Applied {
			continue
		}
		for j := range e.Movements {
			count[e.Movements[j].Product]++
		}
	}
	for id := range count {
		products = append(products, id)
	}
	slices.SortFunc(products, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range products {
		lines = append(lines, count[id])
	}
	return products, lines
}
