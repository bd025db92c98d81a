package pgstore

import "time"

// table gathers rows for one array statement: an array a column. Its methods add one value each, to the
// columns from the first to the last and then to those of the next row, so that the code that fills it
// reads like the statement's list of parameters.
type table struct {
	columns []array
	next    int
	params  [][]byte
}

func newTable(oids ...uint32) table {
	t := table{columns: make([]array, len(oids)), params: make([][]byte, 0, len(oids)+2)}
	for i, oid := range oids {
		t.columns[i] = newArray(oid)
	}
	return t
}

func (t *table) reset() {
	t.next = 0
	for i := range t.columns {
		t.columns[i].reset()
	}
}

// rows is how many rows have been begun.
func (t *table) rows() int { return t.columns[0].n }

func (t *table) column() *array {
	c := &t.columns[t.next]
	if t.next++; t.next == len(t.columns) {
		t.next = 0
	}
	return c
}

func (t *table) uuid(id [16]byte)              { t.column().bytes(id[:]) }
func (t *table) bytes(b []byte)                { t.column().bytes(b) }
func (t *table) text(s string)                 { t.column().text(s) }
func (t *table) int2(v int16)                  { t.column().int2(v) }
func (t *table) int8(v int64)                  { t.column().int8(v) }
func (t *table) time(at time.Time)             { t.column().time(at) }
func (t *table) null()                         { t.column().null() }
func (t *table) grow(fill func([]byte) []byte) { t.column().grow(fill) }

// all returns the statement's parameters: the columns, then what is the same for every row. They are
// good until the next call, or reset.
func (t *table) all(same ...[]byte) [][]byte {
	t.params = t.params[:0]
	for i := range t.columns {
		t.params = append(t.params, t.columns[i].param())
	}
	t.params = append(t.params, same...)
	return t.params
}
