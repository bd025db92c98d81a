package persistence

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// Errors of stores. Everything else a read returns means that the store could not be reached or
// read; a Commit returns one of these and nothing else.
var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrUnknown: the batch may or may not have been written. Commit the same batch again (same
	// sequence number, same id, same entries), as often as needed: that tells the truth.
	ErrUnknown = errors.New("outcome of the batch is unknown")
	// ErrUnavailable: the store cannot write now, or not read. Nothing of the batch was written; the same
	// batch may be tried again.
	ErrUnavailable = errors.New("store cannot be used now")
	// ErrFenced: a newer writer owns the store. This one can never write again, and a batch of it
	// whose outcome was unknown stays so.
	ErrFenced = errors.New("a newer process has taken over this store")
	// ErrPositionGone: events after the position are no longer kept, or never were in a form that can be
	// read in this order. A reader starts anew from what the rows say now.
	ErrPositionGone = errors.New("events after this position are not kept")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("store is closed")
)

// Limits of the contract.
const (
	// BatchEntriesMax bounds the entries of one batch.
	BatchEntriesMax = 512
	// PageMax bounds the rows of one page of any query.
	PageMax = 1000
)

// Store keeps products, stock, orders, the ledger, events and idempotency keys. Times are kept to the
// microsecond: what is finer may be lost; of those from the year 2262 on a store may keep that they are so late and
// nothing else. All methods are safe for concurrent use. Reads show committed rows only: nothing is visible that a
// crash could still take back, and whatever Commit has answered is visible to every later read.
type Store interface {
	// OpenWriter makes the calling process the store's writer: it bumps the store's epoch, so that
	// older writers are fenced from then on.
	OpenWriter(ctx context.Context) (Writer, error)

	// Product returns a product's row, or ErrNotFound.
	Product(ctx context.Context, id commerce.ID) (*commerce.Product, error)
	// ProductBySKU returns the product that has the SKU, or ErrNotFound.
	ProductBySKU(ctx context.Context, sku string) (*commerce.Product, error)
	// Products returns up to limit products with their stock and id > after, in id order: a scan.
	Products(ctx context.Context, after commerce.ID, limit int) ([]ProductRow, error)
	// Stock returns a product's stock row, or ErrNotFound.
	Stock(ctx context.Context, product commerce.ID) (commerce.Stock, error)

	// Order returns an order, or ErrNotFound.
	Order(ctx context.Context, id commerce.ID) (*commerce.Order, error)
	// Orders returns a page of orders, newest first.
	Orders(ctx context.Context, q OrderQuery) ([]*commerce.Order, error)
	// Events returns up to limit events of an order or a product with Seq > after, in Seq order.
	Events(ctx context.Context, entity commerce.ID, after uint64, limit int) ([]commerce.Event, error)
	// EventsAfter returns up to limit events of all orders and products after a position, in commit
	// order; fewer than limit only when there are no more. The events of one entity come in Seq order.
	// ErrPositionGone says that this position cannot be read from.
	EventsAfter(ctx context.Context, after Position, limit int) ([]StreamEvent, error)
	// Movements returns up to limit lines of a product's ledger with Level.Version < before,
	// newest first; before 0 starts at the newest.
	Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error)
	// Movement returns one line of a product's ledger by its number, or ErrNotFound.
	Movement(ctx context.Context, product commerce.ID, version uint64) (commerce.Movement, error)
	// Keys looks up idempotency keys that have not expired; bound holds those that are bound.
	Keys(ctx context.Context, ids []commerce.KeyID) (bound []commerce.KeyBinding, err error)
	// BoundKeys returns up to limit keys with ID > after that have not expired, in ID order: a scan.
	BoundKeys(ctx context.Context, after commerce.KeyID, limit int) ([]commerce.KeyBinding, error)

	SalesReader
	OrderScanner
	AccessStore

	// Verify proves on one consistent view that the books add up. It may run beside writers.
	// progress, when not nil, is called now and then with rows checked so far.
	Verify(ctx context.Context, progress func(rows int64)) (*Report, error)
	// Health reports whether the store can write now; the error says what is wrong.
	Health(ctx context.Context) error
	// Metrics tells the store's figures by name, for monitoring.
	Metrics() []Metric
	// Close releases the store. It waits for a running Commit. Closing twice is harmless.
	Close() error
}

