package commerce

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCreateProductValidate(t *testing.T) {
	t.Parallel()
	valid := func() *CreateProduct {
		return &CreateProduct{Name: "Cup", Price: Money{Amount: 900, Currency: DefaultCurrency()}}
	}
	require.NoError(t, valid().Validate())
	for pointer, spoil := range map[string]func(*CreateProduct){
		"/name":           func(c *CreateProduct) { c.Name = "" },
		"/description":    func(c *CreateProduct) { c.Description = strings.Repeat("d", DescriptionMax+1) },
		"/category":       func(c *CreateProduct) { c.Category = strings.Repeat("c", CategoryMax+1) },
		"/sku":            func(c *CreateProduct) { c.SKU = strings.Repeat("s", SKUMax+1) },
		"/price":          func(c *CreateProduct) { c.Price.Amount = PriceMax + 1 },
		"/attributes":     func(c *CreateProduct) { c.Attributes = strings.Repeat("a", AttributesMax+1) },
		"/stock_quantity": func(c *CreateProduct) { c.OnHand = OnHandMax + 1 },
	} {
		cmd := valid()
		spoil(cmd)
		var refusal *Error
		require.ErrorAs(t, cmd.Validate(), &refusal, pointer)
		require.Equal(t, pointer, refusal.Violations[0].Pointer)
	}
	atLimit := valid()
	atLimit.Name, atLimit.OnHand, atLimit.Price.Amount = strings.Repeat("n", NameMax), OnHandMax, PriceMax
	require.NoError(t, atLimit.Validate())
}

func TestUpdateProduct(t *testing.T) {
	t.Parallel()
	current := testProduct(1, 500, "KRW")
	current.SKU = "old"
	name, price, sku, empty := "New", int64(700), "new", ""
	at := time.UnixMilli(1_800_000_000_000).UTC()

	entry, err := (&UpdateProduct{Version: 1, Name: &name, Price: &price, SKU: &sku}).NewEntry(current, at)
	require.NoError(t, err)
	row := entry.Product.Row
	require.Equal(t, []any{"New", int64(700), "new", uint64(2), at}, []any{row.Name, row.Price.Amount, row.SKU, row.Version, row.UpdatedAt})
	require.Equal(t, "old", entry.Product.PreviousSKU)
	require.Empty(t, entry.Movements, "an edit never touches stock")
	require.Equal(t, "product", current.Name, "the shared row stays as it was")

	_, err = (&UpdateProduct{Version: 2, Name: &name}).NewEntry(current, at)
	require.Equal(t, CodePrecondition, codeOf(t, err))
	_, err = (&UpdateProduct{Version: 1, Name: &empty}).NewEntry(current, at)
	require.Equal(t, CodeValidation, codeOf(t, err))

	archived, err := (&UpdateProduct{Version: 1, Archive: true}).NewEntry(current, at)
	require.NoError(t, err)
	line := OrderLine{Product: current.ID, Quantity: 1}
	require.Nil(t, line.Check(current))
	require.Equal(t, CodeProductArchived, line.Check(archived.Product.Row).Code)
	line.Price = &price
	require.Equal(t, CodePriceChanged, line.Check(current).Code)
	require.Equal(t, int64(500), line.Check(current).Price.Amount)
}

func TestAdjustStockValidate(t *testing.T) {
	t.Parallel()
	for delta, ok := range map[int64]bool{
		0: false, 1: true, -1: true, QuantityMax: true, -QuantityMax: true, QuantityMax + 1: false, -QuantityMax - 1: false,
	} {
		require.Equal(t, ok, (&AdjustStock{Delta: delta}).Validate() == nil, delta)
	}
	require.Error(t, (&AdjustStock{Delta: 1, Reason: ReasonPlaced}).Validate(), "the ledger's own words cannot be forged")
	require.NoError(t, (&AdjustStock{Delta: 1, Reason: ReasonAdjust}).Validate())
	require.Error(t, (&AdjustStock{Delta: 1, Reason: Reason(strings.Repeat("r", ReasonMax+1))}).Validate())
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"KRW", "USD", "BRL", "AED", "ZWG"} {
		c, ok := ParseCurrency(code)
		require.True(t, ok, code)
		require.Equal(t, code, c.String())
	}
	for _, code := range []string{"", "KR", "krw", "XXX", "ED ", "KRWW", "D AFN"} {
		_, ok := ParseCurrency(code)
		require.False(t, ok, code)
	}
}
