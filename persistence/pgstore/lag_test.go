package pgstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

func TestALagIsNotedByTheBatchThatNeedsIt(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	store := openStore(t, url)
	w := storetest.NewWorkload(1)
	open := func() persistence.Writer {
		writer, err := store.OpenWriter(t.Context())
		require.NoError(t, err)
		w.Epoch = writer.Epoch()
		return writer
	}
	writer := open()
	var res persistence.Result
	product := w.Product("", 100)
	require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), product), &res))
	place := func(later time.Duration) (noted int64) {
		w.Advance(later)
		e := w.Order("ann", w.SKU(), storetest.Line{Product: product.Product.Row, Quantity: 1})
		require.NoError(t, writer.Commit(t.Context(), w.Batch(writer.NextSeq(), e), &res))
		require.NoError(t, connect(t, url).QueryRow(t.Context(), `SELECT ms FROM ledger_lag`).Scan(&noted))
		return noted
	}
	require.EqualValues(t, lagMin, place(0))
	require.EqualValues(t, lagMin, place(time.Hour))
	require.EqualValues(t, lagMin, place(-lagMin*time.Millisecond), "as much as was noted")
	require.EqualValues(t, lagGrowth*2000, place(-time.Second))
	require.EqualValues(t, lagGrowth*2000, place(-time.Second), "room was left")
	writer = open()
	require.EqualValues(t, lagGrowth*5000, place(-2*time.Second), "behind what another writer wrote")
	require.EqualValues(t, lagGrowth*5000, place(time.Minute))
}
