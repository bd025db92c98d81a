package http

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func TestChangeProduct_ThatNeverComesFirstEndsAsOverload(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.QueryTimeout = 30 * time.Millisecond })
	b.engine.updateProduct = func(*commerce.UpdateProduct) (actors.ProductReceipt, error) {
		return actors.ProductReceipt{}, &commerce.Error{Code: commerce.CodePrecondition, Detail: "changed"}
	}
	for _, c := range []call{
		{"PATCH", productPath(2, ""), `{"price":1}`, []string{headerIfMatch, "*"}},
		{"DELETE", productPath(2, ""), "", nil},
	} {
		a := b.do(t, c)
		require.Equal(t, 503, a.status)
		require.Contains(t, a.body, `"code":"overloaded"`)
		require.Equal(t, "1", a.field("Retry-After"))
	}
}

func TestChangeProduct_ThatFitsAnyVersionIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	changed := &commerce.Error{Code: commerce.CodePrecondition, Detail: "changed"}
	failures := 2
	b.engine.updateProduct = func(*commerce.UpdateProduct) (actors.ProductReceipt, error) {
		if failures--; failures >= 0 {
			return actors.ProductReceipt{}, changed
		}
		row := sampleRow()
		return actors.ProductReceipt{Product: row.Product, Stock: row.Stock}, nil
	}
	any, version := []string{headerIfMatch, "*"}, []string{headerIfMatch, `"12-1"`}
	require.Equal(t, 200, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, any}).status)
	failures = 20
	require.Equal(t, 200, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, any}).status, "* always holds")
	failures = 1
	require.Equal(t, 412, b.do(t, call{"PATCH", productPath(2, ""), `{"price":1}`, version}).status, "not a change of one version")
	failures = 2
	require.Equal(t, 200, b.do(t, call{"DELETE", productPath(2, ""), "", nil}).status)

	b.engine.seen()
	archived := sampleRow()
	archived.Product.Archived = true
	b.engine.product = func(context.Context, commerce.ID) (persistence.ProductRow, error) { return archived, nil }
	a := b.do(t, call{"DELETE", productPath(2, ""), "", nil})
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `"archived":true`)
	require.Empty(t, b.engine.seen(), "archiving twice changes nothing")
}
