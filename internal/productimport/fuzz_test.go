package productimport

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/csvfile"
)

// FuzzRows: a file of products is read to its end or refused, and what is read the engine takes.
func FuzzRows(f *testing.F) {
	f.Add("product_id,category,price_minor,currency,stock\na,b,100,KRW,5\n")
	f.Add(strings.Join(columns().Required, ",") + "\nP1,kitchen,100,KRW,5\n,,,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := csvfile.NewReader("f", strings.NewReader(text), columns())
		if err != nil {
			return
		}
		for row, err := range file.Rows() {
			if err != nil {
				return
			}
			if product, err := parse(row); err == nil {
				require.NoError(t, product.Validate())
			}
		}
	})
}
