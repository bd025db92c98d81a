package wire

import (
	"errors"
	"strings"
	"time"
)

var (
	errBadDate = errors.New("must be a date like 2026-07-14, or a time like 2026-07-14T09:00:00Z")
	errBadPlus = errors.New("must write the plus sign of its zone as %2B in a URL")
)

// The years that dates may name. A UUID's time of making cannot be earlier; the end leaves room
// for the day after it.
const (
	yearMin = 1970
	yearMax = 9998
)

// ParseStart reads the start of a range of times: a time in RFC 3339, or a date, which begins at
// midnight UTC.
func ParseStart(s string) (time.Time, error) {
	t, _, err := parseDate(s)
	return t, err
}

// ParseEnd reads the end of a range, which is not in it any more. A date includes its whole day,
// in UTC: the range ends when the next day begins.
func ParseEnd(s string) (time.Time, error) {
	t, day, err := parseDate(s)
	if day {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

func parseDate(s string) (t time.Time, day bool, err error) {
	if len(s) == len(time.DateOnly) {
		t, err = time.ParseInLocation(time.DateOnly, s, time.UTC)
		day = true
	} else {
		// time.Parse is more generous than RFC 3339: it takes a comma before the fraction, and an
		// hour of one digit.
		if len(s) < len("2026-07-14T09:00:00Z") || s[10] != 'T' || s[13] != ':' || strings.Contains(s, ",") {
			return time.Time{}, false, errBadDate
		}
		if strings.Contains(s, " ") {
			return time.Time{}, false, errBadPlus
		}
		t, err = time.Parse(time.RFC3339, s)
	}
	t = t.UTC()
	if err != nil || t.Year() < yearMin || t.Year() > yearMax {
		return time.Time{}, false, errBadDate
	}
	return t, day, nil
}
