package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/checker"
)

const (
	// askAgain is how long a trader waits before it asks for the outcome of a command again.
	askAgain = 2 * time.Millisecond
	// outcomePatience bounds how long it asks: a store that failed is back by then.
	outcomePatience = 30 * time.Second
)

// Traders are clients that order, cancel, restock and look at a few products at the same time, and
// write down when they asked, when they were answered and what. What they write is for the
// checkers.
type Traders struct {
	Seed uint64
	// Shops are the doors of the clients, one each.
	Shops []Shop
	// Products are the rows that trade starts from.
	Products []commerce.Stock
	// Operations bounds what is written down for each product.
	Operations int
	// Forgetful is how many of a hundred commands in doubt are never asked about again.
	Forgetful int
}

// trade is what the clients share.
type trade struct {
	*Traders
	recorder *checker.Recorder
	faults   *Faults
	left     map[commerce.ID]*progressCounter
}

// Run trades until every product has its operations, or nothing more may be written down.
func (t *Traders) Run(ctx context.Context, faults *Faults) *checker.Recorder {
	shared := &trade{
		Traders: t, recorder: checker.NewRecorder(), faults: faults, left: make(map[commerce.ID]*progressCounter),
	}
	for _, row := range t.Products {
		shared.left[row.Product] = new(progressCounter)
	}
	var running sync.WaitGroup
	for i, shop := range t.Shops {
		one := &trader{
			trade: shared, shop: shop, name: fmt.Sprintf("trader-%x-%d", t.Seed, i),
			rng: rand.New(rand.NewPCG(t.Seed, uint64(i))),
		}
		running.Go(func() { one.work(ctx) })
	}
	running.Wait()
	return shared.recorder
}

// trader is one client. Its goroutine owns it.
type trader struct {
	*trade
	shop     Shop
	name     string
	rng      *rand.Rand
	commands int
	orders   []bought
	gone     bool // the door is shut
}

type bought struct {
	id    commerce.ID
	lines []commerce.OrderLine
}

func (t *trader) work(ctx context.Context) {
	for ctx.Err() == nil && !t.gone {
		products := t.choose()
		if len(products) == 0 {
			return
		}
		switch draw := t.rng.IntN(100); {
		case draw < 50:
			t.order(ctx, products)
		case draw < 60:
			t.cancel(ctx)
		case draw < 70:
			t.adjust(ctx, products[0])
		default:
			t.look(products[0])
		}
	}
}

// choose draws one or two products that may still be traded, and counts one operation for each.
func (t *trader) choose() []commerce.ID {
	var products []commerce.ID
	first := t.rng.IntN(len(t.Products))
	for i := range 1 + t.rng.IntN(2) {
		product := t.Products[(first+i)%len(t.Products)].Product
		if (i == 0 || len(t.Products) > 1) && t.take(product) {
			products = append(products, product)
		}
	}
	return products
}

// take counts an operation on a product, and reports false when there have been enough. A few are
// kept back for cancellations, which cannot choose.
func (t *trader) take(product commerce.ID) bool {
	left := t.left[product]
	if left.total() >= t.Operations*8/10-len(t.Shops) {
		return false
	}
	left.count.Add(1)
	return true
}

func (t *trader) actor() string {
	t.commands++
	return fmt.Sprintf("%s-%d", t.name, t.commands)
}

func (t *trader) order(ctx context.Context, products []commerce.ID) {
	actor := t.actor()
	cmd := &commerce.PlaceOrder{
		Caller: commerce.Trusted(actor), Key: actor, Address: commerce.Address{Street: "1 Quay Street", City: "Galway", PostalCode: "H91 K2E4"},
	}
	for _, product := range products {
		cmd.Lines = append(cmd.Lines, commerce.OrderLine{Product: product, Quantity: 1 + t.rng.Int64N(3)})
	}
	var answer OrderAnswer
	call := t.recorder.Clock.Now()
	err := t.ask(ctx, func() (err error) {
		answer, err = t.shop.PlaceOrder(cmd)
		return err
	})
	end := t.recorder.Clock.Now()
	o := checker.Operation{Actor: actor, Call: call, Return: end}
	if code(err) == commerce.CodeInsufficientStock {
		refusal, _ := errors.AsType[*commerce.Error](err)
		for _, line := range cmd.Lines {
			if line.Product == refusal.Product {
				o.Kind, o.Allocated, o.Available = checker.Refused, line.Quantity, refusal.Available
				t.recorder.Add(line.Product, o)
			}
		}
		return
	}
	if !t.ended(&o, err) {
		return
	}
	if err == nil {
		t.orders = append(t.orders, bought{answer.ID, cmd.Lines})
	}
	for _, line := range cmd.Lines {
		o.Allocated = line.Quantity
		t.recorder.Add(line.Product, o)
	}
}

