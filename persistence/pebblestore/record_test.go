package pebblestore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func anyBatch(t *rapid.T) (*persistence.Batch, []commerce.Outcome) {
	batch := &persistence.Batch{At: anyTime(t), ID: anyID(t)}
	var outcomes []commerce.Outcome
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		e := &commerce.Entry{}
		if rapid.Bool().Draw(t, "key") {
			binding := anyBinding(t)
			e.Key = &binding
		}
		if rapid.Bool().Draw(t, "order") {
			e.Order = &commerce.OrderChange{Row: anyOrder(t), Expect: rapid.Uint64Range(0, 3).Draw(t, "expect"), PreviousStatus: commerce.StatusPaid}
		}
		if rapid.Bool().Draw(t, "product") {
			e.Product = &commerce.ProductChange{Row: anyProduct(t), Expect: rapid.Uint64Range(0, 3).Draw(t, "expect"), PreviousSKU: anyText(t)}
		}
		for range rapid.IntRange(0, 3).Draw(t, "movements") {
			e.Movements = append(e.Movements, anyMovement(t))
		}
		if rapid.Bool().Draw(t, "event") {
			event := anyEvent(t)
			e.Event = &event
		}
		o := commerce.Outcome{Kind: commerce.OutcomeKind(rapid.IntRange(1, 8).Draw(t, "kind"))}
		switch o.Kind {
		case commerce.Applied:
		case commerce.Replay, commerce.KeyMismatch:
			o.Key = anyBinding(t)
		default:
			o.Stock = anyMovement(t).Level
		}
		batch.Entries, outcomes = append(batch.Entries, e), append(outcomes, o)
	}
	return batch, outcomes
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		batch, outcomes := anyBatch(t)
		b := appendRecord(nil, batch, 7, outcomes)
		r, err := readRecord(b)
		require.NoError(t, err)
		require.Equal(t, batch.ID, r.batchID)
		require.EqualValues(t, 7, r.epoch)
		require.Equal(t, len(batch.Entries), r.entries)
		var got recordEntry
		for i, e := range batch.Entries {
			require.NoError(t, r.next(&got))
			require.Equal(t, outcomes[i], got.outcome)
			if got.outcome.Kind == commerce.Applied {
				requireSameEntry(t, e, &got)
			} else {
				require.Zero(t, got.parts)
				require.Empty(t, got.movements)
			}
		}
		require.NoError(t, r.d.end())
	})
}

func requireSameEntry(t *rapid.T, want *commerce.Entry, got *recordEntry) {
	require.Equal(t, want.Key != nil, got.has(partKey))
	if want.Key != nil {
		binding, err := decodeBinding(got.key, got.binding)
		require.NoError(t, err)
		require.Equal(t, *want.Key, binding)
	}
	require.Equal(t, want.Order != nil, got.has(partOrder))
	if want.Order != nil {
		order, err := decodeOrder(got.order, got.orderRow)
		require.NoError(t, err)
		require.Equal(t, want.Order.Row, order)
		require.Equal(t, want.Order.Expect == 0, got.orderIsNew)
		require.Equal(t, want.Order.PreviousStatus, got.previousStatus)
	}
	require.Equal(t, want.Product != nil, got.has(partProduct))
	if want.Product != nil {
		product, err := decodeProduct(got.product, got.productRow)
		require.NoError(t, err)
		require.Equal(t, want.Product.Row, product)
		require.Equal(t, want.Product.PreviousSKU, string(got.previousSKU))
	}
	require.Len(t, got.movements, len(want.Movements))
	for i := range want.Movements {
		m := &got.movements[i]
		movement, err := decodeMovement(m.product, m.version, m.row)
		require.NoError(t, err)
		require.Equal(t, want.Movements[i], movement)
	}
	require.Equal(t, want.Event != nil, got.has(partEvent))
	if want.Event != nil {
		event, err := decodeEvent(got.entity, got.eventSeq, got.eventRow)
		require.NoError(t, err)
		require.Equal(t, *want.Event, event)
	}
}

// replay reads a record in every way the store does.
func replay(b []byte) error {
	var scratch recordEntry
	t := newTail()
	if err := t.add(1, b, &scratch); err != nil {
		return err
	}
	if _, err := lastOf(1, b); err != nil {
		return err
	}
	f := newFolder()
	if err := f.addRecord(t.filling, new(folded), b); err != nil {
		return err
	}
	return f.addLatest(t.filling)
}

func TestCutRecordsAreRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		batch, outcomes := anyBatch(t)
		b := appendRecord(nil, batch, 7, outcomes)
		require.NoError(t, replay(b))
		require.ErrorIs(t, replay(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]), errCorrupt)
	})
}

func FuzzRecord(f *testing.F) {
	order := &commerce.Order{ID: commerce.ID{1}, Customer: "ann", Items: []commerce.Item{{Product: commerce.ID{2}, Quantity: 1}}}
	batch := &persistence.Batch{At: time.Unix(1, 0), Entries: []*commerce.Entry{
		{
			Key: &commerce.KeyBinding{ID: commerce.KeyID{3}}, Order: &commerce.OrderChange{Row: order},
			Movements: []commerce.Movement{{Product: commerce.ID{2}}}, Event: &commerce.Event{Entity: order.ID},
		},
		{},
		{},
		{},
		{Product: &commerce.ProductChange{Row: &commerce.Product{ID: commerce.ID{2}, SKU: "A"}, PreviousSKU: "B"}},
	}}
	f.Add(appendRecord(nil, batch, 1, []commerce.Outcome{
		{Kind: commerce.Applied}, {Kind: commerce.Replay}, {Kind: commerce.Insufficient}, {Kind: commerce.SKUTaken}, {Kind: commerce.Applied},
	}))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, b []byte) { _ = replay(b) })
}
