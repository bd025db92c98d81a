package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// textsRead writes texts that mean something to whoever quotes, escapes or searches carelessly.
func textsRead(b *bundle) {
	p, other := b.product(10), b.product(10)
	hostile := []string{
		`","product":"` + other.ID.String() + `"`, `{"items":[]}`, `\`, `\"`, `\u0041\\`, `'; --`, `$1`, `%s`, "a\tb\r\nc",
		"\x01\x1f\x7f", "\u2028\u2029\ufeff", "é e\u0301", "조명 💡 👩‍👩‍👧", " ", "null",
	}
	for _, text := range hostile {
		place := commerce.PlaceOrder{
			Caller: commerce.Trusted(text), Note: text,
			Address: commerce.Address{
				Recipient: text, Phone: text, Street: text, Street2: text, City: text, State: text, PostalCode: text, Country: text,
			},
			Lines: []commerce.OrderLine{{Product: p.ID, Quantity: 1}},
		}
		named := *p
		named.Name, named.SKU = text, text
		placed, err := place.NewEntry(b.w.ID(), place.Lines, []commerce.Offer{{Product: &named, Epoch: b.w.Epoch}}, b.w.Terms)
		require.NoError(b, err)
		cancel := commerce.TransitionOrder{
			Caller: commerce.Trusted(text), Order: placed.Order.Row.ID, To: commerce.StatusCancelled,
			Reason: text, Note: text, Carrier: text, TrackingNumber: text,
		}
		cancelled, err := cancel.NewEntry(placed.Order.Row, b.w.Now(), func(commerce.ID) uint64 { return b.w.Epoch }, time.Hour)
		require.NoError(b, err)
		b.apply(placed, cancelled)
		o := cancelled.Order.Row

		orders, err := b.store.Orders(b.Context(), persistence.OrderQuery{Customer: text, Product: p.ID, Limit: 10})
		require.NoError(b, err)
		require.Equal(b, []*commerce.Order{o}, orders, "%q", text)
		orders, err = b.store.Orders(b.Context(), persistence.OrderQuery{Customer: text, Product: other.ID, Limit: 10})
		require.NoError(b, err)
		require.Empty(b, orders, "%q", text)
		events, err := b.store.Events(b.Context(), o.ID, 0, 10)
		require.NoError(b, err)
		require.Equal(b, []commerce.Event{*placed.Event, *cancelled.Event}, events, "%q", text)
		lines, err := b.store.Movements(b.Context(), p.ID, 0, 2)
		require.NoError(b, err)
		require.Equal(b, []commerce.Movement{cancelled.Movements[0], placed.Movements[0]}, lines, "%q", text)
	}
	b.verify()
}
