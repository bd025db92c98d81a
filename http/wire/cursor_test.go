package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func TestCursors_ComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	id, err := wire.ParseOrderCursor(wire.OrderCursor(sampleID(7)))
	require.NoError(t, err)
	require.Equal(t, sampleID(7), id)
	version, err := wire.ParseMovementCursor(wire.MovementCursor(3407))
	require.NoError(t, err)
	require.Equal(t, uint64(3407), version)
}

func TestCursors_OfOneListDoNotFitAnother(t *testing.T) {
	t.Parallel()
	for _, cursor := range []string{
		"", "x", "!", wire.MovementCursor(1), wire.OrderCursor(commerce.ID{}), wire.OrderCursor(sampleID(1)) + "=",
		wire.OrderCursor(sampleID(1))[1:], " " + wire.OrderCursor(sampleID(1))[1:],
	} {
		_, err := wire.ParseOrderCursor(cursor)
		require.Error(t, err, cursor)
	}
	for _, cursor := range []string{"", "x", wire.OrderCursor(sampleID(1)), wire.MovementCursor(0)} {
		_, err := wire.ParseMovementCursor(cursor)
		require.Error(t, err, cursor)
	}
}

// One place has one cursor: what is read is written again as the same text.
func FuzzParseCursor(f *testing.F) {
	f.Add(wire.OrderCursor(sampleID(1)))
	f.Add(wire.MovementCursor(1 << 60))
	f.Add("bwGJCl2slndLvM6zAgmagFd")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := wire.ParseOrderCursor(text); err == nil {
			require.Equal(t, text, wire.OrderCursor(id))
		}
		if version, err := wire.ParseMovementCursor(text); err == nil {
			require.Equal(t, text, wire.MovementCursor(version))
		}
	})
}
