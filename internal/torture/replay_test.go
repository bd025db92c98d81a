package torture_test

import (
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/torture"
)

// replayFiles are the files of the directory that -torture.real names.
const (
	productsFile = "olist_products.csv"
	ordersFile   = "olist_orders.csv"
)

// madeUpFiles writes files like the real ones. Some of the orders ask for more than there is, or at a price
// that is not the product's.
func madeUpFiles(t *testing.T, productCount, orderCount int) (products, orders string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed(t), 5))
	rows := [][]string{{"product_id", "category", "price_minor", "currency", "stock"}}
	var prices []int
	for i := range productCount {
		prices = append(prices, 100+rng.IntN(90_000))
		rows = append(rows, []string{productID(i), "toys", strconv.Itoa(prices[i]), "BRL", strconv.Itoa(rng.IntN(60))})
	}
	lines := [][]string{{"order_id", "placed_at", "product_id", "quantity", "unit_price_minor"}}
	for i := range orderCount {
		at := time.Date(2017, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
		for range 1 + rng.IntN(3) {
			product := rng.IntN(len(prices))
			price := prices[product]
			if rng.IntN(100) == 0 {
				price++
			}
			lines = append(lines, []string{
				fmt.Sprintf("%032x", i+1), at, productID(product), strconv.Itoa(1 + rng.IntN(3)), strconv.Itoa(price),
			})
		}
	}
	dir := t.TempDir()
	return writeCSV(t, filepath.Join(dir, productsFile), rows), writeCSV(t, filepath.Join(dir, ordersFile), lines)
}

func productID(i int) string { return fmt.Sprintf("%032x", 1<<20+i*7919) }

func writeCSV(t *testing.T, path string, rows [][]string) string {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, csv.NewWriter(file).WriteAll(rows))
	require.NoError(t, file.Close())
	return path
}

// replay replays files on a server with each store, and returns what it came to.
func replay(t *testing.T, server *torture.Server, products, orders string) *torture.ReplayReport {
	t.Helper()
	begin := time.Now()
	report, err := tryReplay(t, server, products, orders)
	require.NoError(t, err)
	t.Logf("%d products made, %d orders placed, %d refused, %d transitions in %s", report.Products.Created,
		report.Orders.Placed, report.Orders.RefusedAll(), report.Moves, time.Since(begin).Round(time.Millisecond))
	return report
}

func tryReplay(t *testing.T, server *torture.Server, products, orders string) (*torture.ReplayReport, error) {
	t.Helper()
	replay := &torture.Replay{Address: start(t, server), Products: products, Orders: orders, Lives: 1000}
	return replay.Run(t.Context())
}

// TestReplayIsEqualOnBothStores replays orders on a server with each store, and compares all that the two
// show: what must not depend on the store does not.
func TestReplayIsEqualOnBothStores(t *testing.T) {
	t.Parallel()
	binary := build(t, "")
	var products, orders string
	if dir := flag.Lookup("torture.real").Value.String(); dir != "" {
		products, orders = filepath.Join(dir, productsFile), filepath.Join(dir, ordersFile)
	} else {
		products, orders = madeUpFiles(t, 60, 400)
	}
	reports := make(map[kind]*torture.ReplayReport)
	for _, on := range []kind{onPebble, onPostgres} {
		server := on.server(t, binary)
		reports[on] = replay(t, server, products, orders)
	}
	one, two := reports[onPebble], reports[onPostgres]
	require.Positive(t, one.Orders.Placed)
	require.Positive(t, one.Moves)
	require.Equal(t, one.Products, two.Products)
	require.Equal(t, one.Orders, two.Orders)
	require.Equal(t, one.Moves, two.Moves)
	require.Empty(t, one.Portrait.Differences(two.Portrait))
	require.Len(t, one.Portrait.Orders, int(one.Orders.Placed))
	t.Logf("equal on both stores: %s", one.Portrait)
}
