package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func TestRowsThatAWriterKnowsAreForeseen(t *testing.T) {
	t.Parallel()
	s := setupShop(t, direct)
	p, q := s.product(100), s.product(100)
	order := func() *commerce.Entry {
		return s.w.Order("ann", "", storetest.Line{Product: p, Quantity: 2}, storetest.Line{Product: q, Quantity: 1})
	}
	moves := s.writer.changes.moves

	second := order()
	s.commit(order(), second)
	require.True(t, moves.foreseen, "the writer has made the products itself")
	require.Equal(t, commerce.Stock{Product: p.ID, OnHand: 100, Allocated: 4, Version: 3}, second.Movements[place(second, p.ID)].Level)

	// Somebody else moves a product: the next batch does not apply as foreseen, and goes the careful way.
	execute(t, s.url, `WITH moved AS (UPDATE stock SET on_hand = on_hand + 7, version = version + 1 WHERE product = $1 RETURNING *)
		INSERT INTO stock_movements (product, version, on_hand_delta, allocated_delta, on_hand, allocated, reason, actor, at, epoch, writer, batch)
		SELECT product, version, 7, 0, on_hand, allocated, 'delivery', 'somebody', now(), 1, 1, 0 FROM moved`, [16]byte(p.ID))
	third := order()
	s.commit(third)
	require.EqualValues(t, 1, s.store.stats.careful.Load())
	require.Equal(t, commerce.Stock{Product: p.ID, OnHand: 107, Allocated: 6, Version: 5}, third.Movements[place(third, p.ID)].Level)

	s.commit(order())
	require.True(t, moves.foreseen, "what the careful way has written is known")
	require.EqualValues(t, 1, s.store.stats.careful.Load())

	moves.forget()
	fourth := order()
	s.commit(fourth)
	require.False(t, moves.foreseen)
	require.Equal(t, commerce.Stock{Product: p.ID, OnHand: 107, Allocated: 10, Version: 7}, fourth.Movements[place(fourth, p.ID)].Level)
	require.EqualValues(t, 1, s.store.stats.careful.Load(), "rows that are not known need no care")
	s.verify()
}

func TestAWriterForgetsWhatItKnowsRatherThanGrow(t *testing.T) {
	t.Parallel()
	m := newMoves()
	rows := make([]commerce.Stock, knownMax)
	for i := range rows {
		rows[i].Product[0], rows[i].Product[1], rows[i].Product[2] = byte(i), byte(i>>8), byte(i>>16)
	}
	m.learn(rows)
	require.Len(t, m.known, knownMax)
	m.learn(rows[:1])
	require.Len(t, m.known, 1)
}

// place is where an entry's movement of a product stands.
func place(e *commerce.Entry, product commerce.ID) int {
	for i := range e.Movements {
		if e.Movements[i].Product == product {
			return i
		}
	}
	return -1
}
