package orderreplay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/csvfile"
)

// FuzzOrders: a file of orders is read to its end or refused, and no order has more lines than one may have.
func FuzzOrders(f *testing.F) {
	header := strings.Join(columns().Required, ",")
	f.Add(header + "\no1,2016-10-10T15:59:00Z,P1,1,100\no1,2016-10-10T15:59:00Z,P2,1,100\n")
	f.Add(header + "\no1,yesterday,P1,1,100\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := csvfile.NewReader("f", strings.NewReader(text), columns())
		if err != nil {
			return
		}
		for o, err := range group(file.Rows()) {
			if err != nil {
				return
			}
			require.NotEmpty(t, o.key)
			require.LessOrEqual(t, len(o.lines), commerce.OrderItemsMax)
		}
	})
}