// Writer writes batches. One goroutine owns it.
type Writer interface {
	// Epoch is the store epoch this writer got. Grants of this process carry it.
	Epoch() uint64
	// NextSeq is the sequence number of the next batch. Batches are numbered without a gap.
	NextSeq() uint64
	// Commit writes the entries of the batch that apply as one durable transaction, decided in the
	// order they stand in. On a nil error res holds one outcome an entry and the rows of every
	// product moved, and all of it is durable. Otherwise the error is ErrUnknown, ErrUnavailable,
	// ErrFenced or ErrClosed (errors.Is), and res is not to be used.
	//
	// The context only bounds waiting for a turn; a commit that has begun is never cancelled.
	Commit(ctx context.Context, batch *Batch, res *Result) error
}

// Batch is what a committer gathered while the previous batch was being written.
type Batch struct {
	Seq     uint64   // from NextSeq, one more each batch
	ID      [16]byte // fresh for each batch: tells a retry from another writer's batch
	At      time.Time
	Entries []*commerce.Entry
}

// Result is what a store did with a batch. Its slices are reused when it is passed again.
type Result struct {
	Outcomes []commerce.Outcome // one an entry
	Stock    []commerce.Stock   // rows of all products moved by applied entries, sorted by product
}

// ProductRow is a product with its stock.
type ProductRow struct {
	Product *commerce.Product
	Stock   commerce.Stock
}

// OrderQuery selects orders. Zero fields do not select. The page starts after the cursor Before.
type OrderQuery struct {
	Status   commerce.Status
	Customer string
	Product  commerce.ID
	From     time.Time // placed at or after
	To       time.Time // placed before
	Before   commerce.ID
	Limit    int // 1 to PageMax
}

// Matches reports whether an order is selected, its place in the page apart.
func (q *OrderQuery) Matches(o *commerce.Order) bool {
	return (q.Status == 0 || o.Status == q.Status) &&
		(q.Customer == "" || o.Customer == q.Customer) &&
		(q.Product.IsZero() || o.Quantity(q.Product) > 0) &&
		(q.From.IsZero() || !o.PlacedAt.Before(q.From)) &&
		(q.To.IsZero() || o.PlacedAt.Before(q.To))
}

// Metric is one figure of a store. Counters only grow.
type Metric struct {
	Name    string // snake_case, with its unit
	Help    string
	Counter bool
	Value   float64
}

// Report is what Verify found.
type Report struct {
	Products  int64     `json:"products"`
	Orders    int64     `json:"orders"`
	Movements int64     `json:"movements"`
	Events    int64     `json:"events"`
	Keys      int64     `json:"keys"`
	Faults    []Fault   `json:"faults"` // at most FaultsMax
	FaultsAll int64     `json:"faults_total"`
	At        time.Time `json:"at"`
}

// FaultsMax bounds the faults a report lists; the rest are only counted.
const FaultsMax = 100

// OK reports whether everything added up.
func (r *Report) OK() bool { return r.FaultsAll == 0 }

// Add notes a fault.
func (r *Report) Add(kind, entity, detail string) {
	r.FaultsAll++
	if len(r.Faults) < FaultsMax {
		r.Faults = append(r.Faults, Fault{Kind: kind, Entity: entity, Detail: detail})
	}
}

// Fault is one sum that is wrong.
type Fault struct {
	Kind   string `json:"kind"` // e.g. "stock_sum", "ledger_gap", "event_gap", "key_orphan"
	Entity string `json:"entity"`
	Detail string `json:"detail"`
}
