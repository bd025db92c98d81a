package commerce

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func testID(n byte) ID {
	id := IDFloor(time.UnixMilli(1_700_000_000_000 + int64(n)))
	id[15] = n
	return id
}

func testProduct(n byte, price int64, currency string) *Product {
	c, _ := ParseCurrency(currency)
	return &Product{ID: testID(n), Name: "product", Price: Money{Amount: price, Currency: c}, Version: 1}
}

func testAddress() Address {
	return Address{Street: "1 Mill Lane", City: "Busan", PostalCode: "48058"}
}

func codeOf(t *testing.T, err error) Code {
	t.Helper()
	var refusal *Error
	require.ErrorAs(t, err, &refusal)
	return refusal.Code
}

func noEpoch(ID) uint64 { return 0 }

func TestPlaceOrderValidate(t *testing.T) {
	t.Parallel()
	price := func(v int64) *int64 { return &v }
	valid := func() *PlaceOrder {
		return &PlaceOrder{Lines: []OrderLine{{Product: testID(1), Quantity: 1}}, Address: testAddress()}
	}
	require.NoError(t, valid().Validate())

	for name, tc := range map[string]struct {
		spoil   func(*PlaceOrder)
		pointer string // empty: still valid
	}{
		"no items":                     {func(c *PlaceOrder) { c.Lines = nil }, "/items"},
		"as many items as allowed":     {func(c *PlaceOrder) { c.Lines = many(OrderItemsMax) }, ""},
		"one item too many":            {func(c *PlaceOrder) { c.Lines = many(OrderItemsMax + 1) }, "/items"},
		"no quantity":                  {func(c *PlaceOrder) { c.Lines[0].Quantity = 0 }, "/items/0/quantity"},
		"negative quantity":            {func(c *PlaceOrder) { c.Lines[0].Quantity = -1 }, "/items/0/quantity"},
		"largest quantity":             {func(c *PlaceOrder) { c.Lines[0].Quantity = QuantityMax }, ""},
		"quantity too large":           {func(c *PlaceOrder) { c.Lines[0].Quantity = QuantityMax + 1 }, "/items/0/quantity"},
		"largest price":                {func(c *PlaceOrder) { c.Lines[0].Price = price(PriceMax) }, ""},
		"price too large":              {func(c *PlaceOrder) { c.Lines[0].Price = price(PriceMax + 1) }, "/items/0/price"},
		"negative price":               {func(c *PlaceOrder) { c.Lines[0].Price = price(-1) }, "/items/0/price"},
		"no street":                    {func(c *PlaceOrder) { c.Address.Street = "" }, "/shipping_address/street"},
		"a street of spaces":           {func(c *PlaceOrder) { c.Address.Street = " \t\u3000" }, "/shipping_address/street"},
		"longest street in Hangul":     {func(c *PlaceOrder) { c.Address.Street = strings.Repeat("길", AddressFieldMax) }, ""},
		"an escape in the note":        {func(c *PlaceOrder) { c.Note = "a\x1b[31m" }, "/note"},
		"two lines in the note":        {func(c *PlaceOrder) { c.Note = "a\r\n\tb" }, ""},
		"no city":                      {func(c *PlaceOrder) { c.Address.City = "" }, "/shipping_address/city"},
		"no postal code":               {func(c *PlaceOrder) { c.Address.PostalCode = "" }, "/shipping_address/postal_code"},
		"longest street":               {func(c *PlaceOrder) { c.Address.Street = strings.Repeat("x", AddressFieldMax) }, ""},
		"street too long":              {func(c *PlaceOrder) { c.Address.Street = strings.Repeat("x", AddressFieldMax+1) }, "/shipping_address/street"},
		"a NUL in the note":            {func(c *PlaceOrder) { c.Note = "a\x00b" }, "/note"},
		"a note that is not UTF-8":     {func(c *PlaceOrder) { c.Note = "\xff" }, "/note"},
		"longest note":                 {func(c *PlaceOrder) { c.Note = strings.Repeat("n", NoteMax) }, ""},
		"note too long":                {func(c *PlaceOrder) { c.Note = strings.Repeat("n", NoteMax+1) }, "/note"},
		"longest key":                  {func(c *PlaceOrder) { c.Key = strings.Repeat("k", IdempotencyKeyMax) }, ""},
		"key too long":                 {func(c *PlaceOrder) { c.Key = strings.Repeat("k", IdempotencyKeyMax+1) }, "Idempotency-Key"},
		"a space in the key":           {func(c *PlaceOrder) { c.Key = "a b" }, "Idempotency-Key"},
		"a letter beyond ASCII in key": {func(c *PlaceOrder) { c.Key = "ä" }, "Idempotency-Key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := valid()
			tc.spoil(cmd)
			err := cmd.Validate()
			if tc.pointer == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, CodeValidation, codeOf(t, err))
			var refusal *Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, tc.pointer, refusal.Violations[0].Pointer)
		})
	}

	t.Run("lists every fault at once", func(t *testing.T) {
		t.Parallel()
		err := (&PlaceOrder{Lines: []OrderLine{{Quantity: -1}}}).Validate()
		var refusal *Error
		require.ErrorAs(t, err, &refusal)
		require.Len(t, refusal.Violations, 4)
	})
}

