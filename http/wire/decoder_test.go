package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// badBody is a body that is refused. The file testdata/refused.txt shows how.
type badBody struct {
	name, body string
}

const (
	goodItem    = `{"product_id":"01890a5d-ac96-774b-bcce-b302099a8057","quantity":1}`
	goodAddress = `{"street":"1 Teheran-ro","city":"Seoul","postal_code":"06234"}`
)

func orderWith(items string) string {
	return `{"items":` + items + `,"shipping_address":` + goodAddress + `}`
}

func badOrders() []badBody {
	item := func(fields string) string { return orderWith(`[{` + fields + `}]`) }
	const product = `"product_id":"01890a5d-ac96-774b-bcce-b302099a8057"`
	return []badBody{
		{"empty", ""},
		{"blank", " \n"},
		{"not JSON", "items=1"},
		{"truncated in a string", `{"items":[{"product_id":"01890a5d-`},
		{"truncated after a name", `{"items"`},
		{"truncated before the end", orderWith("[" + goodItem + "]")[:150]},
		{"an array", `[]`},
		{"a string", `"order"`},
		{"null", `null`},
		{"two objects", orderWith("["+goodItem+"]") + `{}`},
		{"garbage after it", orderWith("["+goodItem+"]") + `x`},
		{"deeply nested items", `{"items":` + strings.Repeat("[", 100_000)},
		{"deeply nested unknown field", `{"x":` + strings.Repeat(`{"a":`, 50_000)},
		{"nested just too deep", `{"x":[[[[[[[[1]]]]]]]]}`},
		{"huge quantity", item(product + `,"quantity":1` + strings.Repeat("0", 10_000))},
		{"quantity beyond 64 bits", item(product + `,"quantity":9223372036854775808`)},
		{"quantity above the limit", item(product + `,"quantity":1000001`)},
		{"quantity zero", item(product + `,"quantity":0`)},
		{"quantity negative", item(product + `,"quantity":-1`)},
		{"quantity minus zero", item(product + `,"quantity":-0`)},
		{"fraction", item(product + `,"quantity":1.5`)},
		{"fraction of zero", item(product + `,"quantity":1.0`)},
		{"exponent", item(product + `,"quantity":1e3`)},
		{"huge exponent", item(product + `,"quantity":1e999999999`)},
		{"leading zero", item(product + `,"quantity":01`)},
		{"plus sign", item(product + `,"quantity":+1`)},
		{"NaN", item(product + `,"quantity":NaN`)},
		{"quantity as a string", item(product + `,"quantity":"1"`)},
		{"quantity null", item(product + `,"quantity":null`)},
		{"price null", item(product + `,"quantity":1,"price":null`)},
		{"price negative", item(product + `,"quantity":1,"price":-1`)},
		{"duplicate key", item(product + `,"quantity":1,"quantity":2`)},
		{"duplicate key, escaped", item(product + `,"quantity":1,"qu\u0061ntity":2`)},
		{"duplicate key at the top", `{"note":"a","note":"b"}`},
		{"invalid UTF-8 in a text", `{"note":"` + "\xff" + `"}`},
		{"invalid UTF-8 in a name", `{"no` + "\xc3\x28" + `te":""}`},
		{"overlong UTF-8", `{"note":"` + "\xc0\xaf" + `"}`},
		{"lone high surrogate", `{"note":"\ud83d"}`},
		{"lone low surrogate", `{"note":"\ude00 x"}`},
		{"surrogates the wrong way round", `{"note":"\ude00\ud83d"}`},
		{"NUL, escaped", `{"items":[` + goodItem + `],"shipping_address":` + goodAddress + `,"note":"a\u0000b"}`},
		{"NUL, raw", `{"note":"a` + "\x00" + `b"}`},
		{"line feed in a text", `{"note":"a` + "\n" + `b"}`},
		{"byte order mark", "\xef\xbb\xbf" + orderWith("["+goodItem+"]")},
		{"comment", `{/* an order */"items":[]}`},
		{"trailing comma", `{"items":[` + goodItem + `,]}`},
		{"single quotes", `{'items':[]}`},
		{"5,000 items", orderWith("[" + strings.Repeat(goodItem+",", 4_999) + goodItem + "]")},
		{"201 items", orderWith("[" + strings.Repeat(goodItem+",", 200) + goodItem + "]")},
		{"empty items", orderWith(`[]`)},
		{"items null", orderWith(`null`)},
		{"items an object", orderWith(`{}`)},
		{"items of other types", orderWith(`[1,"x",null,[` + goodItem + `]]`)},
		{"bad UUIDs", orderWith(`[{"product_id":"","quantity":1},{"product_id":"x","quantity":1},` +
			`{"product_id":"01890a5d-ac96-774b-bcce-b302099a805g","quantity":1},` +
			`{"product_id":"01890a5dac96774bbcceb302099a8057","quantity":1},{"product_id":7,"quantity":1}]`)},
		{"unknown fields", `{"items":[` + goodItem[:len(goodItem)-1] + `,"status":"paid","discount":{"percent":[1,2]}}],` +
			`"shipping_address":` + goodAddress + `,"total_amount":1,"customer_id":"kim"}`},
		{"unknown field with a long name", `{"` + strings.Repeat("x", 5_000) + `":1}`},
		{"names in another case", `{"Items":[],"SHIPPING_ADDRESS":{}}`},
		{"nothing in it", `{}`},
		{"nothing in an item", orderWith(`[{}]`)},
		{"nothing in the address", `{"items":[` + goodItem + `],"shipping_address":{}}`},
		{"empty texts", `{"items":[` + goodItem + `],"shipping_address":{"street":"","city":"","postal_code":""}}`},
		{"address a string", `{"items":[` + goodItem + `],"shipping_address":"Seoul"}`},
		{"address of wrong types", `{"items":[` + goodItem + `],"shipping_address":{"street":1,"city":true,"postal_code":6234}}`},
		{"long texts", `{"items":[` + goodItem + `],"shipping_address":{"street":"` + strings.Repeat("x", 201) +
			`","city":"y","postal_code":"z"},"note":"` + strings.Repeat("n", 1001) + `"}`},
		{"more faults than are listed", orderWith("[" + strings.Repeat(`{"product_id":1,"quantity":"x"},`, 100) + `1]`)},
	}
}

