package salesbook

import (
	"time"

	"github.com/penstock-dev/penstock/persistence"
)

// Day numbers the days of UTC since 1970.
type Day int32

// DayOf returns the day in which a quarter hour lies. REQUIRES: it is not before 1970.
func DayOf(q persistence.Quarter) Day { return Day(q / persistence.QuartersADay) }

// First returns the day's first quarter hour.
func (d Day) First() persistence.Quarter { return persistence.Quarter(d) * persistence.QuartersADay }

// Month returns the month in which the day lies.
func (d Day) Month() Month {
	year, month, _ := d.First().Time().Date()
	return Month((year-1970)*12 + int(month) - 1)
}

// Month numbers the months of UTC since January 1970.
type Month int32

// First returns the month's first day.
func (m Month) First() Day {
	return DayOf(persistence.QuarterOf(time.Date(1970, time.January+time.Month(m), 1, 0, 0, 0, 0, time.UTC)))
}

// Days is a run of days, To not included.
type Days struct {
	From, To Day
}

// DaysOf returns the days that have a part in a range.
func DaysOf(r persistence.SalesRange) Days {
	if r.From >= r.To {
		return Days{}
	}
	return Days{DayOf(r.From), DayOf(r.To-1) + 1}
}

// MonthsWithin returns the months that lie wholly in a range, to not included.
func MonthsWithin(r persistence.SalesRange) (from, to Month) {
	if r.From >= r.To {
		return 0, 0
	}
	from = DayOf(r.From).Month()
	if from.First().First() < r.From {
		from++
	}
	to = DayOf(r.To).Month()
	return from, max(from, to)
}

// Without returns what is left of a range when some whole months, in their order, are taken out.
func Without(r persistence.SalesRange, months []Month) (rest []persistence.SalesRange) {
	for _, m := range months {
		first, next := m.First().First(), (m + 1).First().First()
		if r.From < first {
			rest = append(rest, persistence.SalesRange{From: r.From, To: first})
		}
		r.From = next
	}
	if r.From < r.To {
		rest = append(rest, r)
	}
	return rest
}

// monthMargin is how long after its end a month is still written day by day: many orders of its last days are
// cancelled then.
const monthMargin = 3 // days

// IsOver reports whether the month may have rows of its own.
func (m Month) IsOver(now time.Time) bool {
	return DayOf(persistence.QuarterOf(now)) >= (m+1).First()+monthMargin
}
