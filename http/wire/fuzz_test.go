package wire_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// judge checks what holds for every body. It returns whether the body was accepted.
func judge(t *testing.T, body []byte, err error) bool {
	t.Helper()
	if err != nil {
		refusal := requireRefusal(t, err)
		require.Equal(t, commerce.CodeValidation, refusal.Code)
		require.NotEmpty(t, refusal.Violations)
		require.LessOrEqual(t, len(refusal.Violations), wire.FaultsMax)
		for _, v := range refusal.Violations {
			require.NotEmpty(t, v.Detail)
			require.True(t, v.Pointer == "" || strings.HasPrefix(v.Pointer, "/"), v.Pointer)
			require.LessOrEqual(t, len(v.Pointer), 200)
			require.LessOrEqual(t, len(v.Detail), 200)
		}
		return false
	}
	require.True(t, isOneValue(body), "accepted what is not JSON: %q", body)
	return true
}

// isOneValue asks the lexer alone whether a text is one strict JSON value.
func isOneValue(body []byte) bool {
	d := jsontext.NewDecoder(strings.NewReader(string(body)))
	if _, err := d.ReadValue(); err != nil {
		return false
	}
	_, err := d.ReadToken()
	return errors.Is(err, io.EOF)
}

func addSeeds(f *testing.F, bodies []badBody, more ...string) {
	for _, bad := range bodies {
		if len(bad.body) < 4096 {
			f.Add([]byte(bad.body))
		}
	}
	for _, body := range more {
		f.Add([]byte(body))
	}
}

func FuzzPlaceOrder(f *testing.F) {
	addSeeds(f, badOrders(), orderBody)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var cmd commerce.PlaceOrder
		if !judge(t, body, d.PlaceOrder(body, &cmd)) {
			return
		}
		require.NoError(t, cmd.Validate())
		var again commerce.PlaceOrder
		require.NoError(t, d.PlaceOrder(wire.AppendPlaceOrder(nil, &cmd), &again))
		require.Equal(t, cmd, again)
	})
}

func FuzzCreateProduct(f *testing.F) {
	addSeeds(f, badProducts(), `{"name":"Kettle","price":1200,"stock_quantity":5,"attributes":{"a":[1.5,{"b":null}]}}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var cmd commerce.CreateProduct
		if !judge(t, body, d.CreateProduct(body, &cmd)) {
			return
		}
		require.NoError(t, cmd.Validate())
		var again commerce.CreateProduct
		require.NoError(t, d.CreateProduct(wire.AppendCreateProduct(nil, &cmd), &again))
		require.Equal(t, cmd, again)
	})
}

func FuzzProductPatch(f *testing.F) {
	addSeeds(f, badPatches(), `{"name":"Pot","price":1,"sku":null,"attributes":{"colour":null,"x":{"y":1}}}`, `{"attributes":null}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var patch wire.ProductPatch
		if !judge(t, body, d.ProductPatch(body, &patch)) {
			return
		}
		product, _ := sampleProduct()
		cmd, err := patch.Apply(product, commerce.Trusted("kim"))
		require.NoError(t, err)
		if cmd.Attributes != nil && *cmd.Attributes != "" {
			require.True(t, isOneValue([]byte(*cmd.Attributes)), *cmd.Attributes)
			require.LessOrEqual(t, len(*cmd.Attributes), commerce.AttributesMax)
		}
	})
}

func FuzzTransition(f *testing.F) {
	addSeeds(f, badSteps(), `{"to":"shipped","carrier":"CJ","tracking_number":"7","note":"n","reason":"r"}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var cmd commerce.TransitionOrder
		if judge(t, body, d.Transition(body, &cmd)) {
			var again commerce.TransitionOrder
			require.NoError(t, d.Transition(wire.AppendTransition(nil, &cmd), &again))
			require.Equal(t, cmd, again)
		}
		judge(t, body, d.Cancel(body, new(commerce.TransitionOrder)))
	})
}

func FuzzAdjustStock(f *testing.F) {
	addSeeds(f, badChanges(), `{"quantity_change":-5,"reason":"sold"}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var cmd commerce.AdjustStock
		if judge(t, body, d.AdjustStock(body, &cmd)) {
			var again commerce.AdjustStock
			require.NoError(t, d.AdjustStock(wire.AppendAdjustStock(nil, &cmd), &again))
			require.Equal(t, cmd, again)
		}
	})
}

func FuzzCreateKey(f *testing.F) {
	f.Add([]byte(`{"name":"till","subject":"ann","scopes":["orders:read","admin"],"expires_at":"2027-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"name":"till","subject":"ann","scopes":["root"],"expires_at":null}`))
	f.Add([]byte(`{"grace_seconds":86400}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := wire.NewDecoder()
		var wish wire.CreateKey
		if judge(t, body, d.CreateKey(body, &wish)) {
			require.Zero(t, wish.Scopes&^commerce.ScopesAll)
		}
		var grace int64
		judge(t, body, d.RotateKey(body, &grace))
	})
}

// What cannot be read names nothing, and whatever a list of tags names, it names its own first.
func FuzzMatchesETag(f *testing.F) {
	f.Add(`"1-2", W/"3"`, `"3"`)
	f.Add("*", `"1"`)
	f.Fuzz(func(t *testing.T, field, tag string) {
		wire.MatchesETag(field, []byte(tag))
		if tag == strings.TrimSpace(tag) && !strings.ContainsAny(tag, ",") && !strings.HasPrefix(tag, "W/") {
			require.True(t, wire.MatchesETag(tag+", "+field, []byte(tag)))
		}
	})
}
