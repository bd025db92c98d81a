package storecopy

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// samplesMax bounds the orders, the products and the pages of keys that are compared one by one: what
// digests do not show is whether the copy's own reads understand its rows.
const samplesMax = 500

// sample compares what both stores say of some products, orders and keys, spread over all of them.
func (cfg *Config) sample(ctx context.Context, report *persistence.Report) (compared int64, err error) {
	steps := []func(context.Context, *persistence.Report) (int64, error){cfg.sampleProducts, cfg.sampleOrders, cfg.sampleKeys}
	for _, step := range steps {
		n, err := step(ctx, report)
		if err != nil {
			return compared, err
		}
		compared += n
	}
	return compared, nil
}

// same returns ErrDifferent unless two answers are equal.
func same(what string, source, target any) error {
	if reflect.DeepEqual(source, target) {
		return nil
	}
	return fmt.Errorf("%w: %s reads %+v, in the source %+v", ErrDifferent, what, target, source)
}

func (cfg *Config) sampleProducts(ctx context.Context, report *persistence.Report) (compared int64, err error) {
	every := max(1, report.Products/samplesMax)
	seen := int64(0)
	err = eachProduct(ctx, cfg.Source, commerce.ID{}, func(row *persistence.ProductRow) error {
		if seen++; seen%every != 0 {
			return nil
		}
		compared++
		return cfg.compareProduct(ctx, row)
	})
	return compared, err
}

func (cfg *Config) compareProduct(ctx context.Context, row *persistence.ProductRow) error {
	id := row.Product.ID
	product, err := cfg.Target.Product(ctx, id)
	if err != nil {
		return fmt.Errorf("read product %s of the copy: %w", id, err)
	}
	stock, err := cfg.Target.Stock(ctx, id)
	if err != nil {
		return fmt.Errorf("read stock %s of the copy: %w", id, err)
	}
	if err := same("product "+id.String(), *row, persistence.ProductRow{Product: product, Stock: stock}); err != nil {
		return err
	}
	here, err := cfg.Source.Movements(ctx, id, 0, persistence.PageMax)
	if err != nil {
		return err
	}
	there, err := cfg.Target.Movements(ctx, id, 0, persistence.PageMax)
	if err != nil {
		return err
	}
	return same("the ledger of "+id.String(), here, there)
}

func (cfg *Config) sampleOrders(ctx context.Context, report *persistence.Report) (compared int64, err error) {
	every := max(1, report.Orders/samplesMax)
	seen := int64(0)
	err = eachOrder(ctx, cfg.Source, commerce.ID{}, func(o *commerce.Order) error {
		if seen++; seen%every != 0 {
			return nil
		}
		compared++
		return cfg.compareOrder(ctx, o)
	})
	return compared, err
}

func (cfg *Config) compareOrder(ctx context.Context, o *commerce.Order) error {
	copied, err := cfg.Target.Order(ctx, o.ID)
	if err != nil {
		return fmt.Errorf("read order %s of the copy: %w", o.ID, err)
	}
	if err := same("order "+o.ID.String(), o, copied); err != nil {
		return err
	}
	here, err := cfg.Source.Events(ctx, o.ID, 0, persistence.PageMax)
	if err != nil {
		return err
	}
	there, err := cfg.Target.Events(ctx, o.ID, 0, persistence.PageMax)
	if err != nil {
		return err
	}
	return same("the timeline of "+o.ID.String(), here, there)
}

// sampleKeys asks the copy for keys of the source, the way a retry does. Those about to expire are left
// out: they may be gone in between.
func (cfg *Config) sampleKeys(ctx context.Context, _ *persistence.Report) (compared int64, err error) {
	here, err := cfg.Source.BoundKeys(ctx, commerce.KeyID{}, samplesMax)
	if err != nil {
		return 0, err
	}
	alive := time.Now().Add(aliveFor)
	here = slices.DeleteFunc(here, func(k commerce.KeyBinding) bool { return k.ExpiresAt.Before(alive) })
	ids := make([]commerce.KeyID, len(here))
	for i := range here {
		ids[i] = here[i].ID
	}
	there, err := cfg.Target.Keys(ctx, ids)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(there, func(a, b commerce.KeyBinding) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	if len(here) == 0 && len(there) == 0 {
		return 0, nil
	}
	return int64(len(here)), same("a key", here, there)
}
