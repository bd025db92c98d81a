package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// demoShop fills a directory with the demo catalogue and an order, and returns it.
func demoShop(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	s := startServer(t, data, "--demo")
	status, answer := send(t, demoOrder(t, s))
	require.Equal(t, 201, status, answer)
	require.Equal(t, exitOK, s.stop(t))
	return data
}

func TestCopy(t *testing.T) {
	t.Parallel()
	data, url := demoShop(t), newDatabase(t)
	place, err := pgstore.PlaceOf(url)
	require.NoError(t, err)
	environ := []string{"PENSTOCK_DATABASE_URL=" + url}
	code, stdout, stderr := runCommand(t, environ, "copy", "--from", "pebble:"+data, "--to", "postgres:")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "copied 200 products, 1 orders, ")
	require.Contains(t, stdout, " from "+data+" to "+place.String())
	require.Contains(t, stdout, "both sides add up; all rows are the same")
	require.Contains(t, stdout, "keep "+data+" until you are satisfied")

	_, before, _ := runCommand(t, nil, "verify", "--data", data)
	code, after, stderr := runCommand(t, environ, "verify")
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, before, after)

	s := startServer(t, t.TempDir(), "--store", "postgres", "--database-url", url)
	_, orders := get(t, s.target+"/api/v2/products?per_page=1")
	require.Contains(t, orders, `"total":200`)
	require.Equal(t, exitOK, s.stop(t))

	code, _, stderr = runCommand(t, environ, "copy", "--from", "pebble:"+data, "--to", "postgres:")
	require.Equal(t, exitData, code)
	require.Contains(t, stderr, "it holds a finished copy of pebble:"+data)
	require.Contains(t, stderr, "this copy is already finished")
}

// TestACopyThatIsKilledGoesOn kills a copy by SIGKILL while it waits for a table, after it has loaded others.
func TestACopyThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	data, url := demoShop(t), newDatabase(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	lock, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), `LOCK TABLE orders_default, orders IN SHARE MODE`) // lets reads through
	require.NoError(t, err)

	args := []string{"copy", "--from", "pebble:" + data, "--to", "postgres:" + url}
	killed := processOf(t, args...)
	require.NoError(t, killed.Start())
	for loaded := 0; loaded < 4; { // products, stock, ledger, product events
		require.NoError(t, lock.QueryRow(t.Context(), `SELECT count(*) FROM copy_sections`).Scan(&loaded))
		require.NoError(t, t.Context().Err())
	}
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	require.NoError(t, lock.Rollback(t.Context()))

	code, _, stderr := runCommand(t, nil, "serve", "--store", "postgres", "--database-url", url, "--listen", "127.0.0.1:0")
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "Run the same penstock copy again")

	code, stdout, stderr := runCommand(t, nil, append(args, "--json")...)
	require.Equal(t, exitOK, code, stderr)
	var result copied
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	require.EqualValues(t, 200+200+201+200, result.Resumed, "products, stock, their ledger and their events")
}

func TestACopyOfAShopThatWasServedSinceBeginsAgain(t *testing.T) {
	t.Parallel()
	data, url := demoShop(t), newDatabase(t)
	loader, err := pgstore.OpenLoader(t.Context(), pgstore.Options{URL: url}, "pebble:"+data+", batch 1, epoch 1, record 1", false)
	require.NoError(t, err)
	require.NoError(t, loader.Close())
	args := []string{"copy", "--from", "pebble:" + data, "--to", "postgres:" + strings.TrimPrefix(url, "postgres:")}
	code, _, stderr := runCommand(t, nil, args...)
	require.Equal(t, exitData, code)
	require.Contains(t, stderr, "a server has written to it since")
	code, _, stderr = runCommand(t, nil, append(args, "--restart")...)
	require.Equal(t, exitOK, code, stderr)
}

func TestCopySaysWhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	busy := t.TempDir()
	startServer(t, busy)
	url := newDatabase(t)
	tests := map[string]struct {
		from, to string
		code     int
		want     string
	}{
		"a source of another kind":    {"postgres:" + url, "postgres:" + url, exitUsage, "--from must be pebble:DIR"},
		"no directory":                {"pebble:", "postgres:" + url, exitUsage, "--from must be pebble:DIR"},
		"a target of another kind":    {"pebble:x", "pebble:y", exitUsage, "--to must be postgres:URL"},
		"a directory without a store": {"pebble:" + t.TempDir(), "postgres:" + url, exitNoInput, "There is no store in this directory, and none was made"},
		"a directory in use":          {"pebble:" + busy, "postgres:" + url, exitUnavailable, "Another process uses this directory."},
		"a URL that is none":          {"pebble:" + busy, "postgres://%zz", exitConfig, "A database's URL looks like"},
		"a database without a schema": {"pebble:" + filepath.Join(demoShop(t)), "postgres:" + postgres.Database(t), exitConfig, "penstock migrate up"},
	}
	for claim, tt := range tests {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := runCommand(t, nil, "copy", "--from", tt.from, "--to", tt.to)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.want)
		})
	}
}
