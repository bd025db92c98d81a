package pebblestore

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence/salesbook"
)

// FuzzDecodeNumber: the rows that name the numbers of sums hold what was written, or are refused.
func FuzzDecodeNumber(f *testing.F) {
	f.Add(appendNumberRow(nil, salesbook.Name{Product: commerce.ID{1}, Currency: commerce.DefaultCurrency()}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, row []byte) {
		if name, err := decodeNumber(row); err == nil {
			require.Equal(t, row, appendNumberRow(nil, name))
		}
	})
}

// FuzzRunPart: a part of a run holds what was written, or is refused; it never makes up lines.
func FuzzRunPart(f *testing.F) {
	row := appendMovement(nil, &commerce.Movement{Order: commerce.ID{1}, Reason: commerce.ReasonPlaced})
	f.Add(loosePart([]runLine{{commerce.ID{1}, 1, row}, {commerce.ID{1}, 2, row}, {commerce.ID{2}, 7, row}}))
	f.Add([]byte{rowVersion})
	f.Fuzz(func(t *testing.T, part []byte) {
		r := new(run)
		if err := r.add(part); err != nil {
			require.ErrorIs(t, err, errCorrupt)
			return
		}
		r.seal()
		require.LessOrEqual(t, len(r.lines), len(part))
		var lines []runLine
		for i := range r.products {
			p := r.part(i)
			for version := range uint64(len(p.lines)) {
				lines = append(lines, runLine{r.products[i].id, p.first + version, p.row(p.first + version)})
			}
		}
		again, parts, err := makeRun(0, lines)
		require.NoError(t, err)
		require.Equal(t, r.products, again.products)
		require.Equal(t, r.orders, again.orders)
		total := 0
		for _, p := range parts {
			total += len(p)
		}
		require.Equal(t, len(again.bytes), total)
	})
}

// FuzzPage: a page of the ledger holds what was written, or is refused.
func FuzzPage(f *testing.F) {
	row := appendMovement(nil, &commerce.Movement{Order: commerce.ID{1}, Reason: "stolen"})
	f.Add(row)
	f.Add(appendBytes(appendBytes([]byte{pageVersion}, row), row))
	f.Add([]byte{pageVersion})
	f.Fuzz(func(t *testing.T, value []byte) {
		var page, again ledgerPage
		key := numberedKey(nil, tableLedger, commerce.ID{1}, 7)
		if err := page.read(key, value); err != nil {
			require.ErrorIs(t, err, errCorrupt)
			return
		}
		require.NotEmpty(t, page.rows)
		b := []byte{pageVersion}
		for _, row := range page.rows {
			b = appendBytes(b, row)
		}
		require.NoError(t, again.read(key, b))
		require.Len(t, again.rows, len(page.rows))
		for i := range page.rows {
			require.True(t, bytes.Equal(page.rows[i], again.rows[i]))
		}
	})
}

// FuzzPack: a pack names what was written, or is refused.
func FuzzPack(f *testing.F) {
	key := packKey(nil, commerce.ID{9}, commerce.ID{3})
	f.Add(key, appendPack(nil, []commerce.ID{{1}, {2}}))
	f.Add(key, appendPack(nil, nil))
	f.Add([]byte{tablePacks}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		orders, err := readPack(nil, key, value)
		if err != nil {
			require.ErrorIs(t, err, errCorrupt)
			return
		}
		require.Equal(t, value, appendPack(nil, orders[:len(orders)-1]))
	})
}

// FuzzMerged: the mark of a merge says what was written, or is refused.
func FuzzMerged(f *testing.F) {
	f.Add(encodeMerged(&merged{seq: 7, upTo: 9, next: commerce.ID{1}, newest: commerce.ID{2}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, row []byte) {
		if m, err := decodeMerged(row); err == nil {
			require.Equal(t, row, encodeMerged(&m))
		}
	})
}
