package storetest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// T is what a Factory may use of a test: *testing.T has it, and so has *rapid.T.
type T interface {
	require.TestingT
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// Factory opens a store in a fresh place and sees to it that it is closed when the test ends.
type Factory func(t T) *Place

// Place is an open store, and what can be done to it beyond the contract.
type Place struct {
	Store persistence.Store

	// Crash returns the place as a power cut at this moment would leave it: with a store opened on
	// what had reached the disk, and nothing else. The store of the old place must not be used any
	// more. Nil when that cannot be tried.
	Crash func(t T) *Place
	// Forget returns the place with a store opened on it that has the same rows, but keeps no sums of sales yet:
	// as an older program left it. The store of the old place must not be used any more. Nil when that cannot be tried.
	Forget func(t T) *Place
	// Corrupt changes a stored row behind the store's back. Nil when that cannot be done.
	Corrupt func(t T, c Corruption, id commerce.ID)
	// Tamper changes the audit log behind the store's back: edit is given all that is stored, and what it leaves is stored
	// instead. It returns the place with a store opened on that; the one before must not be used any more. Nil when that
	// cannot be tried.
	Tamper func(t T, edit func(*AuditRows)) *Place
	// AccessKeysMax is the bound on access keys that the store was opened with, when it is a small one.
	AccessKeysMax int
	// Corruptions are those that Corrupt can make: what one store can get wrong may not exist in
	// another one. Corruptions lists all there are.
	Corruptions []Corruption
}

// AuditRows is an audit log as it is stored. No two records have the same Seq.
type AuditRows struct {
	Records []commerce.AuditRecord
	Head    persistence.AuditHead
}

// Corruption is a way to spoil a store, so that Verify can show that it notices.
type Corruption string

// The corruptions. Each says what it does to the product or order it is given.
const (
	StockRowOff       Corruption = "a stock row with a unit too many"
	StockRowGone      Corruption = "a stock row that is gone"
	LedgerLineGone    Corruption = "a line missing in the ledger" // line 2 of the product
	LedgerLineTwice   Corruption = "a movement that stands in the ledger twice"
	EventGone         Corruption = "an event that is gone" // event 2 of the order
	OrderGone         Corruption = "an order that is gone"
	OrderStatusWrong  Corruption = "an order in another state than its events say"
	StatusIndexStale  Corruption = "an order under a state that it is not in"
	ProductIndexShort Corruption = "an order that its product's list lacks"
	CustomerIndexGone Corruption = "an order that its customer's list lacks"
	KeyOrphan         Corruption = "a key of an order that does not exist"
	KeyDouble         Corruption = "two keys of one order"
	SalesOff          Corruption = "a sale that is in the sums and in no order"
)

// Corruptions lists all there are.
func Corruptions() []Corruption { return slices.Sorted(maps.Keys(faultKinds())) }

// faultKinds tells for each corruption the kind of fault that Verify must report.
func faultKinds() map[Corruption]string {
	return map[Corruption]string{
		StockRowOff:       "stock_sum",
		StockRowGone:      "stock_missing",
		LedgerLineGone:    "ledger_gap",
		LedgerLineTwice:   "order_movements",
		EventGone:         "event_gap",
		OrderGone:         "allocated_sum",
		OrderStatusWrong:  "order_events",
		StatusIndexStale:  "index_mismatch",
		ProductIndexShort: "index_mismatch",
		CustomerIndexGone: "index_mismatch",
		KeyOrphan:         "key_orphan",
		KeyDouble:         "key_double",
		SalesOff:          "sales_sum",
	}
}

// claim is one thing that every store promises.
type claim struct {
	name  string
	check func(b *bundle)
}

// Run checks that the stores which open opens keep the contract. What a crash leaves is RunCrashes'.
func Run(t *testing.T, open Factory) {
	t.Helper()
	groups := []struct {
		name   string
		claims []claim
	}{
		{"outcomes", outcomeClaims()},
		{"batches", batchClaims()},
		{"reads", readClaims()},
		{"stream", streamClaims()},
		{"verify", verifyClaims()},
		{"sales", salesClaims()},
		{"scans", scanClaims()},
		{"audit", auditClaims()},
		{"access", accessClaims()},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range group.claims {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.check(setup(t, open))
				})
			}
		})
	}
	t.Run("model", func(t *testing.T) {
		t.Parallel()
		runModel(t, open)
	})
	t.Run("sales model", func(t *testing.T) {
		t.Parallel()
		runSalesModel(t, open)
	})
}

// bundle is a store with a writer, and a workload that speaks for it.
type bundle struct {
	T
	open   Factory
	place  *Place
	store  persistence.Store
	writer persistence.Writer
	w      *Workload
	res    persistence.Result
}

func setup(t T, open Factory) *bundle {
	t.Helper()
	b := &bundle{T: t, open: open, place: open(t), w: NewWorkload(1)}
	b.store = b.place.Store
	b.openWriter()
	return b
}

func (b *bundle) openWriter() {
	b.Helper()
	var err error
	b.writer, err = b.store.OpenWriter(b.Context())
	require.NoError(b, err)
	b.w.Epoch = b.writer.Epoch()
}

// batch numbers entries as the next batch.
func (b *bundle) batch(entries ...*commerce.Entry) *persistence.Batch {
	return b.w.Batch(b.writer.NextSeq(), entries...)
}

// commit commits entries as the next batch and returns their outcomes.
func (b *bundle) commit(entries ...*commerce.Entry) []commerce.Outcome {
	b.Helper()
	require.NoError(b, b.writer.Commit(b.Context(), b.batch(entries...), &b.res))
	require.Len(b, b.res.Outcomes, len(entries))
	return b.res.Outcomes
}

// kinds commits entries and returns the kinds of their outcomes.
func (b *bundle) kinds(entries ...*commerce.Entry) []commerce.OutcomeKind {
	b.Helper()
	var kinds []commerce.OutcomeKind
	for _, o := range b.commit(entries...) {
		kinds = append(kinds, o.Kind)
	}
	return kinds
}

// apply commits entries that must all apply.
func (b *bundle) apply(entries ...*commerce.Entry) {
	b.Helper()
	for i, kind := range b.kinds(entries...) {
		require.Equal(b, commerce.Applied, kind, "entry %d", i)
	}
}

// product makes a product with units on hand.
func (b *bundle) product(onHand int64) *commerce.Product {
	b.Helper()
	e := b.w.Product("", onHand)
	b.apply(e)
	return e.Product.Row
}

// order places an order and returns its row.
func (b *bundle) order(customer, key string, lines ...Line) *commerce.Order {
	b.Helper()
	e := b.w.Order(customer, key, lines...)
	b.apply(e)
	return e.Order.Row
}

// move moves an order on and returns its new row.
func (b *bundle) move(o *commerce.Order, to commerce.Status) *commerce.Order {
	b.Helper()
	e := b.w.Transition(o, to, "")
	b.apply(e)
	return e.Order.Row
}

func (b *bundle) stock(product commerce.ID) commerce.Stock {
	b.Helper()
	row, err := b.store.Stock(b.Context(), product)
	require.NoError(b, err)
	return row
}

// verify requires that the books add up, and returns the report.
func (b *bundle) verify() *persistence.Report {
	b.Helper()
	report, err := b.store.Verify(b.Context(), nil)
	require.NoError(b, err)
	require.True(b, report.OK(), "faults: %v", report.Faults)
	return report
}