func badProducts() []badBody {
	with := func(field string) string { return `{"name":"Kettle","price":1200,"stock_quantity":5,` + field + `}` }
	return []badBody{
		{"nothing in it", `{}`},
		{"every field of a wrong type", `{"name":1,"price":"1","stock_quantity":null,"description":[],"currency":410,` +
			`"category":{},"sku":true,"attributes":"red"}`},
		{"beyond the limits", `{"name":"` + strings.Repeat("n", 201) + `","price":1000000000001,"stock_quantity":1000000001,` +
			`"sku":"` + strings.Repeat("s", 101) + `"}`},
		{"negative", `{"name":"n","price":-1,"stock_quantity":-1}`},
		{"price with a fraction", `{"name":"Kettle","price":12.50,"stock_quantity":5}`},
		{"currency that is none", with(`"currency":"XXX"`)},
		{"currency in small letters", with(`"currency":"krw"`)},
		{"fields the engine sets", with(`"id":"01890a5d-ac96-774b-bcce-b302099a8057","version":1`)},
		{"attributes an array", with(`"attributes":[]`)},
		{"attributes null", with(`"attributes":null`)},
		{"attributes too deep", with(`"attributes":{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}`)},
		{"attributes far too deep", with(`"attributes":` + strings.Repeat(`{"a":`, 9_000))},
		{"attributes too long", with(`"attributes":{"a":"` + strings.Repeat("x", commerce.AttributesMax) + `"}`)},
		{"attributes with NUL", with(`"attributes":{"a":["b\u0000"],"c\u0000":1}`)},
		{"attributes with huge numbers", with(`"attributes":{"a":1e400,"b":` + strings.Repeat("9", 33) + `}`)},
		{"attributes with duplicate keys", with(`"attributes":{"a":{"b":1,"b":2}}`)},
		{"attributes with a lone surrogate", with(`"attributes":{"a":"\ud800"}`)},
		{"name only NUL", `{"name":"\u0000","price":1,"stock_quantity":1}`},
	}
}

