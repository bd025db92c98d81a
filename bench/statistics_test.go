package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
}

func TestIntervalsOfTooFewRoundsAreNone(t *testing.T) {
	t.Parallel()
	require.Nil(t, intervalOf(nil))
	require.Nil(t, intervalOf([]float64{5}))
	require.Nil(t, intervalOf([]float64{5, 0}), "a round that found nothing")
	_, ok := ratioOf([]float64{1, 2}, []float64{1})
	require.False(t, ok)
}

func TestAnIntervalIsThatOfStudentsDistribution(t *testing.T) {
	t.Parallel()
	// Logarithms 1, 2, 3: mean 2, deviation 1, and t = 4.303 with two degrees of freedom.
	i := intervalOf([]float64{math.E, math.Exp(2), math.Exp(3)})
	require.InDelta(t, 2-4.303/math.Sqrt(3), math.Log(i.Low), 1e-9)
	require.InDelta(t, 2+4.303/math.Sqrt(3), math.Log(i.High), 1e-9)
	same := intervalOf([]float64{7, 7, 7})
	require.InDelta(t, 7, same.Low, 1e-9)
	require.InDelta(t, 7, same.High, 1e-9)
}

func TestIntervalsHoldTheTruthAsOftenAsTheySay(t *testing.T) {
	t.Parallel()
	const tries, truth = 4000, 1.3
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rounds := range [][2]int{{3, 3}, {3, 8}, {10, 10}} {
		held := 0
		for range tries {
			draw := func(n int, scale, spread float64) []float64 {
				values := make([]float64, n)
				for i := range values {
					values[i] = scale * math.Exp(spread*rng.NormFloat64())
				}
				return values
			}
			r, ok := ratioOf(draw(rounds[0], 100, 0.05), draw(rounds[1], truth*100, 0.1))
			require.True(t, ok)
			if r.Low <= truth && truth <= r.High {
				held++
			}
		}
		part := float64(held) / tries
		require.Greater(t, part, 0.93, rounds)
		require.Less(t, part, 0.995, rounds)
	}
}

func TestStudentTakesTheWiderOfTwo(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 12.706, student(0), 0)
	require.InDelta(t, 12.706, student(1), 0)
	require.InDelta(t, 2.228, student(10), 0)
	require.InDelta(t, 2.042, student(500), 0)
}
