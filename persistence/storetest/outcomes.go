package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

func outcomeClaims() []claim {
	return []claim{
		{"a key bound to the same request is a replay of the first", keyReplayed},
		{"a key bound to another request is a mismatch", keyMismatched},
		{"a key that has expired is unbound", keyExpired},
		{"the same key twice in one batch makes one order", keyTwiceInBatch},
		{"a stock change's key is bound to its line of the ledger", keyOfAdjustment},
		{"an order or a product at another version is a conflict", versionConflict},
		{"a new order whose id exists is a conflict", orderExists},
		{"a SKU belongs to one product", skuTaken},
		{"a SKU given up can be taken, in the same batch too", skuMoves},
		{"a movement of a product that does not exist is refused", unknownProduct},
		{"more than is there is refused with the committed row", insufficient},
		{"units on hand cannot leave their bounds", outOfBounds},
		{"a grant of an epoch that has passed is stale", staleGrant},
		{"entries are decided in the order they stand in", batchOrder},
		{"a refused entry leaves nothing", refusedLeavesNothing},
		{"a refused entry among good ones takes nothing from them", refusedAmongGood},
		{"rows come up: all moved, sorted, as they are stored", rowsComeUp},
		{"levels are filled in, line by line", levelsFilledIn},
		{"the largest batch of the largest orders commits", largestBatch},
	}
}

func keyReplayed(b *bundle) {
	p := b.product(10)
	first := b.w.Order("ann", "key", Line{p, 1})
	b.apply(first)
	again := b.w.Order("ann", "key", Line{p, 1})
	o := b.commit(again)[0]
	require.Equal(b, commerce.Replay, o.Kind)
	require.Equal(b, *first.Key, o.Key)
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
	_, err := b.store.Order(b.Context(), again.Order.Row.ID)
	require.ErrorIs(b, err, persistence.ErrNotFound)

	b.verify() // which has the tables hold what was only in memory
	require.Equal(b, []commerce.OutcomeKind{commerce.Replay}, b.kinds(b.w.Order("ann", "key", Line{p, 1})))
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied}, b.kinds(b.w.Order("ben", "key", Line{p, 1})), "another caller's key is another key")
}

func keyMismatched(b *bundle) {
	p := b.product(10)
	first := b.w.Order("ann", "key", Line{p, 1})
	b.apply(first)
	o := b.commit(b.w.Order("ann", "key", Line{p, 2}))[0]
	require.Equal(b, commerce.KeyMismatch, o.Kind)
	require.Equal(b, *first.Key, o.Key)
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
}

func keyExpired(b *bundle) {
	p := b.product(10)
	b.w.Terms.KeyTTL = time.Hour
	first := b.w.Order("ann", "key", Line{p, 1})
	b.apply(first)
	b.w.Advance(59 * time.Minute)
	require.Equal(b, []commerce.OutcomeKind{commerce.Replay}, b.kinds(b.w.Order("ann", "key", Line{p, 1})))
	b.verify()
	b.w.Advance(time.Minute)
	second := b.w.Order("ann", "key", Line{p, 1})
	b.apply(second)
	for range 2 {
		bound, err := b.store.Keys(b.Context(), []commerce.KeyID{first.Key.ID})
		require.NoError(b, err)
		require.Equal(b, []commerce.KeyBinding{*second.Key}, bound)
		b.verify()
	}

	b.w.Advance(-48 * time.Hour)
	past := b.w.Order("ben", "key", Line{p, 1})
	b.apply(past)
	for range 2 {
		bound, err := b.store.Keys(b.Context(), []commerce.KeyID{past.Key.ID})
		require.NoError(b, err)
		require.Empty(b, bound, "it expired a day ago")
		b.verify()
	}
}