func badPatches() []badBody {
	return []badBody{
		{"nothing to change", `{}`},
		{"not an object", `[{"op":"replace","path":"/price","value":1}]`},
		{"fields that cannot go", `{"name":null,"price":null}`},
		{"empty name", `{"name":""}`},
		{"fields that change elsewhere", `{"stock_quantity":1,"stock":{"on_hand":1},"archived":true,"currency":"USD","version":2}`},
		{"unknown field", `{"colour":"red"}`},
		{"beyond the limits", `{"price":1000000000001,"description":"` + strings.Repeat("d", 5001) + `"}`},
		{"attributes of a wrong type", `{"attributes":7}`},
		{"attributes too long", `{"attributes":{"a":"` + strings.Repeat("x", commerce.AttributesMax) + `"}}`},
	}
}

func badSteps() []badBody {
	return []badBody{
		{"nothing in it", `{}`},
		{"a state that is none", `{"to":"lost"}`},
		{"a state that is a number", `{"to":2}`},
		{"long texts", `{"to":"shipped","carrier":"` + strings.Repeat("c", 101) + `","tracking_number":"` +
			strings.Repeat("t", 101) + `","reason":"` + strings.Repeat("r", 201) + `"}`},
		{"unknown field", `{"to":"paid","status":"paid"}`},
	}
}

func badChanges() []badBody {
	return []badBody{
		{"nothing in it", `{}`},
		{"no change", `{"quantity_change":0}`},
		{"too much", `{"quantity_change":-1000001}`},
		{"a fraction", `{"quantity_change":0.5}`},
		{"long reason", `{"quantity_change":1,"reason":"` + strings.Repeat("r", 201) + `"}`},
		{"reason of a wrong type", `{"quantity_change":1,"reason":["sold"]}`},
	}
}

func TestDecoder_RefusesBadBodies(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()
	var b strings.Builder
	show := func(title string, bodies []badBody, decode func(body []byte) error) {
		for _, bad := range bodies {
			err := decode([]byte(bad.body))
			fmt.Fprintf(&b, "%s: %s\n    %s\n", title, bad.name, excerpt(bad.body))
			var refusal *commerce.Error
			require.ErrorAs(t, err, &refusal, "%s: %s", title, bad.name)
			require.Equal(t, commerce.CodeValidation, refusal.Code)
			require.NotEmpty(t, refusal.Violations)
			require.LessOrEqual(t, len(refusal.Violations), wire.FaultsMax)
			for _, v := range refusal.Violations {
				fmt.Fprintf(&b, "  %q %s\n", v.Pointer, v.Detail)
			}
			b.WriteByte('\n')
		}
	}
	show("order", badOrders(), func(body []byte) error { return d.PlaceOrder(body, new(commerce.PlaceOrder)) })
	show("product", badProducts(), func(body []byte) error { return d.CreateProduct(body, new(commerce.CreateProduct)) })
	show("patch", badPatches(), func(body []byte) error { return d.ProductPatch(body, new(wire.ProductPatch)) })
	show("step", badSteps(), func(body []byte) error { return d.Transition(body, new(commerce.TransitionOrder)) })
	show("stock", badChanges(), func(body []byte) error { return d.AdjustStock(body, new(commerce.AdjustStock)) })
	show("cancel", []badBody{{"a status", `{"status":"cancelled"}`}, {"not an object", `"why"`}},
		func(body []byte) error { return d.Cancel(body, new(commerce.TransitionOrder)) })
	golden(t, "refused.txt", b.String())
}

// excerpt shows a body on one line.
func excerpt(body string) string {
	const shown = 150
	text := fmt.Sprintf("%q", body[:min(len(body), shown)])
	if len(body) > shown {
		text += fmt.Sprintf(" … (%d bytes)", len(body))
	}
	return text
}

