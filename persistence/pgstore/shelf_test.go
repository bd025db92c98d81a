package pgstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// shelf is a store with products, and with orders in several states and of several months.
type shelf struct {
	*Store
	url      string
	products []*commerce.Product
	orders   []*commerce.Order // shelfStates tells their states
	middle   time.Time         // when the order in the middle was placed
}

// shelfStates lists the states that the orders of a shelf are led through, in turn.
func shelfStates() [][]commerce.Status {
	return [][]commerce.Status{
		{},
		{commerce.StatusPaid},
		{commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped},
		{commerce.StatusPaid, commerce.StatusCancelled},
	}
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{url: newDatabase(t)}
	s.Store = openStore(t, s.url)
	writer, err := s.OpenWriter(t.Context())
	require.NoError(t, err)
	w := storetest.NewWorkload(1)
	w.Epoch = writer.Epoch()
	var res persistence.Result
	apply := func(e *commerce.Entry) *commerce.Entry {
		require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), e), &res))
		require.Equal(t, commerce.Applied, res.Outcomes[0].Kind)
		return e
	}
	for range 3 {
		s.products = append(s.products, apply(w.Product(w.SKU(), 1000)).Product.Row)
	}
	for i := range 40 {
		w.Advance(3 * 24 * time.Hour)
		if i == 20 {
			s.middle = w.Now()
		}
		o := apply(w.Order([]string{"ann", "ben"}[i/2%2], fmt.Sprint(i), storetest.Line{Product: s.products[i%3], Quantity: 1},
			storetest.Line{Product: s.products[(i+1)%3], Quantity: 2})).Order.Row
		for _, to := range shelfStates()[i%4] {
			o = apply(w.Transition(o, to, "")).Order.Row
		}
		s.orders = append(s.orders, o)
	}
	return s
}
