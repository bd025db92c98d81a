// Package csvfile reads CSV files with a header, row by row, for the commands that bring real data
// in. Whatever is wrong with a file is said with its name, line and column, and a fault in one row
// does not keep the next from being read.
//
// It holds one row at a time, however long the file is. What the columns mean is its callers'
// business (productimport, orderreplay).
package csvfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// recordBytesMax bounds one row, so that a quote left open does not read the whole file into
// memory.
const recordBytesMax = 1 << 20

// Spec names the columns of a file. They may stand in any order.
type Spec struct {
	Required []string
	Optional []string
}

// Reader reads the rows of one file. One goroutine uses it.
type Reader struct {
	name    string
	csv     *csv.Reader
	limit   *recordLimit
	columns map[string]int // column → its place in a row
	next    int            // the line that the next row begins in, or an empty one before it
}

// NewReader reads the header of a file and checks it against spec. The name stands in faults; the
// caller closes r. A header that does not fit is an *Error.
func NewReader(name string, r io.Reader, spec Spec) (*Reader, error) {
	limit := &recordLimit{r: r}
	limit.reset()
	buffered := bufio.NewReader(limit)
	if err := skipMark(name, buffered); err != nil {
		return nil, err
	}
	f := &Reader{name: name, csv: csv.NewReader(buffered), limit: limit}
	f.csv.ReuseRecord = true
	header, err := f.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, &Error{File: name, Line: 1, Detail: "the file is empty; its first line must name the columns " + strings.Join(spec.Required, ",")}
	}
	if err != nil {
		return nil, f.fault(err)
	}
	f.passed(header)
	f.columns, err = spec.match(name, header)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// skipMark skips the byte order mark that spreadsheets write, and refuses those of encodings that
// are not read.
func skipMark(name string, r *bufio.Reader) error {
	mark, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	switch {
	case bytes.HasPrefix(mark, []byte{0xef, 0xbb, 0xbf}):
		if _, err := r.Discard(3); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		return &Error{File: name, Line: 1, Detail: "the file is UTF-16; save it as UTF-8"}
	}
	return nil
}

func (s *Spec) match(name string, header []string) (map[string]int, error) {
	fault := func(format string, args ...any) error {
		return &Error{File: name, Line: 1, Detail: fmt.Sprintf(format, args...)}
	}
	known := slices.Concat(s.Required, s.Optional)
	columns := make(map[string]int, len(header))
	for i, column := range header {
		column = strings.TrimSpace(column)
		if len(header) == 1 && strings.ContainsAny(column, ";\t") {
			return nil, fault("columns must be separated by commas")
		}
		if !slices.Contains(known, column) {
			return nil, fault("column %d is %q, which is unknown; the columns are %s", i+1, column, s)
		}
		if _, twice := columns[column]; twice {
			return nil, fault("column %s stands there twice", column)
		}
		columns[column] = i
	}
	for _, column := range s.Required {
		if _, ok := columns[column]; !ok {
			return nil, fault("column %s is missing; the columns are %s", column, s)
		}
	}
	return columns, nil
}

// String lists the columns, the optional ones in brackets.
func (s *Spec) String() string {
	list := strings.Join(s.Required, ",")
	for _, column := range s.Optional {
		list += "[," + column + "]"
	}
	return list
}

// Rows returns the rows after the header, in order, once. A row that cannot be read comes as an
// *Error and the next ones follow; any other error ends the rows. A row is valid until the next one
// is asked for.
func (f *Reader) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			f.limit.reset()
			fields, err := f.csv.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = f.fault(err)
				var fault *Error
				if more := yield(Row{}, err); !more || !errors.As(err, &fault) {
					return
				}
				continue
			}
			line, _ := f.csv.FieldPos(0)
			f.passed(fields)
			if !yield(Row{file: f, line: line, fields: fields}, nil) {
				return
			}
		}
	}
}

// passed notes where the row that was just read ends.
func (f *Reader) passed(fields []string) {
	last := len(fields) - 1
	line, _ := f.csv.FieldPos(last)
	f.next = line + strings.Count(fields[last], "\n") + 1
}

// Offset returns how many bytes of the file have been read into rows.
func (f *Reader) Offset() int64 { return f.csv.InputOffset() }

// fault turns what the CSV reader says into a fault with its place, and leaves other errors.
func (f *Reader) fault(err error) error {
	if errors.Is(err, ErrRowTooLong) {
		return fmt.Errorf("%s:%d: %w", f.name, max(f.next, 1), err)
	}
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	detail := parse.Err.Error()
	if errors.Is(err, csv.ErrFieldCount) {
		detail = fmt.Sprintf("must have as many fields as the header, %d", f.csv.FieldsPerRecord)
	}
	return &Error{File: f.name, Line: parse.StartLine, Detail: detail}
}

// ErrRowTooLong ends a file whose row is longer than 1 MiB: nobody knows where the next one begins.
var ErrRowTooLong = fmt.Errorf("a row is longer than %d bytes; is a quote left open", recordBytesMax)

// recordLimit fails when one row reads too much.
type recordLimit struct {
	r    io.Reader
	left int
}

// bufferBytes is more than the readers above read ahead.
const bufferBytes = 64 << 10

func (l *recordLimit) reset() { l.left = recordBytesMax + bufferBytes }

// Read implements io.Reader.
func (l *recordLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrRowTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
