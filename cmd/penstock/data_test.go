package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/internal/orderreplay"
	"github.com/penstock-dev/penstock/internal/productimport"
	"github.com/penstock-dev/penstock/persistence"
)

const productsCSV = `product_id,category,price_minor,currency,stock
aaaabbbbccccdddd,toys,1500,KRW,3
bbbbccccddddeeee,,2500,KRW,1
`

const ordersCSV = `order_id,placed_at,product_id,quantity,unit_price_minor
order-1,2016-10-10T15:59:00Z,aaaabbbbccccdddd,2,1500
order-1,2016-10-10T15:59:00Z,bbbbccccddddeeee,1,2500
order-2,2016-10-11T15:59:00Z,aaaabbbbccccdddd,1,1500
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestRealWork goes the way of real input: import, replay, again, verify running and stopped.
func TestRealWork(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := startServer(t, data)
	products, orders := write(t, "products.csv", productsCSV), write(t, "orders.csv", ordersCSV)
	answers := filepath.Join(t.TempDir(), "answers.csv")
	penstock := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := runCommand(t, []string{"PENSTOCK_TARGET=" + s.target}, args...)
		require.Equal(t, code, got, stdout+stderr)
		return stdout
	}

	require.Equal(t, "2 products in "+products+": 2 created, 0 already there, 0 failed\n", penstock(exitOK, "import", "products", products))
	var imported productimport.Summary
	require.NoError(t, json.Unmarshal([]byte(penstock(exitOK, "import", "products", products, "--json")), &imported))
	require.Equal(t, productimport.Summary{Already: 2}, imported)

	first := penstock(exitOK, "replay", orders, "--answers", answers)
	require.Contains(t, first, "2 orders (3 lines) in "+orders+": 2 placed, 0 replayed, 0 refused")
	require.Contains(t, first, "answers: 0 equal to the first ones, 2 new, 0 different\n")
	second := penstock(exitOK, "replay", orders, "--answers", answers)
	require.Contains(t, second, ": 0 placed, 2 replayed, 0 refused")
	require.Contains(t, second, "answers: 2 equal to the first ones, 0 new, 0 different\n")

	late := write(t, "late.csv", ordersCSV+"order-3,2016-10-12T15:59:00Z,aaaabbbbccccdddd,1,1500\norder-4,2016-10-12T15:59:00Z,bbbbccccddddeeee,1,1\n")
	var replay replayed
	require.NoError(t, json.Unmarshal([]byte(penstock(exitFailed, "replay", late, "--json", "--concurrency", "1")), &replay))
	replay.Seconds = 0
	require.Equal(t, replayed{Summary: orderreplay.Summary{
		Orders: 4, Lines: 5, Replayed: 2, Refused: map[string]int64{"insufficient_stock": 1, "price_changed": 1},
	}}, replay)

	require.Contains(t, penstock(exitOK, "verify", "--target", s.target), "checked 2 products, 2 orders, 5 movements, 4 events, ")
	require.Equal(t, exitOK, s.stop(t), s.logs.String())
	var report persistence.Report
	require.NoError(t, json.Unmarshal([]byte(penstock(exitOK, "verify", "--data", data, "--json")), &report))
	require.True(t, report.OK())
	require.Contains(t, penstock(exitOK, "verify", "--data", data, "--json"), `{"ok":true,"products":2,`)
	require.EqualValues(t, 2, report.Orders)
	penstock(exitUnavailable, "import", "products", products)
}

func TestImportNamesFaultyRows(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	products := write(t, "products.csv", productsCSV+"x,toys,-1,KRW,1\n")
	code, stdout, stderr := runCommand(t, nil, "import", "products", products, "--target", s.target)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "3 products in "+products+": 2 created, 0 already there, 1 failed\n")
	require.Contains(t, stderr, products+":4: price_minor must be an integer from 0 to 1000000000000, but is \"-1\"\n")
}

func TestASignalEndsAnImport(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	code := run(ctx, []string{"import", "products", write(t, "products.csv", productsCSV)}, nil, &out, &errs)
	require.Equal(t, exitInterrupted, code, errs.String())
	require.Contains(t, out.String(), ": 0 created, 0 already there, 0 failed\n")
}

func TestInputFiles(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	tests := []struct {
		claim string
		args  []string
		code  int
		want  string
	}{
		{"a file that is not there", []string{"import", "products", "nowhere.csv"}, exitNoInput, "nowhere.csv: no such file"},
		{"a directory", []string{"replay", t.TempDir()}, exitNoInput, "is a directory, not a CSV file"},
		{"a file of something else", []string{"import", "products", write(t, "o.csv", ordersCSV)}, exitData, "o.csv:1: column 1 is \"order_id\", which is unknown"},
		{"a row of two megabytes", []string{"import", "products", write(t, "p.csv", productsCSV+strings.Repeat("x", 2<<20)+"\n")}, exitData, "p.csv:4: a row is longer than"},
		{"answers that cannot be kept", []string{"replay", write(t, "o.csv", ordersCSV), "--answers", t.TempDir() + "/nowhere/a.csv"}, exitIO, "write the answers: open "},
		{"an order cut short", []string{"replay", write(t, "o.csv", ordersCSV+"order-3,")}, exitData, "o.csv:5: must have as many fields as the header, 5"},
	}
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := runCommand(t, []string{"PENSTOCK_TARGET=" + s.target}, tt.args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.want)
		})
	}
}
