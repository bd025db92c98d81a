package http

import (
	"fmt"
	"time"
	_ "time/tzdata" // so that time zones have names on machines without a database of them

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The intervals by which a range can be cut, in the order of intervalWords.
const (
	intervalDay = iota
	intervalWeek
	intervalMonth
)

func intervalWords() []string { return []string{"day", "week", "month"} }

const (
	// intervalsMax bounds the intervals of one answer: the days of a year and some.
	intervalsMax = 400
	// rangeYearsMax bounds a range.
	rangeYearsMax = 10
	zoneDefault   = "UTC"
	zoneNameMax   = 64
	dateLength    = len(time.DateOnly)
)

// calendar is a range of days in a time zone, cut into intervals.
type calendar struct {
	zone       *time.Location
	start, end time.Time // noon UTC of the first and of the last day: what counts is the date
	interval   int
	firsts     []time.Time           // the intervals' first days, likewise
	bounds     []persistence.Quarter // where the intervals begin, and where the last one ends
}

// calendar reads the range of days that a request names.
func (r *request) calendar(now time.Time) (*calendar, error) {
	var faults []commerce.Violation
	fault := func(name, detail string) { faults = append(faults, commerce.Violation{Pointer: name, Detail: detail}) }
	c := &calendar{zone: time.UTC}
	if v := r.value("time_zone"); v.set {
		zone, ok := zoneOf(v.text)
		if !ok {
			fault("time_zone", "must be a name of the IANA time zone database, like Asia/Seoul")
		} else {
			c.zone = zone
		}
	}
	const badDate = "must be a date like 2026-07-14"
	var ok bool
	if c.start, ok = dateOf(r.value("start_date").text); !ok {
		fault("start_date", badDate)
	}
	year, month, day := now.In(c.zone).Date()
	c.end = noon(year, month, day)
	if v := r.value("end_date"); v.set {
		if c.end, ok = dateOf(v.text); !ok {
			fault("end_date", badDate)
		}
	}
	if len(faults) == 0 {
		switch {
		case c.end.Before(c.start):
			fault("end_date", "must not be before start_date; it is today in the time zone when it is not sent")
		case !c.end.Before(c.start.AddDate(rangeYearsMax, 0, 0)):
			fault("end_date", fmt.Sprintf("must be less than %d years after start_date", rangeYearsMax))
		}
	}
	if len(faults) > 0 {
		return nil, &commerce.Error{Code: commerce.CodeValidation, Detail: "the request is not valid", Violations: faults}
	}
	return c, nil
}

// zoneOf returns the time zone of a name. The machine's own is not one that callers could know.
func zoneOf(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// The years that dates may name: an order cannot have been placed before 1970.
const (
	calendarYearMin = 1970
	calendarYearMax = 9000
)

func dateOf(text string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < calendarYearMin || t.Year() > calendarYearMax {
		return time.Time{}, false
	}
	return noon(t.Date()), true
}

func noon(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// cut cuts the range into intervals.
func (c *calendar) cut(interval int) error {
	c.interval = interval
	for first := c.start; !first.After(c.end); first = c.next(first) {
		if len(c.firsts) == intervalsMax {
			return invalidParameter("interval", fmt.Sprintf(
				"cuts the range into more than %d intervals; take a longer interval or a shorter range", intervalsMax))
		}
		c.firsts = append(c.firsts, first)
		c.bounds = append(c.bounds, c.beginning(first))
	}
	c.bounds = append(c.bounds, c.beginning(c.end.AddDate(0, 0, 1)))
	return nil
}

// next returns the first day of the interval after the one in which a day lies.
func (c *calendar) next(day time.Time) time.Time {
	switch c.interval {
	case intervalWeek:
		sinceMonday := (int(day.Weekday()) + 6) % 7
		return day.AddDate(0, 0, 7-sinceMonday)
	case intervalMonth:
		return noon(day.Year(), day.Month()+1, 1)
	default:
		return day.AddDate(0, 0, 1)
	}
}

// last returns the last day of an interval.
func (c *calendar) last(interval int) time.Time {
	if interval+1 < len(c.firsts) {
		return c.firsts[interval+1].AddDate(0, 0, -1)
	}
	return c.end
}

// quarters is the whole range.
func (c *calendar) quarters() persistence.SalesRange {
	return persistence.SalesRange{From: c.beginning(c.start), To: c.beginning(c.end.AddDate(0, 0, 1))}
}

// beginning returns the quarter hour in which a day begins in the time zone: the first one that has its date, or, when
// the zone left the whole day out, a later date. Mostly that is midnight. Where clocks are changed at midnight it is
// not: then the quarter hours before and after are looked at, one after another.
func (c *calendar) beginning(day time.Time) persistence.Quarter {
	year, month, date := day.Date()
	isLater := func(q persistence.Quarter) bool {
		return !noon(q.Time().In(c.zone).Date()).Before(day)
	}
	q := persistence.QuarterOf(time.Date(year, month, date, 0, 0, 0, 0, c.zone))
	if isLater(q) && !isLater(q-1) {
		return q
	}
	const most = 30 * 4 // quarter hours: zones are at most 14 hours from UTC, and some have jumped by a day
	for q -= most; !isLater(q); q++ {
	}
	return q
}
