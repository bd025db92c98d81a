package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func step(n byte, rest string) string {
	return `{"order_id":"` + sampleID(n).String() + `"` + rest + `}`
}

func TestTransitions_AreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	body := `{"transitions":[` + step(1, `,"to":"paid","note":"n"`) + "," +
		step(2, `,"to":"shipped","carrier":"CJ","tracking_number":"7","reason":"r"`) + `]}`
	cmds, err := wire.NewDecoder().Transitions([]byte(body), commerce.Trusted("kim"), "k-1")
	require.NoError(t, err)
	require.Equal(t, []*commerce.TransitionOrder{
		{Caller: commerce.Trusted("kim"), Key: "k-1", Order: sampleID(1), To: commerce.StatusPaid, Note: "n"},
		{
			Caller: commerce.Trusted("kim"), Key: "k-1", Order: sampleID(2), To: commerce.StatusShipped, Carrier: "CJ", TrackingNumber: "7",
			Reason: "r",
		},
	}, cmds)
}

func TestTransitions_FaultsSayWhichStep(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range wire.TransitionsMax + 1 {
		many = append(many, step(byte(i), `,"to":"paid"`))
	}
	list := func(steps ...string) string { return `{"transitions":[` + strings.Join(steps, ",") + `]}` }
	for name, c := range map[string]struct{ body, key, pointer, detail string }{
		"nothing":              {`{}`, "", "/transitions", "is required"},
		"no step":              {list(), "", "/transitions", "at least one"},
		"no list":              {`{"transitions":1}`, "", "/transitions", "must be an array"},
		"too many":             {list(many...), "", "/transitions", "at most 100"},
		"an order twice":       {list(step(1, `,"to":"paid"`), step(1, `,"to":"paid"`)), "", "/transitions/1/order_id", "step 0"},
		"no order":             {list(`{"to":"paid"}`), "", "/transitions/0/order_id", "is required"},
		"no state":             {list(step(1, "")), "", "/transitions/0/to", "is required"},
		"a state that is none": {list(step(1, `,"to":"paid"`), step(2, `,"to":"lost"`)), "", "/transitions/1/to", "must be one of"},
		"an unknown field":     {list(step(1, `,"to":"paid","x":1`)), "", "/transitions/0/x", "not a field"},
		"a note too long":      {list(step(1, `,"to":"paid","note":"`+strings.Repeat("x", commerce.NoteMax+1)+`"`)), "", "/transitions/0/note", "at most"},
		"a key that is bad":    {list(step(1, `,"to":"paid"`), step(2, `,"to":"paid"`)), "a b", "Idempotency-Key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.NewDecoder().Transitions([]byte(c.body), commerce.Trusted("kim"), c.key)
			var refusal *commerce.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, commerce.CodeValidation, refusal.Code)
			require.Len(t, refusal.Violations, 1, "%v", refusal.Violations)
			require.Equal(t, c.pointer, refusal.Violations[0].Pointer)
			require.Contains(t, refusal.Violations[0].Detail, c.detail)
		})
	}
}

func FuzzTransitions(f *testing.F) {
	f.Add([]byte(`{"transitions":[` + step(1, `,"to":"paid"`) + "," + step(2, `,"to":"shipped","carrier":"CJ"`) + `]}`))
	f.Add([]byte(`{"transitions":[` + step(1, `,"to":"paid"`) + "," + step(1, `,"to":"paid"`) + `]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		cmds, err := wire.NewDecoder().Transitions(body, commerce.Trusted("kim"), "")
		if !judge(t, body, err) {
			return
		}
		require.NotEmpty(t, cmds)
		require.LessOrEqual(t, len(cmds), wire.TransitionsMax)
		seen := make(map[commerce.ID]bool)
		for _, cmd := range cmds {
			require.NoError(t, cmd.Validate())
			require.False(t, seen[cmd.Order])
			seen[cmd.Order] = true
		}
	})
}
