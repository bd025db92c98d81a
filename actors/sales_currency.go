package actors

import (
	"bytes"
	"slices"

	"github.com/penstock-dev/penstock/commerce"
)

// byCurrency keeps something for each currency. There are few of them, and one after another is mostly the same.
type byCurrency[T any] struct {
	currencies []commerce.Currency
	values     []*T
	last       int
}

// of returns what is kept for a currency; isNew says that it is zero.
func (b *byCurrency[T]) of(c commerce.Currency) (value *T, isNew bool) {
	if b.last < len(b.currencies) && b.currencies[b.last] == c {
		return b.values[b.last], false
	}
	if b.last = slices.Index(b.currencies, c); b.last >= 0 {
		return b.values[b.last], false
	}
	b.last = len(b.currencies)
	b.currencies = append(b.currencies, c)
	b.values = append(b.values, new(T))
	return b.values[b.last], true
}

// sorted returns all that is kept, by currency.
func (b *byCurrency[T]) sorted() []T {
	order := make([]int, len(b.currencies))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return bytes.Compare(b.currencies[i][:], b.currencies[j][:]) })
	list := make([]T, len(order))
	for at, i := range order {
		list[at] = *b.values[i]
	}
	return list
}
