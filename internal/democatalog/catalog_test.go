package democatalog_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/democatalog"
)

func TestProductsAreValidAndDifferent(t *testing.T) {
	t.Parallel()
	products := democatalog.Products()
	require.Len(t, products, 200)
	skus, keys, names, categories := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]int{}
	for i := range products {
		p := &products[i]
		require.NoError(t, p.Validate(), p.Name)
		require.Equal(t, "KRW", p.Price.Currency.String())
		require.EqualValues(t, 900, p.Price.Amount%1000, p.Name)
		require.Positive(t, p.OnHand)
		skus[p.SKU], keys[p.Key], names[p.Name] = true, true, true
		categories[p.Category]++
	}
	require.Len(t, skus, 200)
	require.Len(t, keys, 200)
	require.Len(t, names, 200)
	require.Len(t, categories, 10)
}

func TestProductsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	require.Equal(t, democatalog.Products(), democatalog.Products())
	require.Equal(t, "Small Cast Iron Pan · 소형 무쇠 프라이팬", democatalog.Products()[0].Name)
}

// creator counts products, and fails after so many.
type creator struct {
	made  atomic.Int64
	limit int64
}

func (c *creator) CreateProduct(*commerce.CreateProduct) (actors.ProductReceipt, error) {
	if c.made.Add(1) > c.limit {
		return actors.ProductReceipt{}, errors.New("disk full")
	}
	return actors.ProductReceipt{}, nil
}

func TestSeed(t *testing.T) {
	t.Parallel()

	t.Run("makes every product once", func(t *testing.T) {
		t.Parallel()
		c := &creator{limit: 1000}
		require.NoError(t, democatalog.Seed(t.Context(), c))
		require.EqualValues(t, 200, c.made.Load())
	})

	t.Run("ends at the first error", func(t *testing.T) {
		t.Parallel()
		err := democatalog.Seed(t.Context(), &creator{limit: 10})
		require.ErrorContains(t, err, "make demo product")
		require.ErrorContains(t, err, "disk full")
	})

	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, democatalog.Seed(ctx, &creator{limit: 1000}), context.Canceled)
	})
}
