package pgstore

import (
	"fmt"
	"strconv"
	"time"
)

// text returns a setting's value; empty when the server has no such setting, or does not show it.
func (s settings) text(name string) string { return s[name].text }

// number returns a setting's value in its base unit.
func (s settings) number(name string) int64 {
	n, err := strconv.ParseInt(s[name].text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// bytes returns the value of a setting that is a size.
func (s settings) bytes(name string) int64 {
	unit := int64(1)
	switch s[name].unit {
	case "kB":
		unit = 1 << 10
	case "8kB":
		unit = 8 << 10
	case "MB":
		unit = 1 << 20
	}
	return s.number(name) * unit
}

// duration returns the value of a setting that is a time; 0 means off for all that are asked for here.
func (s settings) duration(name string) time.Duration {
	unit := time.Millisecond
	switch s[name].unit {
	case "s":
		unit = time.Second
	case "min":
		unit = time.Minute
	}
	return time.Duration(s.number(name)) * unit
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes >= unit.bytes {
			return fmt.Sprintf("%.4g %s", float64(bytes)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}