func keyTwiceInBatch(b *bundle) {
	p := b.product(10)
	first, again, other := b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "key", Line{p, 1}), b.w.Order("ann", "key", Line{p, 3})
	outcomes := b.commit(first, again, other)
	require.Equal(b, commerce.Applied, outcomes[0].Kind)
	require.Equal(b, commerce.Outcome{Kind: commerce.Replay, Key: *first.Key}, outcomes[1])
	require.Equal(b, commerce.Outcome{Kind: commerce.KeyMismatch, Key: *first.Key}, outcomes[2])
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
	require.EqualValues(b, 1, b.verify().Orders)
}

func keyOfAdjustment(b *bundle) {
	p := b.product(10)
	b.apply(b.w.Adjust(p.ID, 1, ""))
	e := b.w.Adjust(p.ID, 5, "key")
	b.apply(e)
	require.EqualValues(b, 3, e.Key.Version)
	o := b.commit(b.w.Adjust(p.ID, 5, "key"))[0]
	require.Equal(b, commerce.Replay, o.Kind)
	line, err := b.store.Movement(b.Context(), p.ID, o.Key.Version)
	require.NoError(b, err)
	require.Equal(b, e.Movements[0], line)
}

func versionConflict(b *bundle) {
	p := b.product(10)
	o := b.order("ann", "", Line{p, 1})
	paid, cancelled := b.w.Transition(o, commerce.StatusPaid, ""), b.w.Transition(o, commerce.StatusCancelled, "")
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied, commerce.VersionConflict}, b.kinds(paid, cancelled))
	require.Equal(b, []commerce.OutcomeKind{commerce.VersionConflict}, b.kinds(cancelled))

	first, second := rename(b, p, "a red lamp"), rename(b, p, "a blue lamp")
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied, commerce.VersionConflict}, b.kinds(first, second))
	b.verify()
	require.Equal(b, []commerce.OutcomeKind{commerce.VersionConflict, commerce.VersionConflict}, b.kinds(second, cancelled))
	got, err := b.store.Product(b.Context(), p.ID)
	require.NoError(b, err)
	require.Equal(b, first.Product.Row, got)
}

func rename(b *bundle, p *commerce.Product, name string) *commerce.Entry {
	c := commerce.UpdateProduct{Caller: commerce.Trusted("merchant"), Product: p.ID, Version: p.Version, Name: &name}
	e, err := c.NewEntry(p, b.w.Now())
	require.NoError(b, err)
	return e
}

func resku(b *bundle, p *commerce.Product, sku string) *commerce.Entry {
	c := commerce.UpdateProduct{Caller: commerce.Trusted("merchant"), Product: p.ID, Version: p.Version, SKU: &sku}
	e, err := c.NewEntry(p, b.w.Now())
	require.NoError(b, err)
	return e
}

func orderExists(b *bundle) {
	p := b.product(10)
	e := b.w.Order("ann", "", Line{p, 1})
	b.apply(e)
	require.Equal(b, []commerce.OutcomeKind{commerce.VersionConflict}, b.kinds(e))
	b.verify()
	require.Equal(b, []commerce.OutcomeKind{commerce.VersionConflict}, b.kinds(e))
	require.EqualValues(b, 1, b.stock(p.ID).Allocated)
}

func skuTaken(b *bundle) {
	first, second := b.w.Product("LAMP", 1), b.w.Product("LAMP", 1)
	outcomes := b.commit(first, second)
	require.Equal(b, commerce.Applied, outcomes[0].Kind)
	require.Equal(b, commerce.SKUTaken, outcomes[1].Kind)
	require.Equal(b, first.Product.Row.ID, outcomes[1].Stock.Product, "the owner")
	b.verify()
	require.Equal(b, []commerce.OutcomeKind{commerce.SKUTaken}, b.kinds(second))
	p, err := b.store.ProductBySKU(b.Context(), "LAMP")
	require.NoError(b, err)
	require.Equal(b, first.Product.Row, p)
	b.apply(b.w.Product("", 1), b.w.Product("", 1)) // no SKU is not a SKU
}

