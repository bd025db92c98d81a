package actors

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func (b *testBundle) named(name, category string, onHand int64) commerce.ID {
	b.t.Helper()
	receipt, err := b.engine.CreateProduct(&commerce.CreateProduct{
		Name: name, Category: category, OnHand: onHand,
		Price: commerce.Money{Amount: 900, Currency: commerce.DefaultCurrency()},
	})
	require.NoError(b.t, err)
	return receipt.Product.ID
}

// finds waits until a search finds exactly these products.
func (b *testBundle) finds(q ProductSearch, want ...commerce.ID) ProductPage {
	b.t.Helper()
	var page ProductPage
	q.Limit = 20
	require.Eventually(b.t, func() bool {
		var err error
		if page, err = b.engine.SearchProducts(q); err != nil {
			requireCode(b.t, commerce.CodeOverloaded, err) // still being built
			return false
		}
		if len(page.Rows) != len(want) {
			return false
		}
		for i := range want {
			if page.Rows[i].Product.ID != want[i] {
				return false
			}
		}
		return true
	}, 5*time.Second, time.Millisecond)
	require.Equal(b.t, len(want), page.Total)
	return page
}

func TestSearchProducts_FollowsWhatIsCommitted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kettle := b.named("Kettle · 주전자", "kitchen", 3)
	camping := b.named("Camping Kettle", "outdoor", 0)
	b.finds(ProductSearch{Text: "ketle"}, camping, kettle) // equally good: the newest first

	// What is sold, stock and prices show at once.
	in := true
	b.finds(ProductSearch{Text: "kettle", ProductFilter: ProductFilter{InStock: &in}}, kettle)
	_, err := b.engine.AdjustStock(&commerce.AdjustStock{Product: camping, Delta: 2})
	require.NoError(t, err)
	page, err := b.engine.SearchProducts(ProductSearch{Text: "kettle", Limit: 20, ProductFilter: ProductFilter{InStock: &in}})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)
	require.EqualValues(t, 2, page.Rows[0].Stock.OnHand)
	_, err = b.engine.PlaceOrder(order("", 3, kettle))
	require.NoError(t, err)
	page, err = b.engine.SearchProducts(ProductSearch{Text: "주전자", Limit: 20})
	require.NoError(t, err)
	require.EqualValues(t, 0, page.Rows[0].Stock.Available())
	_, err = b.engine.UpdateProduct(&commerce.UpdateProduct{Product: camping, Version: 1, Archive: true})
	require.NoError(t, err)
	page, err = b.engine.SearchProducts(ProductSearch{Text: "kettle", Limit: 20})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)

	// New texts show within a second.
	name := "Teapot"
	_, err = b.engine.UpdateProduct(&commerce.UpdateProduct{Product: kettle, Version: 1, Name: &name})
	require.NoError(t, err)
	b.finds(ProductSearch{Text: "teapot"}, kettle)
	b.finds(ProductSearch{Text: "주전자"})

	// A restarted engine finds the same.
	next := setupOn(t, b.store)
	next.finds(ProductSearch{Text: "teapot"}, kettle)
}

func TestProducts_ShowAChangeAsSoonAsItIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := func(filter ProductFilter) (names []string) {
		page, err := b.engine.Products(t.Context(), ProductQuery{ProductFilter: filter, Sort: SortName, Limit: 100})
		require.NoError(t, err)
		require.Len(t, page.Rows, page.Total)
		for _, row := range page.Rows {
			names = append(names, row.Product.Name)
		}
		return names
	}
	require.Empty(t, list(ProductFilter{}))
	in, out := true, false
	for i := range 20 {
		name := "p" + string(rune('a'+i))
		id := b.named(name, "c", 1)
		require.Contains(t, list(ProductFilter{}), name)
		require.Contains(t, list(ProductFilter{InStock: &in}), name)
		placed, err := b.engine.PlaceOrder(order("", 1, id))
		require.NoError(t, err)
		require.NotContains(t, list(ProductFilter{InStock: &in}), name)
		require.Contains(t, list(ProductFilter{InStock: &out}), name)
		_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: placed.Order.ID, To: commerce.StatusCancelled})
		require.NoError(t, err)
		require.Contains(t, list(ProductFilter{InStock: &in}), name)
		category := "other"
		_, err = b.engine.UpdateProduct(&commerce.UpdateProduct{Product: id, Version: 1, Category: &category})
		require.NoError(t, err)
		require.NotContains(t, list(ProductFilter{Category: "c"}), name)
	}
}

