package commerce

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusMovesOnlyAlongItsArrows(t *testing.T) {
	t.Parallel()
	arrows := map[Status][]Status{
		StatusPending:    {StatusPaid, StatusCancelled},
		StatusPaid:       {StatusProcessing, StatusCancelled},
		StatusProcessing: {StatusShipped, StatusCancelled},
		StatusShipped:    {StatusDelivered},
		StatusDelivered:  {StatusCompleted},
		StatusCompleted:  nil,
		StatusCancelled:  nil,
	}
	require.Len(t, arrows, int(StatusMax))
	for from := StatusPending; from <= StatusMax; from++ {
		require.Equal(t, arrows[from], from.Next(), from.String())
		back, ok := ParseStatus(from.String())
		require.True(t, ok)
		require.Equal(t, from, back)
		require.False(t, Status(0).CanBecome(from))
		require.False(t, from.CanBecome(0))
		require.False(t, from.CanBecome(StatusMax+1))
	}
	_, ok := ParseStatus("")
	require.False(t, ok)
	require.Empty(t, Status(200).String())
}
