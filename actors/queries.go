package actors

import (
	"context"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/planted"
	"github.com/penstock-dev/penstock/persistence"
)

// Product returns a product with its stock as committed: after the answer to a command a read
// shows what it did. Refusal: not_found.
func (e *Engine) Product(ctx context.Context, id commerce.ID) (persistence.ProductRow, error) {
	ref, err := e.catalogue.load(ctx, id)
	if isNotFound(err) {
		return persistence.ProductRow{}, commerce.NoProduct(id)
	}
	if err != nil {
		return persistence.ProductRow{}, err
	}
	return persistence.ProductRow{Product: ref.product.Load(), Stock: *ref.stock.Load()}, nil
}

// KnownProduct returns a product as Product does, if this node has it in memory: nearly always.
func (e *Engine) KnownProduct(id commerce.ID) (persistence.ProductRow, bool) {
	ref := e.catalogue.find(id)
	if ref == nil || !ref.loaded() {
		return persistence.ProductRow{}, false
	}
	return persistence.ProductRow{Product: ref.product.Load(), Stock: *ref.stock.Load()}, true
}

// Products returns a page of the catalogue, with every change that has been answered. Refusal:
// overloaded, while the catalogue is still being read after a start.
func (e *Engine) Products(ctx context.Context, q ProductQuery) (ProductPage, error) {
	if e.catalogue.lists.current.Load() == nil { // what bounds a wait is only made for one
		ctx, cancel := e.reading(ctx)
		defer cancel()
		if err := e.catalogue.waitListed(ctx); err != nil {
			return ProductPage{}, err
		}
	}
	return e.catalogue.list(q), nil
}

// SearchProducts returns a page of what a search finds. A change of a product's texts shows within a
// second; all else as in a list. Refusals: validation_failed for a text that cannot be looked for, overloaded
// while the index is still being built after a start.
func (e *Engine) SearchProducts(q ProductSearch) (ProductPage, error) {
	return e.catalogue.search(&q)
}

// SuggestProducts completes what somebody is typing, with at most limit products of different names.
// Refusals as of SearchProducts.
func (e *Engine) SuggestProducts(text string, limit int) ([]Suggestion, error) {
	return e.catalogue.suggest(text, limit)
}

// Movements returns lines of a product's ledger, newest first, below the number before (0: from
// the newest). Refusal: not_found.
func (e *Engine) Movements(ctx context.Context, product commerce.ID, before uint64, limit int) ([]commerce.Movement, error) {
	if _, err := e.Product(ctx, product); err != nil {
		return nil, err
	}
	return e.store.Movements(ctx, product, before, limit)
}

// Order returns an order as committed. Refusal: not_found, also for an order out of the principal's reach.
func (e *Engine) Order(ctx context.Context, by *commerce.Principal, id commerce.ID) (*commerce.Order, error) {
	order, err := e.store.Order(ctx, id)
	if isNotFound(err) || err == nil && !by.Reaches(order) {
		return nil, commerce.NoOrder(id)
	}
	return order, err
}

// Orders returns a page of the orders that the principal may see, newest first. Refusal: forbidden.
func (e *Engine) Orders(ctx context.Context, by *commerce.Principal, q persistence.OrderQuery) ([]*commerce.Order, error) {
	var err error
	if q.Customer, err = by.Sees(q.Customer); err != nil {
		return nil, err
	}
	return e.store.Orders(ctx, q)
}

// Timeline returns an order with its events, oldest first. Refusals as of Order.
func (e *Engine) Timeline(
	ctx context.Context, by *commerce.Principal, id commerce.ID,
) (*commerce.Order, []commerce.Event, error) {
	if planted.Is(planted.OwnerNotAsked) {
		all := commerce.Trusted(by.Subject)
		by = &all
	}
	order, err := e.Order(ctx, by, id)
	if err != nil {
		return nil, nil, err
	}
	events, err := e.store.Events(ctx, id, 0, persistence.PageMax)
	return order, events, err
}

// Verify proves on one consistent view of the store that the books add up.
func (e *Engine) Verify(ctx context.Context, progress func(rows int64)) (*persistence.Report, error) {
	return e.store.Verify(ctx, progress)
}

// Health says whether the engine can take commands, and if not, why.
func (e *Engine) Health(ctx context.Context) Health {
	h := Health{
		Store: "ok", Writer: "ok", Draining: e.admission.closing.Load(),
		Quarantined: int(e.metrics.quarantined.Load()),
	}
	if err := e.store.Health(ctx); err != nil {
		h.Store = err.Error()
	}
	if refusal := e.admission.refusal.Load(); refusal != nil {
		h.Writer = "stalled"
		if refusal.Code == commerce.CodeFenced {
			h.Writer = "fenced"
		}
	}
	h.Ready = h.Store == "ok" && h.Writer == "ok" && !h.Draining
	return h
}

// AuditRecords returns up to limit records of the audit log with Seq > after, in order.
func (e *Engine) AuditRecords(ctx context.Context, after uint64, limit int) ([]commerce.AuditRecord, error) {
	return e.store.AuditRecords(ctx, after, limit)
}

// AuditHead returns where the audit log ends.
func (e *Engine) AuditHead(ctx context.Context) (persistence.AuditHead, error) {
	return e.store.AuditHead(ctx)
}

// RecordAudit writes down something that was done beside the books.
func (e *Engine) RecordAudit(ctx context.Context, record *commerce.AuditRecord) error {
	return e.store.RecordAudit(ctx, record)
}
