package wire_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

func TestStreamCursor_ComesBackAsItWent(t *testing.T) {
	t.Parallel()
	for _, p := range []persistence.Position{
		{},
		{Writer: 1, Batch: 2, Entity: sampleID(3), Seq: 4},
		persistence.EndOfBatch(7, 1<<40),
		{Writer: math.MaxInt64, Batch: math.MaxInt64, Entity: sampleID(1), Seq: math.MaxUint64},
	} {
		got, err := wire.ParseStreamCursor(string(wire.AppendStreamCursor(nil, p)))
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	good := string(wire.AppendStreamCursor(nil, persistence.Position{Writer: 1, Batch: 2, Entity: sampleID(3), Seq: 4}))
	for _, bad := range []string{
		"", "s", good + "A", good[1:], good[:len(good)-1], good + "=", wire.OrderCursor(sampleID(1)), wire.MovementCursor(1),
		string(wire.AppendStreamCursor(nil, persistence.Position{Writer: 1 << 63})),
	} {
		_, err := wire.ParseStreamCursor(bad)
		require.Error(t, err, bad)
	}
}

// One position has one cursor: what is read is written again as the same text.
func FuzzParseStreamCursor(f *testing.F) {
	f.Add(string(wire.AppendStreamCursor(nil, persistence.Position{Writer: 1, Batch: 2, Entity: sampleID(3), Seq: 4})))
	f.Add("cwECAYkKXayWdEu8zrMCCZqAVwQ")
	f.Add("c4AA")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := wire.ParseStreamCursor(text); err == nil {
			require.Equal(t, text, string(wire.AppendStreamCursor(nil, p)))
		}
	})
}

func TestMessages_AreOneLineOfJSON(t *testing.T) {
	t.Parallel()
	e := persistence.StreamEvent{
		Event: commerce.Event{
			Entity: sampleID(1), Seq: 4, Type: commerce.EventOrderShipped, Status: commerce.StatusShipped, Actor: "clerk",
			At: time.Date(2026, 7, 14, 9, 0, 0, 123_000_000, time.UTC), Note: "two\nlines \u2028 \"quoted\"", Carrier: "CJ",
		},
		Customer: "kim", Position: persistence.Position{Writer: 1, Batch: 2, Entity: sampleID(1), Seq: 4},
	}
	for _, text := range [][]byte{
		wire.AppendUpdate(nil, &e.Event), wire.AppendFeedUpdate(nil, &e), wire.AppendStart(nil, e.Position),
		wire.AppendOrderMessage(nil, &commerce.Order{
			ID: sampleID(1), Note: "a\r\nb", Status: commerce.StatusPaid, Version: 2, Total: commerce.Money{Currency: commerce.DefaultCurrency()},
		}),
	} {
		require.True(t, json.Valid(text), "%s", text)
		require.NotContains(t, string(text), "\n", "an event of a stream would end there")
		require.NotContains(t, string(text), "\r")
	}
	require.Equal(t, `{"type":"order.shipped","order_id":"`+sampleID(1).String()+`","seq":4,"at":"2026-07-14T09:00:00.123Z",`+
		`"data":{"status":"shipped","note":"","reason":"","carrier":"CJ","tracking_number":"","actor":"clerk","customer_id":"kim"},`+
		`"cursor":"`+string(wire.AppendStreamCursor(nil, e.Position))+`"}`, string(wire.AppendFeedUpdate(nil, withoutNote(e))))
}

func withoutNote(e persistence.StreamEvent) *persistence.StreamEvent {
	e.Note = ""
	return &e
}