func many(n int) []OrderLine {
	lines := make([]OrderLine, n)
	for i := range lines {
		lines[i] = OrderLine{Product: testID(byte(i)), Quantity: 1}
	}
	return lines
}

func TestMerge(t *testing.T) {
	t.Parallel()

	t.Run("adds up, sorts, and keeps the units", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			wants := make(map[ID]int64)
			cmd := &PlaceOrder{}
			for range rapid.IntRange(1, 50).Draw(t, "lines") {
				id, quantity := testID(rapid.Byte().Draw(t, "product")), rapid.Int64Range(1, 1000).Draw(t, "quantity")
				wants[id] += quantity
				cmd.Lines = append(cmd.Lines, OrderLine{Product: id, Quantity: quantity})
			}
			lines, err := cmd.Merge()
			require.NoError(t, err)
			require.Len(t, lines, len(wants))
			for i, line := range lines {
				require.Equal(t, wants[line.Product], line.Quantity)
				if i > 0 {
					require.Negative(t, lines[i-1].Product.Compare(line.Product))
				}
			}
		})
	})

	t.Run("refuses a sum beyond the limit", func(t *testing.T) {
		t.Parallel()
		cmd := &PlaceOrder{Lines: []OrderLine{{testID(1), QuantityMax, nil}, {testID(1), 1, nil}}}
		_, err := cmd.Merge()
		require.Equal(t, CodeValidation, codeOf(t, err))
	})

	t.Run("refuses two prices for one product, and keeps one", func(t *testing.T) {
		t.Parallel()
		one, two := int64(1), int64(2)
		_, err := (&PlaceOrder{Lines: []OrderLine{{testID(1), 1, &one}, {testID(1), 1, &two}}}).Merge()
		require.Equal(t, CodeValidation, codeOf(t, err))
		lines, err := (&PlaceOrder{Lines: []OrderLine{{testID(1), 1, nil}, {testID(1), 1, &two}}}).Merge()
		require.NoError(t, err)
		require.Equal(t, &two, lines[0].Price)
	})
}

func place(t *testing.T, quantity int64, products ...*Product) (*Entry, error) {
	t.Helper()
	cmd := &PlaceOrder{Caller: Trusted("ann"), Key: "k", Address: testAddress()}
	offers := make([]Offer, len(products))
	for i, p := range products {
		cmd.Lines = append(cmd.Lines, OrderLine{Product: p.ID, Quantity: quantity})
		offers[i] = Offer{Product: p, Epoch: 3}
	}
	lines, err := cmd.Merge()
	require.NoError(t, err)
	return cmd.NewEntry(testID(100), lines, offers, Terms{PaymentTimeout: time.Minute, KeyTTL: time.Hour})
}

func TestPlaceOrderEntry(t *testing.T) {
	t.Parallel()

	t.Run("carries everything one placing changes", func(t *testing.T) {
		t.Parallel()
		entry, err := place(t, 3, testProduct(1, 500, "KRW"), testProduct(2, 20, "KRW"))
		require.NoError(t, err)
		order := entry.Order.Row
		require.Equal(t, Money{Amount: 1560, Currency: DefaultCurrency()}, order.Total)
		require.Equal(t, order.ID.Time(), order.PlacedAt)
		require.Equal(t, order.PlacedAt.Add(time.Minute), order.ExpiresAt)
		require.Equal(t, int64(3), order.Quantity(testID(2)))
		require.Zero(t, order.Quantity(testID(9)))
		require.Equal(t, uint64(1), order.Version)
		require.Len(t, entry.Movements, 2)
		for _, m := range entry.Movements {
			require.Equal(t, int64(3), m.AllocatedDelta)
			require.Zero(t, m.OnHandDelta)
			require.Equal(t, uint64(3), m.Epoch)
		}
		require.Equal(t, EventOrderPlaced, entry.Event.Type)
		require.Equal(t, order.ID, entry.Key.Resource)
		require.Equal(t, order.PlacedAt.Add(time.Hour), entry.Key.ExpiresAt)
	})

	t.Run("refuses two currencies", func(t *testing.T) {
		t.Parallel()
		_, err := place(t, 1, testProduct(1, 500, "KRW"), testProduct(2, 20, "EUR"))
		require.Equal(t, CodeCurrencyMismatch, codeOf(t, err))
	})

	t.Run("refuses a total that would overflow", func(t *testing.T) {
		t.Parallel()
		_, err := place(t, QuantityMax, testProduct(1, PriceMax, "KRW"))
		require.Equal(t, CodeValidation, codeOf(t, err))
	})
}