func TestDecoder_ReadsWhatTheBodySays(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()

	var place commerce.PlaceOrder
	require.NoError(t, d.PlaceOrder([]byte(orderBody), &place))
	price := int64(1200)
	first, err := commerce.ParseID("01890a5d-ac96-774b-bcce-b302099a8057")
	require.NoError(t, err)
	second, err := commerce.ParseID("01890a5d-ac96-774b-bcce-b302099a8058")
	require.NoError(t, err)
	require.Equal(t, commerce.PlaceOrder{
		Lines: []commerce.OrderLine{{Product: first, Quantity: 2, Price: &price}, {Product: second, Quantity: 1}},
		Address: commerce.Address{
			Recipient: "Kim", Street: "1 Teheran-ro", City: "Seoul", PostalCode: "06234", Country: "KR",
		},
		Note: "leave at the door",
	}, place)

	var escaped commerce.PlaceOrder
	require.NoError(t, d.PlaceOrder([]byte(` { "note" : "\u00e9\n\ud83d\ude00" , "items":[`+goodItem+`],`+
		`"shipping_address":{"stre\u0065t":"\"1\"","city":"서울","postal_code":"0\\6"} } `), &escaped))
	require.Equal(t, "é\n😀", escaped.Note)
	require.Equal(t, commerce.Address{Street: `"1"`, City: "서울", PostalCode: `0\6`}, escaped.Address)

	var product commerce.CreateProduct
	require.NoError(t, d.CreateProduct([]byte(`{"attributes": { "a" : [ 1, {"b": null} ], "\u00e9":"\n" },`+
		`"name":"Kettle","price":1,"stock_quantity":0}`), &product))
	require.Equal(t, commerce.CreateProduct{
		Name: "Kettle", Price: commerce.Money{Amount: 1, Currency: commerce.DefaultCurrency()},
		Attributes: `{"a":[1,{"b":null}],"é":"\n"}`,
	}, product)

	var step commerce.TransitionOrder
	require.NoError(t, d.Transition([]byte(`{"to":"shipped","carrier":"CJ","tracking_number":"7"}`), &step))
	require.Equal(t, commerce.TransitionOrder{To: commerce.StatusShipped, Carrier: "CJ", TrackingNumber: "7"}, step)

	var change commerce.AdjustStock
	require.NoError(t, d.AdjustStock([]byte(`{"quantity_change":-5,"reason":"sold"}`), &change))
	require.Equal(t, commerce.AdjustStock{Delta: -5, Reason: "sold"}, change)

	var cancel commerce.TransitionOrder
	require.NoError(t, d.Cancel([]byte(`{}`), &cancel))
	require.Equal(t, commerce.TransitionOrder{To: commerce.StatusCancelled}, cancel)
}

func TestDecoder_AcceptsTheLimitsAndRefusesOneMore(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()
	items := func(n int) []byte {
		return []byte(orderWith("[" + strings.Repeat(goodItem+",", n-1) + goodItem + "]"))
	}
	require.NoError(t, d.PlaceOrder(items(commerce.OrderItemsMax), new(commerce.PlaceOrder)))
	require.Error(t, d.PlaceOrder(items(commerce.OrderItemsMax+1), new(commerce.PlaceOrder)))

	nested := func(levels int) []byte {
		return []byte(`{"name":"n","price":1,"stock_quantity":1,"attributes":` +
			strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels))
	}
	require.NoError(t, d.CreateProduct(nested(wire.AttributesDepthMax), new(commerce.CreateProduct)))
	require.Error(t, d.CreateProduct(nested(wire.AttributesDepthMax+1), new(commerce.CreateProduct)))
}

// A refused body must leave nothing behind in a decoder that is used again.
func TestDecoder_IsAsNewAfterARefusal(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()
	for _, bad := range badOrders() {
		require.Error(t, d.PlaceOrder([]byte(bad.body), new(commerce.PlaceOrder)), bad.name)
		var cmd commerce.PlaceOrder
		require.NoError(t, d.PlaceOrder([]byte(orderBody), &cmd), bad.name)
		require.Len(t, cmd.Lines, 2)
	}
}

// What a command holds must not change when the server uses the body's memory again.
func TestDecoder_KeepsNothingOfTheBody(t *testing.T) {
	t.Parallel()
	d := wire.NewDecoder()
	body := []byte(orderBody)
	var cmd commerce.PlaceOrder
	require.NoError(t, d.PlaceOrder(body, &cmd))
	before := cmd.Hash()
	for i := range body {
		body[i] = 0xA5
	}
	require.Equal(t, before, cmd.Hash())

	body = []byte(`{"name":"Kettle","price":1,"stock_quantity":1,"attributes":{"a":"b"}}`)
	var product commerce.CreateProduct
	require.NoError(t, d.CreateProduct(body, &product))
	hash := product.Hash()
	for i := range body {
		body[i] = 0xA5
	}
	require.Equal(t, hash, product.Hash())
}

func requireRefusal(t *testing.T, err error) *commerce.Error {
	t.Helper()
	var refusal *commerce.Error
	require.ErrorAs(t, err, &refusal)
	return refusal
}
