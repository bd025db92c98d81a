package http

import (
	"context"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// Engine is what the door needs of the engine. Commands are carried through once they are
// accepted, hence take no context; refusals are *commerce.Error, a missing row is
// persistence.ErrNotFound, and every other error is an outside failure.
type Engine interface {
	PlaceOrder(cmd *commerce.PlaceOrder) (actors.OrderReceipt, error)
	TransitionOrder(cmd *commerce.TransitionOrder) (actors.OrderReceipt, error)
	CreateProduct(cmd *commerce.CreateProduct) (actors.ProductReceipt, error)
	UpdateProduct(cmd *commerce.UpdateProduct) (actors.ProductReceipt, error)
	AdjustStock(cmd *commerce.AdjustStock) (actors.StockReceipt, error)

	Product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error)
	KnownProduct(id commerce.ID) (row persistence.ProductRow, known bool)
	Products(ctx context.Context, q actors.ProductQuery) (actors.ProductPage, error)
	SearchProducts(q actors.ProductSearch) (actors.ProductPage, error)
	SuggestProducts(text string, limit int) ([]actors.Suggestion, error)
	Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error)
	Order(ctx context.Context, by *commerce.Principal, id commerce.ID) (*commerce.Order, error)
	Orders(ctx context.Context, by *commerce.Principal, q persistence.OrderQuery) ([]*commerce.Order, error)
	Timeline(ctx context.Context, by *commerce.Principal, id commerce.ID) (*commerce.Order, []commerce.Event, error)
	ScanOrders(ctx context.Context, by *commerce.Principal, q persistence.OrderQuery, visit func(*commerce.Order) error) error

	Sales(ctx context.Context, in *actors.Intervals) ([]actors.CurrencySales, error)
	ProductSales(ctx context.Context, product commerce.ID, in *actors.Intervals) ([]actors.CurrencyProductSales, error)
	TopProducts(ctx context.Context, q persistence.TopQuery) ([]actors.TopProduct, error)

	FollowOrder(ctx context.Context, by *commerce.Principal, id commerce.ID, since *uint64, w actors.Watcher) (*commerce.Order, actors.Subscription, error)
	FollowOrders(ctx context.Context, by *commerce.Principal, q actors.FeedQuery, w actors.Watcher) (persistence.Position, actors.Subscription, error)

	AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error)
	AuditHead(ctx context.Context) (persistence.AuditHead, error)
	RecordAudit(ctx context.Context, record *commerce.AuditRecord) error

	Verify(ctx context.Context, progress func(rows int64)) (*persistence.Report, error)
	Health(ctx context.Context) actors.Health
}

var _ Engine = (*actors.Engine)(nil)
