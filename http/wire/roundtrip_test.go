package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// drawText draws any text that commerce takes.
func drawText(t *rapid.T, name string, min, max int) string {
	runes := rapid.Rune().Filter(func(r rune) bool {
		return r >= ' ' && r != 0x7f || r == '\n' || r == '\r' || r == '\t'
	})
	text := rapid.StringOfN(runes, min, max, -1)
	if min > 0 {
		text = text.Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
	}
	return text.Draw(t, name)
}

func drawID(t *rapid.T, name string) commerce.ID {
	return commerce.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
}

func drawAddress(t *rapid.T) commerce.Address {
	line := func(name string, min int) string { return drawText(t, name, min, commerce.AddressFieldMax) }
	return commerce.Address{
		Recipient: line("recipient", 0), Phone: line("phone", 0), Street: line("street", 1), Street2: line("street2", 0),
		City: line("city", 1), State: line("state", 0), PostalCode: line("postal_code", 1), Country: line("country", 0),
	}
}

func TestRequests_AreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()
	rapid.Check(t, func(t *rapid.T) {
		want := commerce.PlaceOrder{Address: drawAddress(t), Note: drawText(t, "note", 0, commerce.NoteMax)}
		for range rapid.IntRange(1, 6).Draw(t, "items") {
			line := commerce.OrderLine{
				Product: drawID(t, "product"), Quantity: rapid.Int64Range(1, commerce.QuantityMax).Draw(t, "quantity"),
			}
			if rapid.Bool().Draw(t, "priced") {
				price := rapid.Int64Range(0, commerce.PriceMax).Draw(t, "price")
				line.Price = &price
			}
			want.Lines = append(want.Lines, line)
		}
		var got commerce.PlaceOrder
		require.NoError(t, d.PlaceOrder(wire.AppendPlaceOrder(nil, &want), &got))
		require.Equal(t, want, got)
	})
	rapid.Check(t, func(t *rapid.T) {
		want := commerce.CreateProduct{
			Name:        drawText(t, "name", 1, commerce.NameMax),
			Description: drawText(t, "description", 0, commerce.DescriptionMax),
			Category:    drawText(t, "category", 0, commerce.CategoryMax),
			SKU:         drawText(t, "sku", 0, commerce.SKUMax),
			Price: commerce.Money{
				Amount:   rapid.Int64Range(0, commerce.PriceMax).Draw(t, "price"),
				Currency: commerce.DefaultCurrency(),
			},
			Attributes: rapid.SampledFrom([]string{"", `{"a":[1,{"b":"c"}]}`}).Draw(t, "attributes"),
			OnHand:     rapid.Int64Range(0, commerce.OnHandMax).Draw(t, "on_hand"),
		}
		var got commerce.CreateProduct
		require.NoError(t, d.CreateProduct(wire.AppendCreateProduct(nil, &want), &got))
		require.Equal(t, want, got)
	})
	rapid.Check(t, func(t *rapid.T) {
		want := commerce.TransitionOrder{
			To:     rapid.SampledFrom([]commerce.Status{commerce.StatusPaid, commerce.StatusCancelled}).Draw(t, "to"),
			Reason: drawText(t, "reason", 0, commerce.ReasonMax), Note: drawText(t, "note", 0, commerce.NoteMax),
			Carrier:        drawText(t, "carrier", 0, commerce.CarrierMax),
			TrackingNumber: drawText(t, "tracking_number", 0, commerce.TrackingNumberMax),
		}
		var got commerce.TransitionOrder
		require.NoError(t, d.Transition(wire.AppendTransition(nil, &want), &got))
		require.Equal(t, want, got)
	})
	rapid.Check(t, func(t *rapid.T) {
		want := commerce.AdjustStock{
			Delta:  rapid.Int64Range(1, commerce.QuantityMax).Draw(t, "delta"),
			Reason: commerce.Reason(drawText(t, "reason", 0, commerce.ReasonMax)),
		}
		if rapid.Bool().Draw(t, "negative") {
			want.Delta = -want.Delta
		}
		var got commerce.AdjustStock
		require.NoError(t, d.AdjustStock(wire.AppendAdjustStock(nil, &want), &got))
		require.Equal(t, want, got)
	})
}

// An independent reader finds in an answer what stood in the row.
func TestAnswers_SayWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := sampleOrder()
		o.Status = commerce.Status(rapid.IntRange(int(commerce.StatusPending), int(commerce.StatusMax)).Draw(t, "status"))
		o.Customer, o.Note = drawText(t, "customer", 1, commerce.UserIDMax), drawText(t, "note", 0, commerce.NoteMax)
		o.Address, o.Items[0].Name = drawAddress(t), drawText(t, "name", 1, commerce.NameMax)
		o.PlacedAt = time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "placed_at")).UTC()
		var got struct {
			ID         string `json:"id"`
			Status     string `json:"status"`
			CustomerID string `json:"customer_id"`
			Items      []struct {
				Name      string `json:"name"`
				LineTotal int64  `json:"line_total"`
			} `json:"items"`
			ShippingAddress struct {
				Street  string `json:"street"`
				Country string `json:"country"`
			} `json:"shipping_address"`
			Note      string     `json:"note"`
			PlacedAt  time.Time  `json:"placed_at"`
			ExpiresAt *time.Time `json:"expires_at"`
		}
		require.NoError(t, json.Unmarshal(wire.AppendOrder(nil, o), &got))
		require.Equal(t, o.ID.String(), got.ID)
		require.Equal(t, o.Status.String(), got.Status)
		require.Equal(t, o.Customer, got.CustomerID)
		require.Equal(t, o.Items[0].Name, got.Items[0].Name)
		require.Equal(t, int64(2400), got.Items[0].LineTotal)
		require.Equal(t, o.Address.Street, got.ShippingAddress.Street)
		require.Equal(t, o.Address.Country, got.ShippingAddress.Country)
		require.Equal(t, o.Note, got.Note)
		require.True(t, o.PlacedAt.Equal(got.PlacedAt))
		require.Equal(t, o.Status == commerce.StatusPending, got.ExpiresAt != nil)
	})
}
