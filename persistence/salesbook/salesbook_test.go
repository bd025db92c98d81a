package salesbook_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// amounts are sums from the smallest to more than 64 bits.
func amounts() *rapid.Generator[persistence.Sum] {
	return rapid.Custom(func(t *rapid.T) persistence.Sum {
		if rapid.IntRange(0, 3).Draw(t, "size") > 0 {
			return persistence.SumOf(rapid.Int64Range(-1000, 1_000_000).Draw(t, "amount"))
		}
		return persistence.SumOfWords(rapid.Int64().Draw(t, "high"), rapid.Uint64().Draw(t, "low"))
	})
}

// quarters are near each other, and now and then far away.
func quarters() *rapid.Generator[persistence.Quarter] {
	return rapid.Custom(func(t *rapid.T) persistence.Quarter {
		if rapid.Bool().Draw(t, "near") {
			return persistence.Quarter(1_980_000 + rapid.IntRange(0, 200).Draw(t, "quarter"))
		}
		return persistence.Quarter(rapid.Int32Range(0, math.MaxInt32).Draw(t, "quarter"))
	})
}

func buckets() *rapid.Generator[salesbook.Bucket] {
	return rapid.Custom(func(t *rapid.T) salesbook.Bucket {
		currency := rapid.SampledFrom([]commerce.Currency{{'K', 'R', 'W'}, {'U', 'S', 'D'}, {'A', 'A', 'A'}, {'Z', 'Z', 'Z'}}).Draw(t, "currency")
		status := commerce.Status(rapid.IntRange(1, int(commerce.StatusMax)).Draw(t, "status"))
		return salesbook.Bucket{
			Key:    salesbook.NewBucketKey(quarters().Draw(t, "quarter"), currency, status),
			Orders: rapid.Int64Range(-3, 3).Draw(t, "orders"), Amount: amounts().Draw(t, "amount"),
		}
	})
}

func products() *rapid.Generator[salesbook.ProductSum] {
	return rapid.Custom(func(t *rapid.T) salesbook.ProductSum {
		number := rapid.OneOf(rapid.Uint32Range(0, 20), rapid.Uint32()).Draw(t, "number")
		return salesbook.ProductSum{
			Key:   salesbook.NewProductKey(quarters().Draw(t, "quarter"), salesbook.Number(number)),
			Units: rapid.Int64Range(-3, math.MaxInt32).Draw(t, "units"), Revenue: amounts().Draw(t, "revenue"),
			Cancelled: rapid.Int64Range(-1, 2).Draw(t, "cancelled"),
		}
	})
}

func TestKeysSayWhatTheyWereMadeOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := quarters().Draw(t, "quarter")
		n := salesbook.Number(rapid.Uint32().Draw(t, "number"))
		key := salesbook.NewProductKey(q, n)
		require.Equal(t, []any{q, n, salesbook.DayOf(q)}, []any{key.Quarter(), key.Number(), key.Day()})
		currency := commerce.Currency{'E', 'U', 'R'}
		bucket := salesbook.NewBucketKey(q, currency, commerce.StatusShipped)
		require.Equal(t, []any{q, currency, commerce.StatusShipped, salesbook.DayOf(q)},
			[]any{bucket.Quarter(), bucket.Currency(), bucket.Status(), bucket.Day()})
	})
}

func TestRowsReadAsTheyWerePacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := salesbook.AddUpBuckets(rapid.SliceOf(buckets()).Draw(t, "buckets"))
		got, err := salesbook.UnpackBuckets([]salesbook.Bucket{}, salesbook.AppendBuckets(nil, list))
		require.NoError(t, err)
		require.Equal(t, append([]salesbook.Bucket{}, list...), got)
		sums := salesbook.AddUpProducts(rapid.SliceOf(products()).Draw(t, "products"))
		back, err := salesbook.UnpackProducts([]salesbook.ProductSum{}, salesbook.AppendProducts(nil, sums))
		require.NoError(t, err)
		require.Equal(t, append([]salesbook.ProductSum{}, sums...), back)
	})
}

func TestAddingUpSortsAndLosesNothing(t *testing.T) {
	t.Parallel()
	var adder salesbook.Adder // used again and again
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(products(), 0, 300).Draw(t, "products")
		want := make(map[salesbook.ProductKey]salesbook.ProductSum)
		for _, s := range list {
			sum := want[s.Key]
			sum.Key, sum.Units, sum.Cancelled = s.Key, sum.Units+s.Units, sum.Cancelled+s.Cancelled
			sum.Revenue = sum.Revenue.Add(s.Revenue)
			want[s.Key] = sum
		}
		for key, sum := range want {
			if sum == (salesbook.ProductSum{Key: key}) {
				delete(want, key)
			}
		}
		got := adder.Products(list)
		require.True(t, slices.IsSortedFunc(got, func(a, b salesbook.ProductSum) int {
			if a.Key < b.Key {
				return -1
			}
			return 1
		}))
		require.Len(t, got, len(want))
		for _, sum := range got {
			require.Equal(t, want[sum.Key], sum)
		}
	})
}

