package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
)

const (
	plainItem    = `{"product_id":"01890a5d-ac96-774b-bcce-b302099a8057","quantity":2,"price":1200}`
	plainAddress = `{"recipient":"Kim","street":"1 Teheran-ro","city":"Seoul","postal_code":"06234","country":"KR"}`
	plainBody    = `{"items":[` + plainItem + `],"shipping_address":` + plainAddress + `,"note":"leave at the door"}`
)

// comparePlain reads a body both ways. The quick one may give up, without a trace; what it accepts, the strict one
// must have accepted, and read as the same.
func comparePlain(t require.TestingT, body []byte) (plain bool) {
	before := commerce.PlaceOrder{Caller: commerce.Trusted("kim"), Key: "k", Note: "before"}
	quick := before
	if plain = readPlainOrder(body, &quick); !plain {
		require.Equal(t, before, quick, "%q", body)
		return false
	}
	strict := commerce.PlaceOrder{Caller: before.Caller, Key: before.Key}
	require.NoError(t, NewDecoder().strictOrder(body, &strict), "%q", body)
	require.Equal(t, strict, quick, "%q", body)
	clear(body) // it is the server's
	require.Equal(t, strict, quick)
	return true
}

func TestPlainOrder_ReadsWhatProgramsSend(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		plainBody,
		`{"shipping_address":` + plainAddress + `,"items":[` + plainItem + `,` + plainItem + `]}`,
		" \t\r\n" + strings.NewReplacer(`:`, " : ", `,`, " ,\n", `[`, "[ ", `}`, "\t}").Replace(plainBody) + "\n ",
		strings.Replace(plainBody, "Seoul", "서울특별시, 강남구 😀", 1),
		strings.Replace(plainBody, "1200", "0", 1),
		strings.Replace(plainBody, "a8057", "A8057", 1),
		strings.Replace(plainBody, "leave at the door", "", 1),
	} {
		require.True(t, comparePlain(t, []byte(body)), body)
	}
}

// Each of these is for the Decoder, which may accept it.
func TestPlainOrder_LeavesTheRest(t *testing.T) {
	t.Parallel()
	instead := func(old, with string) string { return strings.Replace(plainBody, old, with, 1) }
	for _, body := range []string{
		"", " ", "{", "{}", "[]", "null", `"x"`, plainBody + "x", plainBody + "{}", plainBody + "\x00", "\ufeff" + plainBody,
		plainBody[:len(plainBody)-1], plainBody[:len(plainBody)/2],
		instead("note", "remark"), instead("note", `not\u0065`), instead("leave", `le\u0061ve`), instead("leave", "le\nave"),
		instead("leave", "le\x7fave"), instead("leave", "le\xffave"), instead("Seoul", " "), instead(`"Seoul"`, "null"),
		instead(`"note"`, `"items":[],"note"`), instead(`"note"`, `"note":"","note"`),
		instead(`"note"`, `"shipping_address":`+plainAddress+`,"note"`),
		instead(`"city"`, `"city":"","city"`), instead(`"quantity"`, `"quantity":1,"quantity"`),
		instead(`"price"`, `"price":1,"price"`), instead(`"price"`, `"product_id":"01890a5d-ac96-774b-bcce-b302099a8057","price"`),
		instead("1200", "-1"), instead("1200", "1.0"), instead("1200", "1e3"), instead("1200", "01"), instead("1200", `"1"`),
		instead("1200", "null"), instead("1200", ""), instead("1200", "1200 0"), instead("1200", "9223372036854775808"),
		instead("1200", "99999999999999999999999999"), instead(`"quantity":2`, `"quantity":0`), instead(`"quantity":2,`, ""),
		instead(`"product_id":"01890a5d-ac96-774b-bcce-b302099a8057",`, ""), instead("01890a5d-", "01890a5d"),
		instead("01890a5d", "01890a5g"), instead(plainItem, ""), instead(plainItem, plainItem+","), instead(plainItem, "null"),
		instead(plainItem, "["+plainItem+"]"), instead(`{"items"`, `{,"items"`), instead(`,"note"`, `"note"`), instead(`"note":`, `"note" `),
		instead(`"note":"leave at the door"`, ""), instead(`"city":"Seoul",`, ""), instead(plainAddress, "{}"),
		instead(`"leave at the door"`, `{"a":{"b":1}}`), instead(plainItem, strings.Repeat(plainItem+",", commerce.OrderItemsMax)+plainItem),
		instead("leave at the door", strings.Repeat("x", commerce.NoteMax+1)),
	} {
		require.False(t, comparePlain(t, []byte(body)), body)
	}
}

