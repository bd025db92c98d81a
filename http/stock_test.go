package http

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
)

// What was asked for in the query is found wanting there, by the engine too.
func TestAdjustStock_NamesTheParameterThatTheEngineRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.engine.adjustStock = func(*commerce.AdjustStock) (actors.StockReceipt, error) {
		return actors.StockReceipt{}, &commerce.Error{
			Code: commerce.CodeValidation, Violations: []commerce.Violation{{Pointer: "/quantity_change", Detail: "is too much"}},
		}
	}
	a := b.do(t, call{"POST", productPath(2, "/stock/update?quantity_change=5"), "", nil})
	require.Equal(t, 400, a.status)
	require.Contains(t, a.body, `{"parameter":"quantity_change","detail":"is too much"}`)
	a = b.do(t, call{"POST", productPath(2, "/stock/update"), `{"quantity_change":5}`, nil})
	require.Contains(t, a.body, `{"pointer":"/quantity_change","detail":"is too much"}`)
}
