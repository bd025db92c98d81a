package persistence_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/persistence"
)

func TestSumAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOf(rapid.Int64()).Draw(t, "amounts")
		var sum persistence.Sum
		want := new(big.Int)
		for _, a := range amounts {
			sum = sum.Add(persistence.SumOf(a))
			want.Add(want, big.NewInt(a))
		}
		require.Equal(t, want.String(), sum.String())
		require.Equal(t, new(big.Int).Neg(want).String(), sum.Neg().String())
		require.Equal(t, want.Sign(), sum.Compare(persistence.Sum{}))
		require.Equal(t, sum, persistence.SumOfWords(sum.Words()))
		_, ok := sum.Int64()
		require.Equal(t, want.IsInt64(), ok)
	})
}

func TestSumMeanIsRoundedToTheNearest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sum persistence.Sum
		total := new(big.Int)
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			a := rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount")
			sum, total = sum.Add(persistence.SumOf(a)), total.Add(total, big.NewInt(a))
		}
		n := rapid.Int64Range(1, math.MaxInt64).Draw(t, "n")
		want := new(big.Int).Add(total, big.NewInt(n/2))
		require.Equal(t, want.Div(want, big.NewInt(n)).String(), sum.Mean(n).String())
	})
	require.True(t, persistence.SumOf(7).Mean(0).IsZero())
	require.Equal(t, "3", persistence.SumOf(5).Mean(2).String())
}
