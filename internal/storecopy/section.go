package storecopy

import (
	"context"
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
	"github.com/penstock-dev/penstock/persistence/pgstore"
)

// section is rows of one table, read in an order in which reading can go on from any place.
type section struct {
	name  string // as it is stored
	table pgstore.Table
	// walk reads the rows behind a mark and adds them to a chunker, telling it the places it reaches.
	walk func(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error
}

// sections lists what a copy consists of, in the order in which it is copied. A section's name is stored
// with its mark, and the marks' meaning belongs to it: a section that is read in another order needs
// another name.
func sections() []section {
	return []section{
		{"products", pgstore.TableProducts, walkProducts},
		{"stock", pgstore.TableStock, walkStock},
		{"ledger", pgstore.TableMovements, walkLedger},
		{"product events", pgstore.TableEvents, walkProductEvents},
		{"orders", pgstore.TableOrders, walkOrders},
		{"order events", pgstore.TableEvents, walkOrderEvents},
		{"keys", pgstore.TableKeys, walkKeys},
		{"access keys", pgstore.TableAccess, walkAccessKeys},
		{"audit log", pgstore.TableAudit, walkAudit},
	}
}

// eachProduct goes through the products behind one, page by page.
func eachProduct(
	ctx context.Context, source persistence.Store, after commerce.ID, do func(*persistence.ProductRow) error,
) error {
	for {
		page, err := source.Products(ctx, after, persistence.PageMax)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := do(&page[i]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Product.ID
	}
}

// eachOrder goes through the orders before one, newest first; the zero id begins with the newest.
func eachOrder(
	ctx context.Context, source persistence.Store, before commerce.ID, do func(*commerce.Order) error,
) error {
	for {
		page, err := source.Orders(ctx, persistence.OrderQuery{Before: before, Limit: persistence.PageMax})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, o := range page {
			if err := do(o); err != nil {
				return err
			}
		}
		before = page[len(page)-1].ID
	}
}

func walkProducts(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	return eachProduct(ctx, source, from.ID, func(row *persistence.ProductRow) error {
		to.rows.Product(row.Product)
		return to.reach(row.Product.ID, 0)
	})
}

func walkStock(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	return eachProduct(ctx, source, from.ID, func(row *persistence.ProductRow) error {
		to.rows.Stock(row.Stock)
		return to.reach(row.Product.ID, 0)
	})
}

// walkLedger reads each product's ledger, newest first. The mark is the product and its last line.
func walkLedger(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	if from.Seq > 0 {
		if err := walkLines(ctx, source, from.ID, from.Seq, to); err != nil {
			return err
		}
	}
	return eachProduct(ctx, source, from.ID, func(row *persistence.ProductRow) error {
		return walkLines(ctx, source, row.Product.ID, 0, to)
	})
}

func walkLines(ctx context.Context, source persistence.Store, product commerce.ID, before uint64, to *chunker) error {
	for before != 1 {
		page, err := source.Movements(ctx, product, before, persistence.PageMax)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			to.rows.Movement(&page[i])
		}
		before = page[len(page)-1].Level.Version
		if err := to.reach(product, before); err != nil {
			return err
		}
	}
	return nil
}

// walkProductEvents reads each product's events. The mark is the product and its last event.
func walkProductEvents(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	if from.Seq > 0 {
		if err := walkEvents(ctx, source, from.ID, from.Seq, to); err != nil {
			return err
		}
	}
	return eachProduct(ctx, source, from.ID, func(row *persistence.ProductRow) error {
		return walkEvents(ctx, source, row.Product.ID, 0, to)
	})
}

// walkOrderEvents reads each order's events. The mark is the order and its last event.
func walkOrderEvents(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	if from.Seq > 0 {
		if err := walkEvents(ctx, source, from.ID, from.Seq, to); err != nil {
			return err
		}
	}
	return eachOrder(ctx, source, from.ID, func(o *commerce.Order) error {
		return walkEvents(ctx, source, o.ID, 0, to)
	})
}

func walkEvents(ctx context.Context, source persistence.Store, entity commerce.ID, after uint64, to *chunker) error {
	for {
		page, err := source.Events(ctx, entity, after, persistence.PageMax)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := to.rows.Event(&page[i]); err != nil {
				return fmt.Errorf("event %d of %s: %w", page[i].Seq, entity, err)
			}
		}
		after = page[len(page)-1].Seq
		if err := to.reach(entity, after); err != nil || len(page) < persistence.PageMax {
			return err
		}
	}
}

func walkOrders(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	return eachOrder(ctx, source, from.ID, func(o *commerce.Order) error {
		to.rows.Order(o)
		return to.reach(o.ID, 0)
	})
}

func walkKeys(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	for after := commerce.KeyID(from.ID); ; {
		page, err := source.BoundKeys(ctx, after, persistence.PageMax)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if page[i].ExpiresAt.After(to.alive) {
				to.rows.Key(&page[i])
			}
		}
		after = page[len(page)-1].ID
		if err := to.reach(after, 0); err != nil {
			return err
		}
	}
}

// walkAccessKeys reads the access keys, which are few.
func walkAccessKeys(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	keys, err := source.AccessKeys(ctx)
	if err != nil {
		return err
	}
	for i := range keys {
		if keys[i].ID.Compare(from.ID) <= 0 {
			continue
		}
		to.rows.AccessKey(&keys[i])
		if err := to.reach(keys[i].ID, 0); err != nil {
			return err
		}
	}
	return nil
}

func walkAudit(ctx context.Context, source persistence.Store, from pgstore.Mark, to *chunker) error {
	for after := from.Seq; ; {
		page, err := source.AuditRecords(ctx, after, persistence.PageMax)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			to.rows.Audit(&page[i])
		}
		after = page[len(page)-1].Seq
		if err := to.reach([16]byte{}, after); err != nil {
			return err
		}
	}
}
