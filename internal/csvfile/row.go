package csvfile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Row is one row of a file. It is valid until the next one is asked for; the texts it returns are
// the caller's.
type Row struct {
	file   *Reader
	line   int
	fields []string
}

// Line returns the line the row begins in; the header is line 1.
func (r Row) Line() int { return r.line }

// Has reports whether the file has an optional column.
func (r Row) Has(column string) bool {
	_, ok := r.file.columns[column]
	return ok
}

// Text returns the text in a column, without the spaces around it, or "" when the file lacks the
// column. Text that is not UTF-8 is an *Error.
func (r Row) Text(column string) (string, error) {
	i, ok := r.file.columns[column]
	if !ok {
		return "", nil
	}
	text := strings.TrimSpace(r.fields[i])
	if !utf8.ValidString(text) {
		return "", r.Fault(column, "must be UTF-8")
	}
	return text, nil
}

// Int returns the integer in a column, from low to high. Anything else is an *Error.
func (r Row) Int(column string, low, high int64) (int64, error) {
	text, err := r.Text(column)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, r.Fault(column, fmt.Sprintf("must be an integer from %d to %d, but is %q", low, high, clip(text)))
	}
	return n, nil
}

// Fault makes a fault of this row. The column may be empty: then it is about the whole row.
func (r Row) Fault(column, detail string) *Error {
	return &Error{File: r.file.name, Line: r.line, Column: column, Detail: detail}
}

// clipBytes bounds what is shown of a wrong value.
const clipBytes = 40

func clip(s string) string {
	if len(s) <= clipBytes {
		return s
	}
	return strings.ToValidUTF8(s[:clipBytes], "") + "…"
}

// Error is one thing wrong with a file: where, and what would be right.
type Error struct {
	File   string
	Line   int
	Column string // empty when it is about the whole row
	Detail string
}

// Error implements error: products.csv:17: price_minor must be an integer from 0 to 9, but is "x".
func (f *Error) Error() string {
	if f.Column == "" {
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Detail)
	}
	return fmt.Sprintf("%s:%d: %s %s", f.File, f.Line, f.Column, f.Detail)
}