func skuMoves(b *bundle) {
	first := b.w.Product("A", 1)
	b.apply(first)
	b.verify()
	change, second := resku(b, first.Product.Row, "B"), b.w.Product("A", 1)
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied, commerce.Applied}, b.kinds(change, second))
	for range 2 { // from memory, then from the tables
		p, err := b.store.ProductBySKU(b.Context(), "A")
		require.NoError(b, err)
		require.Equal(b, second.Product.Row, p)
		p, err = b.store.ProductBySKU(b.Context(), "B")
		require.NoError(b, err)
		require.Equal(b, change.Product.Row, p)
		b.verify()
	}
	b.apply(resku(b, change.Product.Row, ""))
	for range 2 {
		_, err := b.store.ProductBySKU(b.Context(), "B")
		require.ErrorIs(b, err, persistence.ErrNotFound)
		b.verify()
	}
}

func unknownProduct(b *bundle) {
	known := b.product(10)
	ghost := &commerce.Product{ID: b.w.ID(), Price: known.Price}
	e := b.w.Order("ann", "", Line{known, 1}, Line{ghost, 1})
	o := b.commit(e)[0]
	require.Equal(b, commerce.UnknownProduct, o.Kind)
	require.Equal(b, ghost.ID, o.Stock.Product)
	require.Zero(b, b.stock(known.ID).Allocated)
}

func insufficient(b *bundle) {
	plenty, few := b.product(10), b.product(2)
	b.order("ann", "", Line{few, 1})
	o := b.commit(b.w.Order("ann", "", Line{plenty, 1}, Line{few, 2}))[0]
	require.Equal(b, commerce.Insufficient, o.Kind)
	require.Equal(b, commerce.Stock{Product: few.ID, OnHand: 2, Allocated: 1, Version: 2}, o.Stock)
	require.Zero(b, b.stock(plenty.ID).Allocated)
	require.Equal(b, []commerce.OutcomeKind{commerce.Insufficient}, b.kinds(b.w.Adjust(few.ID, -2, "")), "one unit belongs to an order")
	b.apply(b.w.Order("ann", "", Line{few, 1}))
}

func outOfBounds(b *bundle) {
	p := b.product(commerce.OnHandMax)
	require.Equal(b, []commerce.OutcomeKind{commerce.Overstocked}, b.kinds(b.w.Adjust(p.ID, 1, "")))
	b.apply(b.w.Adjust(p.ID, -1, ""), b.w.Adjust(p.ID, 1, ""))
}

func staleGrant(b *bundle) {
	p := b.product(10)
	e := b.w.Order("ann", "key", Line{p, 1})
	b.openWriter()
	o := b.commit(e)[0]
	require.Equal(b, commerce.StaleGrant, o.Kind)
	require.Equal(b, p.ID, o.Stock.Product)
	require.Zero(b, b.stock(p.ID).Allocated)
	b.apply(b.w.Order("ann", "key", Line{p, 1}))
}

func batchOrder(b *bundle) {
	p := b.product(1)
	first := b.w.Order("ann", "", Line{p, 1})
	cancel := b.w.Transition(first.Order.Row, commerce.StatusCancelled, "")
	tooEarly, inTime := b.w.Order("ben", "", Line{p, 1}), b.w.Order("cem", "", Line{p, 1})
	require.Equal(b,
		[]commerce.OutcomeKind{commerce.Applied, commerce.Insufficient, commerce.Applied, commerce.Applied},
		b.kinds(first, tooEarly, cancel, inTime))
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 1, Allocated: 1, Version: 4}, b.stock(p.ID))

	made := b.w.Product("NEW", 3)
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied, commerce.Applied},
		b.kinds(made, b.w.Order("ann", "", Line{made.Product.Row, 3})), "a product made in the same batch")
	b.verify()
}