// drawOrder draws an order that any shop might send.
func drawOrder(t *rapid.T) *commerce.PlaceOrder {
	text := rapid.StringMatching(`[ -!#-\[\]-~가-힣]{1,20}[a-z]`)
	may := rapid.OneOf(rapid.Just(""), text)
	cmd := &commerce.PlaceOrder{
		Address: commerce.Address{
			Street: text.Draw(t, "street"), City: text.Draw(t, "city"), PostalCode: text.Draw(t, "postal_code"),
			Recipient: may.Draw(t, "recipient"), Phone: may.Draw(t, "phone"), Street2: may.Draw(t, "street2"),
			State: may.Draw(t, "state"), Country: may.Draw(t, "country"),
		},
		Note: may.Draw(t, "note"),
	}
	for range rapid.IntRange(1, 8).Draw(t, "items") {
		line := commerce.OrderLine{
			Product:  commerce.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "product")),
			Quantity: rapid.Int64Range(1, commerce.QuantityMax).Draw(t, "quantity"),
		}
		if rapid.Bool().Draw(t, "priced") {
			price := rapid.Int64Range(0, commerce.PriceMax).Draw(t, "price")
			line.Price = &price
		}
		cmd.Lines = append(cmd.Lines, line)
	}
	return cmd
}

// What is drawn is read; what becomes of it by a few small changes may be, and then as the Decoder reads it.
func TestPlainOrder_IsReadAsTheDecoderReadsIt(t *testing.T) {
	t.Parallel()
	const pieces = `{}[],:"\ 0123456789-+.eE_aftnu` + "\x00\x1f\x7f\xc3\xed\n"
	rapid.Check(t, func(t *rapid.T) {
		body := AppendPlaceOrder(nil, drawOrder(t))
		if rapid.Bool().Draw(t, "indented") {
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, body, "\r", "\t "))
			body = indented.Bytes()
		}
		require.True(t, comparePlain(t, slices.Clone(body)), "%s", body)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
			end := min(len(body), at+rapid.IntRange(0, 40).Draw(t, "length"))
			with := []byte{pieces[rapid.IntRange(0, len(pieces)-1).Draw(t, "piece")]}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0: // another byte
				body[at] = with[0]
			case 1: // one byte more
				body = slices.Insert(body, at, with...)
			case 2: // a part less
				body = slices.Delete(body, at, max(end, at+1))
			case 3: // a part twice
				body = slices.Insert(body, end, slices.Clone(body[at:end])...)
			}
			if len(body) == 0 {
				return
			}
		}
		comparePlain(t, body)
	})
}

func FuzzPlainOrder(f *testing.F) {
	f.Add([]byte(plainBody))
	f.Add([]byte(strings.Replace(plainBody, "Seoul", "서울", 1)))
	f.Add([]byte(strings.Replace(plainBody, "leave", `le\u0061ve`, 1)))
	f.Add([]byte(fmt.Sprintf(" {\"shipping_address\" : %s ,\t\"items\":[%s\n, %s]} ", plainAddress, plainItem, plainItem)))
	f.Fuzz(func(t *testing.T, body []byte) { comparePlain(t, slices.Clone(body)) })
}
