package pebblestore

import (
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