func refusedLeavesNothing(b *bundle) {
	p := b.product(1)
	before := b.verify()
	e := b.w.Order("ann", "key", Line{p, 2})
	require.Equal(b, []commerce.OutcomeKind{commerce.Insufficient}, b.kinds(e))
	require.Empty(b, b.res.Stock)
	after := b.verify()
	after.At = before.At
	require.Equal(b, before, after)

	_, err := b.store.Order(b.Context(), e.Order.Row.ID)
	require.ErrorIs(b, err, persistence.ErrNotFound)
	bound, err := b.store.Keys(b.Context(), []commerce.KeyID{e.Key.ID})
	require.NoError(b, err)
	require.Empty(b, bound)
	for _, q := range []persistence.OrderQuery{{Limit: 10}, {Limit: 10, Customer: "ann"}, {Limit: 10, Product: p.ID}, {Limit: 10, Status: commerce.StatusPending}} {
		orders, err := b.store.Orders(b.Context(), q)
		require.NoError(b, err)
		require.Empty(b, orders)
	}
	b.apply(b.w.Order("ann", "key", Line{p, 1}))
}

func refusedAmongGood(b *bundle) {
	p := b.product(5)
	good, bad, better := b.w.Order("ann", "1", Line{p, 2}), b.w.Order("ann", "2", Line{p, 4}), b.w.Order("ann", "3", Line{p, 3})
	require.Equal(b, []commerce.OutcomeKind{commerce.Applied, commerce.Insufficient, commerce.Applied}, b.kinds(good, bad, better))
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 5, Allocated: 5, Version: 3}, b.stock(p.ID))
	for range 2 {
		for _, e := range []*commerce.Entry{good, better} {
			o, err := b.store.Order(b.Context(), e.Order.Row.ID)
			require.NoError(b, err)
			require.Equal(b, e.Order.Row, o)
		}
		require.EqualValues(b, 2, b.verify().Orders)
	}
}

func rowsComeUp(b *bundle) {
	p, q, idle := b.product(10), b.product(10), b.product(10)
	b.commit(b.w.Order("ann", "", Line{q, 1}), b.w.Order("ann", "", Line{p, 1}, Line{q, 2}), b.w.Order("ann", "", Line{idle, 11}))
	require.Equal(b, []commerce.Stock{
		{Product: p.ID, OnHand: 10, Allocated: 1, Version: 2},
		{Product: q.ID, OnHand: 10, Allocated: 3, Version: 3},
	}, b.res.Stock)
	for _, row := range b.res.Stock {
		require.Equal(b, row, b.stock(row.Product))
	}
}

func levelsFilledIn(b *bundle) {
	p := b.product(10)
	first, second := b.w.Order("ann", "", Line{p, 1}), b.w.Order("ann", "", Line{p, 2})
	b.apply(first, second)
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 10, Allocated: 1, Version: 2}, first.Movements[0].Level)
	require.Equal(b, commerce.Stock{Product: p.ID, OnHand: 10, Allocated: 3, Version: 3}, second.Movements[0].Level)
}

func largestBatch(b *bundle) {
	var lines []Line
	var made []*commerce.Entry
	for range commerce.OrderItemsMax {
		e := b.w.Product(b.w.SKU(), commerce.OnHandMax)
		made = append(made, e)
		lines = append(lines, Line{e.Product.Row, 1})
	}
	b.apply(made...)
	var orders []*commerce.Entry
	for range persistence.BatchEntriesMax {
		orders = append(orders, b.w.Order("ann", b.w.SKU(), lines...))
	}
	b.apply(orders...)
	report := b.verify()
	require.EqualValues(b, persistence.BatchEntriesMax, report.Orders)
	require.EqualValues(b, commerce.OrderItemsMax*(1+persistence.BatchEntriesMax), report.Movements)
	require.Error(b, b.writer.Commit(b.Context(), b.batch(append(orders, made[0])...), &b.res), "one more is too many")
}
