package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// RunCrashes checks that the stores which open opens keep what they have acknowledged, whenever the power
// goes. Every place must be able to crash: alone, so that a store which shares a server needs one of its
// own for each place.
func RunCrashes(t *testing.T, open Factory) {
	t.Helper()
	t.Run("crashes", func(t *testing.T) {
		t.Parallel()
		for _, c := range []claim{
			{"what was acknowledged survives, whenever the power goes", acknowledgedSurvives},
			{"a crash loses no key and gives back no unit", keysSurvive},
			{"a writer after the crash has a greater epoch", writerAfterCrash},
			{"sums of sales are right after a crash, before and after there is a writer", salesSurvive},
			{"a record of the audit log survives together with what it tells of", auditSurvives},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, open)
				require.NotNil(t, b.place.Crash)
				c.check(b)
			})
		}
	})
}

// crash moves the bundle to what a power cut leaves of its place.
func (b *bundle) crash() {
	b.Helper()
	b.place = b.place.Crash(b)
	b.store = b.place.Store
}

func acknowledgedSurvives(b *bundle) {
	p := b.product(10_000)
	book := &orderBook{}
	for round := range 12 {
		for i := range 1 + round*7%11 {
			e := b.w.Order("ann", fmt.Sprintf("%d/%d", round, i), Line{p, 1})
			b.apply(e)
			o := e.Order.Row
			if i%3 == 0 {
				o = b.move(o, commerce.StatusPaid)
			}
			book.put(o)
			if i == 5 {
				b.verify()
			}
		}
		b.crash()
		require.Equal(b, int64(len(book.orders)), b.stock(p.ID).Allocated, "round %d", round)
		for _, o := range book.orders {
			got, err := b.store.Order(b.Context(), o.ID)
			require.NoError(b, err)
			require.Equal(b, o, got)
		}
		q := persistence.OrderQuery{Limit: 1000, Status: commerce.StatusPaid}
		got, err := b.store.Orders(b.Context(), q)
		require.NoError(b, err)
		require.Equal(b, book.query(q), got)
		require.EqualValues(b, len(book.orders), b.verify().Orders)
		b.openWriter()
	}
}

func keysSurvive(b *bundle) {
	p := b.product(1)
	e := b.w.Order("ann", "key", Line{p, 1})
	b.apply(e)
	b.crash()
	b.openWriter()
	require.Equal(b, []commerce.OutcomeKind{commerce.Replay, commerce.Insufficient},
		b.kinds(b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "other", Line{p, 1})))
	bound, err := b.store.Keys(b.Context(), []commerce.KeyID{e.Key.ID})
	require.NoError(b, err)
	require.Equal(b, []commerce.KeyBinding{*e.Key}, bound)
}

func writerAfterCrash(b *bundle) {
	p := b.product(10)
	b.apply(b.w.Order("ann", "", Line{p, 1}))
	epoch := b.writer.Epoch()
	b.crash()
	b.openWriter()
	require.Greater(b, b.writer.Epoch(), epoch)
	b.apply(b.w.Order("ann", "", Line{p, 1}))
}
