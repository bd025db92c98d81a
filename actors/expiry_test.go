package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
)

func TestUnpaidOrdersExpire(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	b := setupOn(t, store, func(c *Config) { c.PaymentTimeout = time.Second })
	id := b.product(10)
	unpaid, err := b.engine.PlaceOrder(order("", 1, id))
	require.NoError(t, err)
	paid, err := b.engine.PlaceOrder(order("", 2, id))
	require.NoError(t, err)
	_, err = b.engine.TransitionOrder(&commerce.TransitionOrder{Caller: commerce.Trusted("ann"), Order: paid.Order.ID, To: commerce.StatusPaid})
	require.NoError(t, err)

	require.Eventually(t, func() bool { return b.stock(id).Allocated == 2 }, 10*time.Second, 10*time.Millisecond)
	expired, err := b.engine.Order(t.Context(), everybody(), unpaid.Order.ID)
	require.NoError(t, err)
	require.Equal(t, commerce.StatusCancelled, expired.Status)
	require.Equal(t, commerce.ReasonUnpaid, expired.CancelReason)
	_, timeline, err := b.engine.Timeline(t.Context(), everybody(), unpaid.Order.ID)
	require.NoError(t, err)
	require.Empty(t, timeline[1].Actor, "the engine itself")

	t.Run("unless they have moved on since they were found", func(t *testing.T) {
		t.Parallel()
		stale := *paid.Order // pending, as the search saw it
		require.NoError(t, b.engine.expire(&stale))
		now, err := b.engine.Order(t.Context(), everybody(), paid.Order.ID)
		require.NoError(t, err)
		require.Equal(t, commerce.StatusPaid, now.Status)
	})

	t.Run("at the time they were given, whatever the setting says today", func(t *testing.T) {
		t.Parallel()
		placed, err := b.engine.PlaceOrder(order("", 1, id))
		require.NoError(t, err)
		require.NoError(t, sweepOf(b).run(t.Context(), placed.Order.ExpiresAt.Add(-time.Millisecond)))
		now, err := b.engine.Order(t.Context(), everybody(), placed.Order.ID)
		require.NoError(t, err)
		require.Equal(t, commerce.StatusPending, now.Status)
	})
}

func sweepOf(b *testBundle) *expirySweep {
	return &expirySweep{engine: b.engine, timeout: b.engine.config.PaymentTimeout}
}

func TestOrdersThatWaitLongerThanTheSettingAreCancelledWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	b := setupOn(t, newMemStore(), func(c *Config) { c.PaymentTimeout = time.Hour })
	placed, err := b.engine.PlaceOrder(order("", 1, b.product(1)))
	require.NoError(t, err)
	sweep := sweepOf(b)
	sweep.timeout = time.Second // as if the setting had been shortened since
	for _, look := range []struct {
		before time.Duration // its time
		want   commerce.Status
	}{
		{time.Minute, commerce.StatusPending},
		{30 * time.Second, commerce.StatusPending}, // only what is new is looked at
		{0, commerce.StatusCancelled},
	} {
		require.NoError(t, sweep.run(t.Context(), placed.Order.ExpiresAt.Add(-look.before)))
		now, err := b.engine.Order(t.Context(), everybody(), placed.Order.ID)
		require.NoError(t, err)
		require.Equal(t, look.want, now.Status, "%s before its time", look.before)
	}
}
