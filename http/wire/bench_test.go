package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// orderBody is an order of two items as a shop sends it.
const orderBody = `{"items":[{"product_id":"01890a5d-ac96-774b-bcce-b302099a8057","quantity":2,"price":1200},` +
	`{"product_id":"01890a5d-ac96-774b-bcce-b302099a8058","quantity":1}],"shipping_address":{"recipient":"Kim",` +
	`"street":"1 Teheran-ro","city":"Seoul","postal_code":"06234","country":"KR"},"note":"leave at the door"}`

func BenchmarkDecodePlaceOrder(b *testing.B) {
	d := wire.NewDecoder()
	body := []byte(orderBody)
	b.ReportAllocs()
	for b.Loop() {
		var cmd commerce.PlaceOrder
		if err := d.PlaceOrder(body, &cmd); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendOrder(b *testing.B) {
	order := sampleOrder()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendOrder(dst[:0], order)
	}
	require.NotEmpty(b, dst)
}