// cancel gives an order back. An order is cancelled at most once, so that every answer but success
// is wrong.
func (t *trader) cancel(ctx context.Context) {
	if len(t.orders) == 0 {
		return
	}
	i := t.rng.IntN(len(t.orders))
	cancelled := t.orders[i]
	t.orders[i] = t.orders[len(t.orders)-1]
	t.orders = t.orders[:len(t.orders)-1]
	for _, line := range cancelled.lines {
		if counter := t.left[line.Product]; counter.count.Add(1) > int64(t.Operations) {
			return
		}
	}
	actor := t.actor()
	cmd := &commerce.TransitionOrder{
		Caller: commerce.Trusted(actor), Key: actor, Order: cancelled.id, To: commerce.StatusCancelled, Reason: "torture",
	}
	o := checker.Operation{Actor: actor, Call: t.recorder.Clock.Now()}
	err := t.ask(ctx, func() error {
		_, err := t.shop.TransitionOrder(cmd)
		return err
	})
	o.Return = t.recorder.Clock.Now()
	if !t.ended(&o, err) {
		return
	}
	for _, line := range cancelled.lines {
		o.Allocated = -line.Quantity
		t.recorder.Add(line.Product, o)
	}
}

func (t *trader) adjust(ctx context.Context, product commerce.ID) {
	actor := t.actor()
	cmd := &commerce.AdjustStock{Caller: commerce.Trusted(actor), Key: actor, Product: product, Delta: 1 + t.rng.Int64N(6), Reason: "torture"}
	if t.rng.IntN(3) == 0 {
		cmd.Delta = -cmd.Delta
	}
	var answer StockAnswer
	o := checker.Operation{Actor: actor, OnHand: cmd.Delta, Call: t.recorder.Clock.Now()}
	err := t.ask(ctx, func() (err error) {
		answer, err = t.shop.AdjustStock(cmd)
		return err
	})
	o.Return = t.recorder.Clock.Now()
	if code(err) == commerce.CodeInsufficientStock {
		refusal, _ := errors.AsType[*commerce.Error](err)
		o.Kind, o.Available = checker.Refused, refusal.Available
		t.recorder.Add(product, o)
		return
	}
	if t.ended(&o, err) {
		o.Level = answer.Level
		t.recorder.Add(product, o)
	}
}

func (t *trader) look(product commerce.ID) {
	call := t.recorder.Clock.Now()
	answer, err := t.shop.Product(product)
	end := t.recorder.Clock.Now()
	if err != nil {
		t.ended(&checker.Operation{}, err)
		return
	}
	t.recorder.Add(product, checker.Operation{Kind: checker.Read, Level: answer.Stock, Call: call, Return: end})
}

// ask carries out a command. While nothing was done, or the outcome is in doubt, it asks again with
// the same key, unless the client forgets a command in doubt. It waits a moment in between, because
// only a commit can change the answer.
func (t *trader) ask(ctx context.Context, command func() error) error {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	doubted := false
	for begin := time.Now(); time.Since(begin) < outcomePatience; {
		err := command()
		switch {
		case errors.Is(err, ErrLost):
			return err
		case inDoubt(err) && !doubted:
			doubted = true
			if t.rng.IntN(100) < t.Forgetful {
				return err
			}
		case !inDoubt(err) && !undone(err) && code(err) != commerce.CodeIdempotencyInFlight:
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return &commerce.Error{Code: commerce.CodeOutcomeUnknown, Detail: "nobody waits any more"}
		}
	}
	t.faults.Add(FaultSlow, "%s: a command was not carried out within %s", t.name, outcomePatience)
	return &commerce.Error{Code: commerce.CodeOutcomeUnknown, Detail: "no outcome in time"}
}

// ended gives an operation its kind. It returns false for one that was not carried out, and notes
// every answer that nothing explains.
func (t *trader) ended(o *checker.Operation, err error) bool {
	switch {
	case err == nil:
		o.Kind = checker.Applied
		return true
	case inDoubt(err):
		o.Kind, o.Return = checker.Unknown, checker.Never
		t.gone = errors.Is(err, ErrLost)
		return true
	case undone(err):
		return false
	default:
		t.faults.Add(FaultAnswer, "%s: %v", t.name, err)
		return false
	}
}

// CheckLinearizable asks porcupine about the history of every product.
func CheckLinearizable(products []commerce.Stock, recorder *checker.Recorder, patience time.Duration, faults *Faults) {
	for _, initial := range products {
		history := recorder.Operations(initial.Product)
		if err := checker.Linearizable(initial, history, patience); err != nil {
			faults.Add(FaultHistory, "product %s, %d operations: %v", initial.Product, len(history), err)
		}
	}
}

// CheckVersions proves by the ledger that its versions order the history of every product.
func CheckVersions(
	products []commerce.Stock, recorder *checker.Recorder, ledger func(commerce.ID) ([]commerce.Movement, error), faults *Faults,
) error {
	for _, initial := range products {
		lines, err := ledger(initial.Product)
		if err != nil {
			return fmt.Errorf("read ledger of %s: %w", initial.Product, err)
		}
		history, err := checker.Resolve(initial, recorder.Operations(initial.Product), lines)
		if err == nil {
			err = checker.VersionOrdered(initial, history)
		}
		if err != nil {
			faults.Add(FaultHistory, "product %s, %d operations: %v", initial.Product, len(history), err)
		}
	}
	return nil
}
