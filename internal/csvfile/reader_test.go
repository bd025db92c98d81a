package csvfile_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/csvfile"
)

func spec() csvfile.Spec {
	return csvfile.Spec{Required: []string{"sku", "stock"}, Optional: []string{"name"}}
}

// readAll reads a file the way the commands do: rows as "line sku stock name", faults as their text.
func readAll(t *testing.T, text string) []string {
	t.Helper()
	r, err := csvfile.NewReader("f.csv", strings.NewReader(text), spec())
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for row, err := range r.Rows() {
		if err == nil {
			var line string
			line, err = describe(row)
			out = append(out, line)
		}
		if err != nil {
			out = append(out, err.Error())
		}
	}
	return out
}

func describe(row csvfile.Row) (string, error) {
	sku, err := row.Text("sku")
	if err != nil {
		return "", err
	}
	if _, err := row.Int("stock", 0, 9); err != nil {
		return "", err
	}
	name, err := row.Text("name")
	return sku + "=" + name, err
}

func TestReader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claim string
		text  string
		want  []string
	}{
		{"reads rows", "sku,stock\na,1\nb,2\n", []string{"a=", "b="}},
		{"columns stand in any order", "name,stock,sku\nred cup,1,a\n", []string{"a=red cup"}},
		{"windows line ends and a byte order mark are fine", "\ufeffsku,stock\r\na,1\r\n", []string{"a="}},
		{"quoted fields hold commas and line ends", "sku,stock,name\na,1,\"x,\ny\"\nb,2,z\n", []string{"a=x,\ny", "b=z"}},
		{"an empty file", "", []string{"f.csv:1: the file is empty; its first line must name the columns sku,stock"}},
		{"a header and nothing else", "sku,stock\n", nil},
		{"UTF-16 is named", "\xff\xfes\x00", []string{"f.csv:1: the file is UTF-16; save it as UTF-8"}},
		{"semicolons are named", "sku;stock\na;1\n", []string{"f.csv:1: columns must be separated by commas"}},
		{"a missing column is named", "sku\na\n", []string{"f.csv:1: column stock is missing; the columns are sku,stock[,name]"}},
		{"an unknown column is named", "sku,stock,colour\n", []string{`f.csv:1: column 3 is "colour", which is unknown; the columns are sku,stock[,name]`}},
		{"a column twice", "sku,stock,sku\n", []string{"f.csv:1: column sku stands there twice"}},
		{
			"a short row does not keep the next from being read", "sku,stock\na\nb,2\n",
			[]string{"f.csv:2: must have as many fields as the header, 2", "b="},
		},
		{
			"a stray quote does not keep the next from being read", "sku,stock\na\"x,1\nb,2\n",
			[]string{`f.csv:2: bare " in non-quoted-field`, "b="},
		},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, readAll(t, tt.text))
		})
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claim string
		row   string
		want  string
	}{
		{"a number too large", "a,10", `f.csv:2: stock must be an integer from 0 to 9, but is "10"`},
		{"a number too small", "a,-1", `f.csv:2: stock must be an integer from 0 to 9, but is "-1"`},
		{"a fraction", "a,1.5", `f.csv:2: stock must be an integer from 0 to 9, but is "1.5"`},
		{"no number", "a,", `f.csv:2: stock must be an integer from 0 to 9, but is ""`},
		{"beyond 64 bits", "a,99999999999999999999", `f.csv:2: stock must be an integer from 0 to 9, but is "99999999999999999999"`},
		{"a long value is clipped", "a," + strings.Repeat("x", 100), `f.csv:2: stock must be an integer from 0 to 9, but is "` + strings.Repeat("x", 40) + `…"`},
		{"text that is not UTF-8", "\xff,1", "f.csv:2: sku must be UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, readAll(t, "sku,stock\n"+tt.row+"\n"), tt.want)
		})
	}
}

func TestReaderReadsNoEndlessRow(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader("sku,stock\n\"x\ny\",1\n\"a"), repeated{})
	r, err := csvfile.NewReader("f.csv", endless, spec())
	require.NoError(t, err)
	var errs []error
	for _, err := range r.Rows() {
		errs = append(errs, err)
	}
	require.Len(t, errs, 2)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], csvfile.ErrRowTooLong)
	require.ErrorContains(t, errs[1], "f.csv:4: a row is longer than 1048576 bytes")
}

func TestReaderEndsAtAReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk broken")
	r, err := csvfile.NewReader("f.csv", io.MultiReader(strings.NewReader("sku,stock\na,1\n"), iotest.ErrReader(broken)), spec())
	require.NoError(t, err)
	var last error
	rows := 0
	for _, err := range r.Rows() {
		rows++
		last = err
	}
	require.Equal(t, 2, rows)
	require.ErrorIs(t, last, broken)
}

// repeated is an endless text.
type repeated struct{}

func (repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzReader(f *testing.F) {
	f.Add("sku,stock\na,1\n")
	f.Add("\ufeffname,sku,stock\r\n\"x\ny\",a,1\r\n")
	f.Add("sku,stock\n\"a")
	f.Fuzz(func(t *testing.T, text string) {
		for _, line := range readAll(t, text) {
			_ = line // reading ends and does not panic, whatever the text
		}
	})
}