func TestMonthsAndWhatIsLeftOfARangeCoverIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := persistence.Quarter(rapid.Int32Range(0, 3_000_000).Draw(t, "from"))
		r := persistence.SalesRange{From: from, To: from + persistence.Quarter(rapid.Int32Range(0, 60_000).Draw(t, "length"))}
		first, last := salesbook.MonthsWithin(r)
		var months []salesbook.Month
		covered := persistence.Quarter(0)
		for m := first; m < last; m++ {
			begin, end := m.First().First(), (m + 1).First().First()
			require.True(t, begin >= r.From && end <= r.To)
			require.Equal(t, 1, begin.Time().Day())
			require.Equal(t, m, salesbook.DayOf(begin).Month())
			require.Equal(t, m, salesbook.DayOf(end-1).Month())
			if rapid.Bool().Draw(t, "has rows") {
				months = append(months, m)
				covered += end - begin
			}
		}
		for _, rest := range salesbook.Without(r, months) {
			require.Less(t, rest.From, rest.To)
			covered += rest.To - rest.From
		}
		require.Equal(t, r.To-r.From, covered)
	})
}

func TestMonthIsOverSomeDaysAfterItsEnd(t *testing.T) {
	t.Parallel()
	june := salesbook.DayOf(persistence.QuarterOf(time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC))).Month()
	require.False(t, june.IsOver(time.Date(2026, 7, 3, 23, 59, 59, 0, time.UTC)))
	require.True(t, june.IsOver(time.Date(2026, 7, 4, 0, 0, 0, 0, time.UTC)))
}

func TestProofSeesEveryDifference(t *testing.T) {
	t.Parallel()
	order := func(t *salesbook.Tally, quarter persistence.Quarter, to commerce.Status, quantity int64) {
		c := salesbook.Change{Placed: quarter, Total: commerce.Money{Amount: 100 * quantity, Currency: commerce.DefaultCurrency()}, To: to}
		t.Order(&c)
		t.Item(&c, commerce.ID{1}, quantity, 100)
	}
	names := []salesbook.Name{{Product: commerce.ID{1}, Currency: commerce.DefaultCurrency()}}
	numbers := func(salesbook.Name) (salesbook.Number, bool) { return 0, true }
	prove := func(change func(*salesbook.Tally)) []string {
		var told, held salesbook.Tally
		order(&told, 100, commerce.StatusPaid, 2)
		order(&told, 5000, commerce.StatusCancelled, 3)
		held.Add(&told)
		change(&held)
		proof := salesbook.NewProof()
		proof.Tell(&told)
		require.NoError(t, proof.HoldBuckets(salesbook.AppendBuckets(nil, salesbook.AddUpBuckets(held.Buckets(nil)))))
		require.NoError(t, proof.HoldDays(salesbook.AppendProducts(nil, salesbook.AddUpProducts(held.Products(nil, numbers))), names, true))
		return proof.Faults()
	}
	require.Empty(t, prove(func(*salesbook.Tally) {}))
	require.Len(t, prove(func(t *salesbook.Tally) { order(t, 100, commerce.StatusPaid, 1) }), 2)
	require.Len(t, prove(func(t *salesbook.Tally) { order(t, 9000, commerce.StatusCancelled, 1) }), 2)
	require.Len(t, prove(func(t *salesbook.Tally) {
		t.Order(&salesbook.Change{Placed: 100, Total: commerce.Money{Currency: commerce.DefaultCurrency()}, From: commerce.StatusPaid, To: commerce.StatusShipped})
	}), 1)
}

func FuzzRows(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4})
	f.Add(salesbook.AppendProducts(nil, []salesbook.ProductSum{{Key: 7, Units: 3, Revenue: persistence.SumOfWords(1, 2), Cancelled: 1}}))
	f.Add(salesbook.AppendBuckets(nil, []salesbook.Bucket{{Key: 7, Orders: 3, Amount: persistence.SumOf(9)}}))
	f.Fuzz(func(t *testing.T, row []byte) {
		list, err := salesbook.UnpackBuckets(nil, row)
		require.LessOrEqual(t, len(list), len(row))
		if err != nil {
			require.ErrorIs(t, err, salesbook.ErrCorrupt)
		}
		sums, err := salesbook.UnpackProducts(nil, row)
		require.LessOrEqual(t, len(sums), len(row))
		if err != nil {
			require.ErrorIs(t, err, salesbook.ErrCorrupt)
		}
		totals := salesbook.NewTotals(10)
		_ = totals.AddMonth(row)
		_ = totals.AddDays(row, persistence.SalesRange{To: math.MaxInt32})
	})
}
