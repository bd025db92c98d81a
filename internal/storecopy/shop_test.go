package storecopy_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pebblestore"
	"github.com/penstock-dev/penstock/persistence/storetest"
)

// openShop opens the embedded store in a directory until the test ends.
func openShop(t *testing.T, dir string) *pebblestore.Store {
	t.Helper()
	store, err := pebblestore.Open(t.Context(), pebblestore.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// trade fills a store with products and with orders in every state, placed over the months past.
func trade(t *testing.T, store persistence.Store, orders int) {
	t.Helper()
	writer, err := store.OpenWriter(t.Context())
	require.NoError(t, err)
	s := &shop{t: t, writer: writer, w: storetest.NewWorkload(7)}
	s.w.Epoch = writer.Epoch()
	s.w.Advance(-100 * 24 * time.Hour)
	s.w.Terms = commerce.Terms{PaymentTimeout: 15 * time.Minute, KeyTTL: 300 * 24 * time.Hour}
	var products []*commerce.Product
	for range 200 {
		e := s.w.Product(s.w.SKU(), 1_000_000)
		s.add(e)
		products = append(products, e.Product.Row)
	}
	s.flush()
	s.add(s.w.Adjust(products[0].ID, -7, "counted"))
	name := "lamp \"größer\"\t\n다른 이름 | \\x00"
	attributes := `{"colour":"red","n":1.50}`
	update := commerce.UpdateProduct{Caller: commerce.Trusted("merchant"), Product: products[1].ID, Version: 1, Name: &name, Attributes: &attributes}
	changed, err := update.NewEntry(products[1], s.w.Now())
	require.NoError(t, err)
	s.add(changed)
	archive := commerce.UpdateProduct{Caller: commerce.Trusted("merchant"), Product: products[2].ID, Version: 1, Archive: true}
	archived, err := archive.NewEntry(products[2], s.w.Now())
	require.NoError(t, err)
	s.add(archived)
	s.order(orders, products[3:])
	for i := range 3 {
		key := &persistence.AccessKey{
			ID: s.w.ID(), Name: "the till, größer", Subject: "till", Scopes: commerce.ScopesAll, CreatedAt: time.Now(), Version: 1,
			Secrets: []persistence.AccessSecret{{Digest: [32]byte{byte(i)}}, {Digest: [32]byte{31: 1}, ExpiresAt: time.Now()}},
		}
		record := &commerce.AuditRecord{At: time.Now(), Actor: "operator", Action: commerce.AuditKeyCreated, Target: key.ID.String()}
		require.NoError(t, store.PutAccessKey(t.Context(), key, record))
	}
}

// shop writes entries in batches.
type shop struct {
	t       *testing.T
	writer  persistence.Writer
	w       *storetest.Workload
	entries []*commerce.Entry
	result  persistence.Result
}

// order places orders and moves each on: the i-th as far as i says.
func (s *shop) order(orders int, products []*commerce.Product) {
	s.t.Helper()
	path := []commerce.Status{
		commerce.StatusPaid, commerce.StatusProcessing, commerce.StatusShipped, commerce.StatusDelivered, commerce.StatusCompleted,
	}
	var open []*commerce.Order
	for i := range orders {
		s.w.Advance(100 * 24 * time.Hour / time.Duration(orders+1))
		s.w.Terms.KeyTTL = []time.Duration{300 * 24 * time.Hour, time.Minute}[i%7/6] // some have expired
		key := []string{"", fmt.Sprint("key-", i)}[i%2]
		lines := []storetest.Line{{Product: products[0], Quantity: 1}, {Product: products[1+i%(len(products)-1)], Quantity: int64(1 + i%3)}}
		e := s.w.Order(fmt.Sprint("customer-", i%50), key, lines...)
		s.add(e)
		open = append(open, e.Order.Row)
	}
	s.flush()
	s.w.Terms.KeyTTL = 300 * 24 * time.Hour
	for step, to := range path {
		for i, o := range open {
			if i%(len(path)+1) <= step {
				continue
			}
			e := s.w.Transition(o, to, []string{"", fmt.Sprint("step-", step, "-", i)}[i%5/4])
			s.add(e)
			open[i] = e.Order.Row
		}
		s.flush()
	}
	for i, o := range open {
		if i%9 == 0 && o.Status.CanBecome(commerce.StatusCancelled) {
			s.add(s.w.Transition(o, commerce.StatusCancelled, ""))
		}
	}
	s.flush()
}

func (s *shop) add(e *commerce.Entry) {
	s.t.Helper()
	s.entries = append(s.entries, e)
	if len(s.entries) == persistence.BatchEntriesMax {
		s.flush()
	}
}

func (s *shop) flush() {
	s.t.Helper()
	if len(s.entries) == 0 {
		return
	}
	require.NoError(s.t, s.writer.Commit(s.t.Context(), s.w.Batch(s.writer.NextSeq(), s.entries...), &s.result))
	for i := range s.result.Outcomes {
		require.Equal(s.t, commerce.Applied, s.result.Outcomes[i].Kind, "entry %d", i)
	}
	s.entries = s.entries[:0]
}

// inventory is everything that a store tells.
type inventory struct {
	products  []persistence.ProductRow
	orders    []*commerce.Order
	movements []commerce.Movement
	events    []commerce.Event
	keys      []commerce.KeyBinding
	access    []persistence.AccessKey
	audit     []commerce.AuditRecord
	head      persistence.AuditHead
}

// read reads a whole store through the contract.
func read(t *testing.T, store persistence.Store) (all inventory) {
	t.Helper()
	ctx := t.Context()
	for after := (commerce.ID{}); ; after = all.products[len(all.products)-1].Product.ID {
		page, err := store.Products(ctx, after, persistence.PageMax)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all.products = append(all.products, page...)
	}
	for before := (commerce.ID{}); ; before = all.orders[len(all.orders)-1].ID {
		page, err := store.Orders(ctx, persistence.OrderQuery{Before: before, Limit: persistence.PageMax})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all.orders = append(all.orders, page...)
	}
	for _, row := range all.products {
		all.events = append(all.events, readEvents(ctx, t, store, row.Product.ID)...)
		for before := uint64(0); before != 1; before = all.movements[len(all.movements)-1].Level.Version {
			page, err := store.Movements(ctx, row.Product.ID, before, persistence.PageMax)
			require.NoError(t, err)
			require.NotEmpty(t, page)
			all.movements = append(all.movements, page...)
		}
	}
	for _, o := range all.orders {
		all.events = append(all.events, readEvents(ctx, t, store, o.ID)...)
	}
	for after := (commerce.KeyID{}); ; after = all.keys[len(all.keys)-1].ID {
		page, err := store.BoundKeys(ctx, after, persistence.PageMax)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all.keys = append(all.keys, page...)
	}
	var err error
	all.access, err = store.AccessKeys(ctx)
	require.NoError(t, err)
	for after := uint64(0); ; after = uint64(len(all.audit)) {
		page, err := store.AuditRecords(ctx, after, persistence.PageMax)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all.audit = append(all.audit, page...)
	}
	all.head, err = store.AuditHead(ctx)
	require.NoError(t, err)
	require.True(t, slices.IsSortedFunc(all.keys, func(a, b commerce.KeyBinding) int { return bytes.Compare(a.ID[:], b.ID[:]) }))
	return all
}

// requireSame compares row by row: a difference of the whole would fill the screen, after minutes.
func requireSame(t *testing.T, want, got inventory) {
	t.Helper()
	requireRows(t, want.products, got.products)
	requireRows(t, want.orders, got.orders)
	requireRows(t, want.movements, got.movements)
	requireRows(t, want.events, got.events)
	requireRows(t, want.keys, got.keys)
	requireRows(t, want.access, got.access)
	requireRows(t, want.audit, got.audit)
	require.Equal(t, want.head, got.head)
}

func requireRows[T any](t *testing.T, want, got []T) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if !reflect.DeepEqual(want[i], got[i]) {
			require.Equal(t, want[i], got[i], "row %d", i)
		}
	}
	require.Len(t, got, len(want))
}

func readEvents(ctx context.Context, t *testing.T, store persistence.Store, entity commerce.ID) []commerce.Event {
	t.Helper()
	events, err := store.Events(ctx, entity, 0, persistence.PageMax)
	require.NoError(t, err)
	require.NotEmpty(t, events)
	return events
}
