package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/commerce"
)

// monday is the end of a past, on an evening.
func monday() time.Time { return time.Date(2026, 9, 14, 20, 0, 0, 0, time.UTC) }

func makePast(t *testing.T, cfg history.Config) *history.History {
	t.Helper()
	cfg.Now = monday()
	past, err := history.New(cfg)
	require.NoError(t, err)
	return past
}

// orders lists the last entries of all orders: what has become of them.
func orders(t *testing.T, past *history.History) []*commerce.Order {
	t.Helper()
	var all []*commerce.Order
	for entries, err := range past.Orders(1) {
		require.NoError(t, err)
		all = append(all, entries[len(entries)-1].Order.Row)
	}
	return all
}

func TestTheSameSeedMakesTheSamePast(t *testing.T) {
	t.Parallel()
	cfg := history.Config{Orders: 500, Products: 50, Days: 30, Seed: 7}
	first, second := makePast(t, cfg), makePast(t, cfg)
	once := orders(t, first)
	require.Equal(t, once, orders(t, second))
	require.Equal(t, once, orders(t, first), "a walk can be repeated")
	cfg.Seed = 8
	require.NotEqual(t, once, orders(t, makePast(t, cfg)))
}

func TestOrdersComeInTheOrderOfTheirPlacing(t *testing.T) {
	t.Parallel()
	past := makePast(t, history.Config{Orders: 2000, Products: 50, Days: 10})
	begin, last := monday().AddDate(0, 0, -10), time.Time{}
	for entries, err := range past.Orders(1) {
		require.NoError(t, err)
		at := entries[0].Order.Row.PlacedAt
		require.False(t, at.Before(begin) || at.After(monday()), at)
		require.False(t, at.Before(last))
		last = at
		require.Equal(t, commerce.StatusPending, entries[0].Order.Row.Status)
		for i, e := range entries {
			require.Equal(t, uint64(i+1), e.Event.Seq)
			require.False(t, e.Event.At.After(monday()), "nothing happens later than now")
		}
	}
	require.WithinDuration(t, monday(), last, time.Hour)
}

func TestDaysAndWeeksHaveTheirRhythm(t *testing.T) {
	t.Parallel()
	var hours [24]int
	var days [7]int
	var quarters [4]int
	all := orders(t, makePast(t, history.Config{Orders: 40_000, Products: 50, Days: 364}))
	for _, o := range all {
		hours[o.PlacedAt.Hour()]++
		days[o.PlacedAt.Weekday()]++
		quarters[min(3, int(monday().Sub(o.PlacedAt).Hours()/24/91))]++
	}
	require.Greater(t, hours[20], 8*hours[4], "evenings are busier than nights")
	require.Greater(t, days[time.Monday], days[time.Saturday]*5/4)
	require.Greater(t, quarters[0], quarters[3]*5/4, "the shop grows")
	for day, n := range days {
		require.Greater(t, n, len(all)/12, time.Weekday(day))
	}
}

func TestOldOrdersAreDoneAndNewOnesAreOnTheirWay(t *testing.T) {
	t.Parallel()
	old, recent := make(map[commerce.Status]int), make(map[commerce.Status]int)
	for _, o := range orders(t, makePast(t, history.Config{Orders: 50_000, Products: 50, Days: 60})) {
		switch age := monday().Sub(o.PlacedAt); {
		case age > 30*24*time.Hour:
			old[o.Status]++
		case age < 24*time.Hour:
			recent[o.Status]++
		}
		if o.Status == commerce.StatusPending {
			require.True(t, o.ExpiresAt.After(monday().Add(-time.Minute)), "nobody waits longer than that for a payment")
		}
	}
	require.Len(t, old, 2)
	require.InDelta(t, 0.06, float64(old[commerce.StatusCancelled])/float64(old[commerce.StatusCancelled]+old[commerce.StatusCompleted]), 0.02)
	require.Zero(t, recent[commerce.StatusCompleted])
	for _, s := range []commerce.Status{commerce.StatusPending, commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped} {
		require.Positive(t, recent[s], s)
	}
}

func TestKeysAreThoseOfTheLastDay(t *testing.T) {
	t.Parallel()
	keys := 0
	for entries, err := range makePast(t, history.Config{Orders: 3000, Products: 50, Days: 10}).Orders(1) {
		require.NoError(t, err)
		fresh := monday().Sub(entries[0].Order.Row.PlacedAt) < 24*time.Hour
		require.Equal(t, fresh, entries[0].Key != nil)
		if fresh {
			keys++
		}
	}
	require.Greater(t, keys, 200)
}

func TestFewProductsAreWantedMuch(t *testing.T) {
	t.Parallel()
	const products = 1000
	wanted := make(map[commerce.ID]int)
	lines, sizes := 0, make(map[int]int)
	for _, o := range orders(t, makePast(t, history.Config{Orders: 20_000, Products: products, Days: 30})) {
		for _, item := range o.Items {
			wanted[item.Product]++
			lines++
		}
		sizes[len(o.Items)]++
	}
	most := 0
	for _, n := range wanted {
		most = max(most, n)
	}
	require.Greater(t, most, 10*lines/products)
	require.Less(t, most, lines/10)
	require.Greater(t, len(wanted), products/2)
	for size := 1; size <= 5; size++ {
		require.Positive(t, sizes[size], "orders of %d items", size)
	}
	require.Len(t, sizes, 5)
}

func TestMonthsReachFromTheFirstProductToNow(t *testing.T) {
	t.Parallel()
	months := makePast(t, history.Config{Days: 45}).Months() // 31 July and the day before
	require.Equal(t, []time.Time{
		time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
	}, months)
}

func TestAConfigurationIsRefusedWithAllItsFaults(t *testing.T) {
	t.Parallel()
	_, err := history.New(history.Config{Orders: -1, Products: 4, Days: 10_000})
	require.ErrorContains(t, err, "orders")
	require.ErrorContains(t, err, "products")
	require.ErrorContains(t, err, "days")
}
