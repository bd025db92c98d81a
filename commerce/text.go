package commerce

import (
	"fmt"
	"unicode/utf8"
)

// checker gathers the faults of one command, so that a caller is told all of them at once.
type checker struct {
	violations []Violation
}

func (c *checker) add(pointer, format string, args ...any) {
	c.violations = append(c.violations, Violation{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

// text checks a text of min to max bytes. NUL and invalid UTF-8 are refused here, at the edge,
// because a database refuses them in the middle of a batch.
func (c *checker) text(pointer, value string, min, max int) {
	switch {
	case len(value) < min && min == 1:
		c.add(pointer, "must not be empty")
	case len(value) > max:
		c.add(pointer, "must be at most %d bytes long, but has %d", max, len(value))
	case !utf8.ValidString(value):
		c.add(pointer, "must be valid UTF-8")
	default:
		for i := range len(value) {
			if value[i] == 0 {
				c.add(pointer, "must not contain the character U+0000")
				return
			}
		}
	}
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