func TestAmountsNeverWrap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, math.MaxInt64).Draw(t, "a")
		b := rapid.Int64Range(0, math.MaxInt64).Draw(t, "b")
		product, ok := mulAmount(a, b)
		if ok {
			require.LessOrEqual(t, product, AmountMax)
			if b != 0 {
				require.Equal(t, a, product/b)
			}
		}
		x, y := min(a, AmountMax), min(b, AmountMax)
		sum, ok := addAmount(x, y)
		require.Equal(t, uint64(x)+uint64(y) <= uint64(AmountMax), ok)
		if ok {
			require.Equal(t, x+y, sum)
		}
	})
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	entry, err := place(t, 3, testProduct(1, 500, "KRW"))
	require.NoError(t, err)
	events := []Event{*entry.Event}
	order, at := entry.Order.Row, entry.Order.Row.PlacedAt
	versions := []*Order{order}
	step := func(cmd *TransitionOrder) *Entry {
		at = at.Add(time.Minute)
		next, err := cmd.NewEntry(order, at, noEpoch, time.Hour)
		require.NoError(t, err)
		require.Equal(t, order.Version, next.Order.Expect)
		require.Equal(t, order.Status, next.Order.PreviousStatus)
		order = next.Order.Row
		versions, events = append(versions, order), append(events, *next.Event)
		return next
	}

	require.Empty(t, step(&TransitionOrder{Caller: Trusted("clerk"), To: StatusPaid}).Movements)
	require.Empty(t, step(&TransitionOrder{Caller: Trusted("clerk"), To: StatusProcessing}).Movements)
	shipped := step(&TransitionOrder{Caller: Trusted("clerk"), To: StatusShipped, Carrier: "CJ", TrackingNumber: "42", Key: "s"})
	require.Equal(t, int64(-3), shipped.Movements[0].OnHandDelta)
	require.Equal(t, int64(-3), shipped.Movements[0].AllocatedDelta)
	require.Equal(t, uint64(4), shipped.Key.Version)
	step(&TransitionOrder{Caller: Trusted("clerk"), To: StatusDelivered})
	require.Equal(t, "CJ", order.Carrier)

	_, err = (&TransitionOrder{Caller: Trusted("clerk"), To: StatusCancelled}).NewEntry(order, at, noEpoch, time.Hour)
	require.Equal(t, CodeInvalidTransition, codeOf(t, err))
	require.ErrorContains(t, err, "only completed")

	for i, version := range versions {
		require.Equal(t, version, order.AsOf(events[:i+1]), "version %d", version.Version)
	}

	t.Run("cancelling gives the allocation back", func(t *testing.T) {
		t.Parallel()
		cancel, err := (&TransitionOrder{Caller: Trusted("clerk"), To: StatusCancelled, Reason: "changed my mind"}).
			NewEntry(versions[1], at, noEpoch, time.Hour)
		require.NoError(t, err)
		require.Zero(t, cancel.Movements[0].OnHandDelta)
		require.Equal(t, int64(-3), cancel.Movements[0].AllocatedDelta)
		require.Equal(t, "changed my mind", cancel.Order.Row.CancelReason)
		_, err = (&TransitionOrder{Caller: Trusted("clerk"), To: StatusPaid}).NewEntry(cancel.Order.Row, at, noEpoch, time.Hour)
		require.ErrorContains(t, err, "last state")
	})
}

func TestHashesTellCommandsApart(t *testing.T) {
	t.Parallel()
	price := int64(0)
	orders := []*PlaceOrder{
		{Lines: many(1)},
		{Lines: many(2)},
		{Lines: []OrderLine{{testID(0), 2, nil}}},
		{Lines: []OrderLine{{testID(0), 1, &price}}},
		{Lines: many(1), Note: "x"},
		{Lines: many(1), Address: Address{Street: "x"}},
		{Lines: many(1), Address: Address{City: "x"}},
		{Lines: many(1), Address: Address{Street: "x", City: "x"}},
		{Lines: many(1), Address: Address{Street: "xx"}},
	}
	seen := make(map[RequestHash]int)
	for i, order := range orders {
		other, taken := seen[order.Hash()]
		require.False(t, taken, "%d and %d", i, other)
		seen[order.Hash()] = i
		require.Equal(t, order.Hash(), order.Hash())
	}
	require.NotEqual(t, NewKeyID(Trusted("ann"), OperationPlaceOrder, ID{}, "k"), NewKeyID(Trusted("bob"), OperationPlaceOrder, ID{}, "k"))
	require.NotEqual(t, NewKeyID(Trusted("a"), OperationPlaceOrder, ID{}, "bk"), NewKeyID(Trusted("ab"), OperationPlaceOrder, ID{}, "k"))
	require.NotEqual(t, NewKeyID(Trusted("a"), OperationAdjustStock, ID{}, "k"), NewKeyID(Trusted("a"), OperationAdjustStock, testID(1), "k"))
}
