package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	fillProducts = 10_000
	fillUnits    = 100_000_000
	// fillSpan is how far back the orders reach: all their idempotency keys are still bound.
	fillSpan = 20 * time.Hour
	fillKeys = 24 * time.Hour
)

// Fill writes products and then orders of two items each, paid, each with its idempotency key and placed
// within the last hours, straight into a store. It is how a store gets old within a minute or two.
func Fill(ctx context.Context, store persistence.Store, orders int, seed uint64) error {
	writer, err := store.OpenWriter(ctx)
	if err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	f := &filler{writer: writer, rng: rand.New(rand.NewPCG(seed, 0)), now: time.Now().UTC().Truncate(time.Millisecond), seed: seed}
	for range fillProducts {
		create := commerce.CreateProduct{
			Name: fmt.Sprintf("Product %d", len(f.products)), OnHand: fillUnits, Caller: "fill",
			Price: commerce.Money{Amount: 1000, Currency: commerce.DefaultCurrency()},
		}
		e := create.NewEntry(f.id(f.now.Add(-fillSpan)), writer.Epoch(), fillKeys)
		f.products = append(f.products, e.Product.Row)
		if err := f.add(ctx, e); err != nil {
			return err
		}
	}
	for i := range orders {
		placed, paid, err := f.order(i, f.now.Add(-fillSpan+fillSpan/time.Duration(orders)*time.Duration(i)))
		if err != nil {
			return err
		}
		if err := f.add(ctx, placed, paid); err != nil {
			return err
		}
	}
	return f.flush(ctx)
}

type filler struct {
	writer   persistence.Writer
	rng      *rand.Rand
	now      time.Time
	seed     uint64
	products []*commerce.Product
	batch    persistence.Batch
	result   persistence.Result
}

// id makes a UUID version 7 of a moment.
func (f *filler) id(at time.Time) commerce.ID {
	id := commerce.IDFloor(at)
	binary.BigEndian.PutUint16(id[6:], 0x7000|uint16(f.rng.Uint32N(1<<12)))
	binary.BigEndian.PutUint64(id[8:], 1<<63|f.rng.Uint64()>>2)
	return id
}

// order makes the entries that place and pay an order.
func (f *filler) order(n int, at time.Time) (placed, paid *commerce.Entry, err error) {
	place := commerce.PlaceOrder{
		Caller: fmt.Sprintf("customer-%d", f.rng.IntN(100_000)), Key: fmt.Sprintf("fill-%x-%d", f.seed, n),
		Address: commerce.Address{Street: "1 Quay Street", City: "Galway", PostalCode: "H91 K2E4"},
	}
	rows := make(map[commerce.ID]*commerce.Product)
	for range 2 {
		p := f.products[f.rng.IntN(len(f.products))]
		rows[p.ID] = p
		place.Lines = append(place.Lines, commerce.OrderLine{Product: p.ID, Quantity: 1})
	}
	lines, err := place.Merge()
	if err != nil {
		return nil, nil, fmt.Errorf("fill store: %w", err)
	}
	offers := make([]commerce.Offer, len(lines))
	for i := range lines {
		offers[i] = commerce.Offer{Product: rows[lines[i].Product], Epoch: f.writer.Epoch()}
	}
	placed, err = place.NewEntry(f.id(at), lines, offers, commerce.Terms{PaymentTimeout: time.Hour, KeyTTL: fillKeys})
	if err != nil {
		return nil, nil, fmt.Errorf("fill store: %w", err)
	}
	pay := commerce.TransitionOrder{Caller: "fill", Order: placed.Order.Row.ID, To: commerce.StatusPaid}
	paid, err = pay.NewEntry(placed.Order.Row, at.Add(time.Minute), nil, fillKeys)
	if err != nil {
		return nil, nil, fmt.Errorf("fill store: %w", err)
	}
	return placed, paid, nil
}

// add adds entries that belong into one batch.
func (f *filler) add(ctx context.Context, entries ...*commerce.Entry) error {
	f.batch.Entries = append(f.batch.Entries, entries...)
	if len(f.batch.Entries)+len(entries) <= persistence.BatchEntriesMax {
		return nil
	}
	return f.flush(ctx)
}

func (f *filler) flush(ctx context.Context) error {
	if len(f.batch.Entries) == 0 {
		return nil
	}
	f.batch.Seq, f.batch.At = f.writer.NextSeq(), f.now
	binary.BigEndian.PutUint64(f.batch.ID[:], f.batch.Seq)
	if err := f.writer.Commit(ctx, &f.batch, &f.result); err != nil {
		return fmt.Errorf("fill store: %w", err)
	}
	for i := range f.result.Outcomes {
		if kind := f.result.Outcomes[i].Kind; kind != commerce.Applied {
			return fmt.Errorf("fill store: entry %d of batch %d did not apply: outcome %d", i, f.batch.Seq, kind)
		}
	}
	f.batch.Entries = f.batch.Entries[:0]
	return nil
}