func TestSuggestProducts_NamesEachNameOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.named("Kettle", "c", 1)
	b.named("kettle", "c", 1)
	bell := b.named("Kettlebell", "c", 1)
	b.finds(ProductSearch{Text: "kettlebell"}, bell)
	got, err := b.engine.SuggestProducts("kettl", 10)
	require.NoError(t, err)
	var texts []string
	for _, s := range got {
		texts = append(texts, s.Text)
	}
	require.ElementsMatch(t, []string{"kettle", "Kettlebell"}, texts)
	require.NotContains(t, got, Suggestion{Text: "Kettle", Product: first}, "the newest of two that are called the same")
	got, err = b.engine.SuggestProducts("kettl", 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// The engine is ready before its catalogue has been read: orders are placed, lists wait, searches are refused
// for the moment.
func TestOpen_DoesNotWaitForTheIndex(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	before := setupOn(t, store)
	id := before.named("Kettle", "c", 5)
	_, err := before.engine.Products(t.Context(), ProductQuery{Limit: 1}) // its own scan has ended
	require.NoError(t, err)
	scan := make(chan struct{})
	store.scan = func() error {
		select {
		case <-scan:
			return nil
		case <-t.Context().Done():
			return errors.New("over")
		}
	}
	b := setupOn(t, store, func(c *Config) { c.CommandTimeout = 500 * time.Millisecond })
	require.True(t, b.engine.Health(t.Context()).Ready)
	_, err = b.engine.PlaceOrder(order("", 1, id))
	require.NoError(t, err)
	_, err = b.engine.SearchProducts(ProductSearch{Text: "kettle", Limit: 1})
	require.Positive(t, requireCode(t, commerce.CodeOverloaded, err).RetryAfter)
	_, err = b.engine.SuggestProducts("kettle", 1)
	requireCode(t, commerce.CodeOverloaded, err)
	_, err = b.engine.Products(t.Context(), ProductQuery{Limit: 1})
	requireCode(t, commerce.CodeOverloaded, err)
	second := b.named("Second Kettle", "c", 5) // made while the first listing is
	close(scan)
	page := b.finds(ProductSearch{Text: "kettle"}, id, second)
	require.EqualValues(t, 4, page.Rows[0].Stock.Available())
}

func TestSearchProducts_RefusesWhatCannotBeLookedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, text := range []string{"", "  -- ", strings.Repeat("x", SearchTextMax+1), "a1 a2 a3 a4 a5 a6 a7 a8 a9"} {
		_, err := b.engine.SearchProducts(ProductSearch{Text: text, Limit: 1})
		require.Equal(t, "q", requireCode(t, commerce.CodeValidation, err).Violations[0].Pointer)
		_, err = b.engine.SuggestProducts(text, 1)
		requireCode(t, commerce.CodeValidation, err)
	}
}

// The index rests while orders are placed, and ends with the engine in the middle of its work.
func TestIndex_RestsAndEnds(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for n := range 500 {
		s.add(n, "kettle", "c", 1, 1)
	}
	s.listAll()
	life, end := context.WithCancel(t.Context())
	asked := make(chan struct{}, 1)
	s.finder.busy = func() bool {
		signal(asked)
		return true
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.index(life, func(err error) { t.Error(err) })
	}()
	<-asked
	end()
	<-done
	require.Error(t, s.finder.ready())
}
