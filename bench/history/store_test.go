package history_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/bench/history"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// write writes a past into a store and looks whether all is there.
func write(t *testing.T, store persistence.Store) {
	t.Helper()
	past, err := history.New(history.Config{Orders: 1500, Products: 60, Days: 120})
	require.NoError(t, err)
	told := 0
	require.NoError(t, past.Write(t.Context(), store, func(orders int) { told = orders }))
	require.Equal(t, 1500, told)
	report, err := store.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	require.Equal(t, int64(1500), report.Orders)
	require.Equal(t, int64(60), report.Products)
	require.Positive(t, report.Keys)
	for _, status := range []commerce.Status{commerce.StatusCompleted, commerce.StatusCancelled} {
		found, err := store.Orders(t.Context(), persistence.OrderQuery{Status: status, Limit: 1})
		require.NoError(t, err)
		require.Len(t, found, 1, status)
	}
	require.ErrorContains(t, past.Write(t.Context(), store, nil), "is the store empty?")
}

func TestTheBooksOfAPastAddUpInTheEmbeddedStore(t *testing.T) {
	t.Parallel()
	store, err := pebblestore.Open(t.Context(), pebblestore.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	write(t, store)
}

func TestTheBooksOfAPastAddUpInADatabaseAndEachMonthHasItsPartition(t *testing.T) {
	t.Parallel()
	url := shared.From(t, "schema", func(ctx context.Context, url string) error {
		_, err := pgstore.Migrate(ctx, url)
		return err
	})
	store, err := pgstore.Open(t.Context(), pgstore.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	write(t, store)

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // it is about to be dropped
	var strays int
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT (SELECT count(*) FROM orders_default) + (SELECT count(*) FROM order_events_default)`).Scan(&strays))
	require.Zero(t, strays)
}

func TestWritingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	store, err := pebblestore.Open(t.Context(), pebblestore.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	past, err := history.New(history.Config{Orders: 1_000_000, Products: 60})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = past.Write(ctx, store, func(int) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
}
