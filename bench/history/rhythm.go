package history

import "time"

// growth is how much more is ordered on the last day than on the first.
const growth = 1.6

// hourWeight says how much is ordered in an hour of the day, against the average.
func hourWeight(hour int) float64 {
	return [24]float64{
		0.45, 0.25, 0.14, 0.10, 0.10, 0.16, 0.32, 0.60, 0.90, 1.15, 1.30, 1.30,
		1.25, 1.20, 1.15, 1.15, 1.15, 1.15, 1.25, 1.45, 1.65, 1.70, 1.35, 0.85,
	}[hour]
}

// dayWeight says how much is ordered on a day of the week, against the average.
func dayWeight(day time.Weekday) float64 {
	return [7]float64{
		time.Sunday: 1.05, time.Monday: 1.15, time.Tuesday: 1.08, time.Wednesday: 1.04,
		time.Thursday: 1.00, time.Friday: 0.88, time.Saturday: 0.80,
	}[day]
}

// rhythm spreads orders over time: more in the evening than at night, more on Mondays than on Saturdays,
// and more each week. It is asked for ever later moments.
type rhythm struct {
	begin, end time.Time
	weights    []float64 // of each hour from begin on
	total      float64

	hour   int     // where the last moment was
	before float64 // the sum of the weights of the hours before it
}

func newRhythm(begin, end time.Time) *rhythm {
	r := &rhythm{begin: begin, end: end}
	span := end.Sub(begin).Hours()
	for at := begin; at.Before(end); at = at.Add(time.Hour) {
		w := hourWeight(at.Hour()) * dayWeight(at.Weekday()) * (1 + (growth-1)*at.Sub(begin).Hours()/span)
		w *= min(1, end.Sub(at).Hours()) // the last hour may be part of one
		r.weights = append(r.weights, w)
		r.total += w
	}
	return r
}

// at returns the moment up to which a part of all orders, from 0 to below 1, has been placed.
// REQUIRES: part is not less than that of the last call.
func (r *rhythm) at(part float64) time.Time {
	want := part * r.total
	for r.hour < len(r.weights)-1 && r.before+r.weights[r.hour] <= want {
		r.before += r.weights[r.hour]
		r.hour++
	}
	begun := r.begin.Add(time.Duration(r.hour) * time.Hour)
	length := min(time.Hour, r.end.Sub(begun))
	within := min(1, max(0, (want-r.before)/r.weights[r.hour]))
	return begun.Add(time.Duration(within * float64(length)))
}
