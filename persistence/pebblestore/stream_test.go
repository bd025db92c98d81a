package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// A store from before it kept a stream goes on with one from its next batch on, and says so.
func TestStream_BeginsInTheMiddleOfAnOlderStore(t *testing.T) {
	t.Parallel()
	opts := small(vfs.NewMem())
	w := storetest.NewWorkload(1)
	commit := func(s *Store) persistence.Position {
		writer, err := s.OpenWriter(t.Context())
		require.NoError(t, err)
		w.Epoch = writer.Epoch()
		e := w.Product("", 10)
		seq := writer.NextSeq()
		var res persistence.Result
		require.NoError(t, writer.Commit(t.Context(), w.Batch(seq, e), &res))
		return persistence.Position{Writer: writer.Epoch(), Batch: seq, Entity: e.Event.Entity, Seq: 1}
	}
	older, err := Open(t.Context(), opts)
	require.NoError(t, err)
	for range 3 {
		commit(older)
	}
	_, err = older.EventsAfter(t.Context(), persistence.Position{}, 10) // folds
	require.NoError(t, err)
	require.NoError(t, older.mu.instance.db.DeleteRange([]byte{tableStream}, []byte{tableStream + 1}, pebble.Sync))
	require.NoError(t, older.Close())

	for range 2 { // and over a restart
		s, err := Open(t.Context(), opts)
		require.NoError(t, err)
		at := commit(s)
		_, err = s.EventsAfter(t.Context(), persistence.Position{}, 10)
		require.ErrorIs(t, err, persistence.ErrPositionGone)
		_, err = s.EventsAfter(t.Context(), persistence.Position{Batch: 2}, 10)
		require.ErrorIs(t, err, persistence.ErrPositionGone)
		events, err := s.EventsAfter(t.Context(), persistence.EndOfBatch(at.Writer-1, at.Batch-1), 10)
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, at, events[0].Position)
		require.NoError(t, s.Close())
	}
}

// What is not a row of the stream is an error, never a panic nor more memory than it holds.
func FuzzDecodeStreamRow(f *testing.F) {
	var rows streamRows
	rows.open(7)
	rows.add(&recordEntry{parts: partEvent, entity: commerce.ID{1}, eventSeq: 300})
	rows.add(&recordEntry{parts: partEvent, entity: commerce.ID{0, 1}, eventSeq: 1})
	f.Add(streamKey(nil, 9), rows.buf)
	f.Add([]byte{tableStream}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var row streamRow
		if decodeStreamRow(key, value, &row) != nil {
			return
		}
		require.LessOrEqual(t, 17*len(row.names), len(value))
		for i := 1; i < len(row.names); i++ {
			require.LessOrEqual(t, row.names[i-1].compare(row.names[i]), 0)
		}
	})
}
