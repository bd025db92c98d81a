package commerce

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// checker gathers the faults of one command, so that a caller is told all of them at once.
type checker struct {
	violations []Violation
}

func (c *checker) add(pointer, format string, args ...any) {
	c.violations = append(c.violations, Violation{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

// text checks a text of at most max characters, which must say something when it is required.
// Invalid UTF-8 and control characters are refused here, at the edge: a database refuses some of
// them in the middle of a batch, and a terminal or a log obeys others.
func (c *checker) text(pointer, value string, required bool, max int) {
	switch {
	case plain(value) && len(value) <= max: // nearly always, and quickly seen
	case !utf8.ValidString(value):
		c.add(pointer, "must be valid UTF-8")
	case required && strings.TrimSpace(value) == "":
		c.add(pointer, "must not be empty")
	case len(value) > max && utf8.RuneCountInString(value) > max:
		c.add(pointer, "must be at most %d characters long, but has %d", max, utf8.RuneCountInString(value))
	default:
		for _, char := range value {
			if char < ' ' && char != '\n' && char != '\r' && char != '\t' || char == 0x7f {
				c.add(pointer, "must not contain the control character %U", char)
				return
			}
		}
	}
}

// plain reports whether a text is of visible ASCII characters only, at least one of them, and spaces
// between them.
func plain(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return value != "" && value[0] != ' '
}

// number checks an integer from min to max.
func (c *checker) number(pointer string, value, min, max int64) {
	if value < min || value > max {
		c.add(pointer, "must be an integer from %d to %d, but is %d", min, max, value)
	}
}

// key checks an idempotency key; the empty one means that none was given.
func (c *checker) key(key string) {
	if len(key) > IdempotencyKeyMax {
		c.add("Idempotency-Key", "must be at most %d characters long, but has %d", IdempotencyKeyMax, len(key))
		return
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			c.add("Idempotency-Key", "must be visible ASCII characters only")
			return
		}
	}
}
