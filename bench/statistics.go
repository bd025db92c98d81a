package bench

import (
	"math"
	"slices"
)

// Interval is where a figure lies with 95 % confidence, as far as the rounds of one run can tell.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// median returns the middle value, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// intervalOf returns the 95 % interval of what rounds have found: Student's t on their logarithms, because
// what disturbs a round changes it by a part of itself. It is nil of less than two rounds, or when one found
// nothing.
func intervalOf(rounds []float64) *Interval {
	s, ok := logsOf(rounds)
	if !ok {
		return nil
	}
	reach := student(s.n-1) * math.Sqrt(s.variance/float64(s.n))
	return &Interval{Low: math.Exp(s.mean - reach), High: math.Exp(s.mean + reach)}
}

// Ratio is how many times as large the figures of some rounds are as those of others.
type Ratio struct {
	Value float64 `json:"value"`
	Interval
}

// ratioOf compares the rounds of two runs: Welch's t on their logarithms, which does not ask that both runs
// were equally steady. ok is false when one of them has less than two rounds, or a round found nothing.
func ratioOf(from, to []float64) (r Ratio, ok bool) {
	a, okA := logsOf(from)
	b, okB := logsOf(to)
	if !okA || !okB {
		return Ratio{}, false
	}
	partA, partB := a.variance/float64(a.n), b.variance/float64(b.n)
	both := partA + partB
	freedom := a.n + b.n - 2
	if both > 0 {
		freedom = int(both * both / (partA*partA/float64(a.n-1) + partB*partB/float64(b.n-1)))
	}
	difference, reach := b.mean-a.mean, student(freedom)*math.Sqrt(both)
	return Ratio{
		Value:    math.Exp(difference),
		Interval: Interval{Low: math.Exp(difference - reach), High: math.Exp(difference + reach)},
	}, true
}

// logs is the mean and the variance of logarithms.
type logs struct {
	n              int
	mean, variance float64
}

func logsOf(values []float64) (l logs, ok bool) {
	l.n = len(values)
	if l.n < 2 {
		return l, false
	}
	for _, v := range values {
		if v <= 0 {
			return l, false
		}
		l.mean += math.Log(v) / float64(l.n)
	}
	for _, v := range values {
		d := math.Log(v) - l.mean
		l.variance += d * d / float64(l.n-1)
	}
	return l, true
}

// student returns the quantile 0.975 of Student's distribution. Between the lines of the table it takes the
// one with fewer degrees of freedom, which makes intervals wider.
func student(freedom int) float64 {
	table := [...]float64{
		12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
	}
	return table[min(max(freedom, 1), len(table))-1]
}
