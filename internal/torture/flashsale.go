package torture

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/checker"
)

// FlashSale lets many connections want the same few units at once, then lets every one of them ask
// again with its key.
type FlashSale struct {
	Address     string
	Seed        uint64
	Connections int
	Orders      int // in all; each connection places as many
	// Units holds one product's units each. Every order asks one unit of all of them; half of the
	// orders name them the other way round.
	Units []int64

	// Gate holds the first commit of the sale until every connection has an order outstanding; nil
	// when commits cannot be held.
	Gate Gate
}

// Gate holds commits.
type Gate interface {
	// Hold lets no commit through from now on.
	Hold()
	// Outstanding tells how many commands the engine has accepted and not answered.
	Outstanding() int
	// Release lets commits through again.
	Release()
}

// FlashSaleReport is what a flash sale came to.
type FlashSaleReport struct {
	Sold     int // orders answered 201
	Refused  int // orders answered 409 insufficient_stock
	Replayed int // retries answered with the first answer
	Again    int // retries refused again
	// AtOnce is how many orders were outstanding before the first answer.
	AtOnce int
	Took   time.Duration // of the first answers to all orders
	Faults Faults
}

// String sums the report up.
func (r *FlashSaleReport) String() string {
	return fmt.Sprintf("%d sold, %d refused in %s, %d outstanding before the first answer; retried: %d replayed, %d refused again; %s",
		r.Sold, r.Refused, r.Took.Round(time.Millisecond), r.AtOnce, r.Replayed, r.Again, &r.Faults)
}

type saleRun struct {
	*FlashSale
	report   *FlashSaleReport
	products []commerce.ID
	initial  map[commerce.ID]commerce.Stock
	buyers   []*buyer
	recorder *checker.Recorder
	answers  atomic.Int64
}

// buyer is one connection with the orders it wants. Its goroutine owns it.
type buyer struct {
	client   *Client
	orders   []*commerce.PlaceOrder
	ids      []commerce.ID // by order; zero when it was refused
	sold     int
	refused  int
	replayed int
	again    int
}

// Run carries out the sale. What is wrong with it is in the report; the error says that the sale
// itself could not go on.
func (f *FlashSale) Run(ctx context.Context) (*FlashSaleReport, error) {
	r := &saleRun{
		FlashSale: f,
		report:    &FlashSaleReport{},
		initial:   make(map[commerce.ID]commerce.Stock),
		recorder:  checker.NewRecorder(),
	}
	defer func() {
		for _, b := range r.buyers {
			b.client.Close()
		}
	}()
	for _, step := range []func(context.Context) error{r.stock, r.connect, r.sell, r.retry, r.audit} {
		if err := step(ctx); err != nil {
			return r.report, fmt.Errorf("flash sale with seed %d: %w", f.Seed, err)
		}
	}
	return r.report, nil
}

func (r *saleRun) stock(ctx context.Context) error {
	client, err := NewClient(ctx, r.Address, "torture")
	if err != nil {
		return err
	}
	defer client.Close()
	for i, units := range r.Units {
		answer, err := client.CreateProduct(&commerce.CreateProduct{
			Name: fmt.Sprintf("Scarce product %d", i), OnHand: units, Key: fmt.Sprintf("sale-%x-%d", r.Seed, i),
			Price: commerce.Money{Amount: 1000, Currency: commerce.DefaultCurrency()},
		})
		if err != nil {
			return fmt.Errorf("make product: %w", err)
		}
		r.products = append(r.products, answer.ID)
		r.initial[answer.ID] = answer.Stock
	}
	return nil
}

func (r *saleRun) connect(ctx context.Context) error {
	for i := range r.Connections {
		client, err := NewClient(ctx, r.Address, "torture")
		if err != nil {
			return err
		}
		b := &buyer{client: client}
		r.buyers = append(r.buyers, b)
		for n := range r.Orders / r.Connections {
			name := fmt.Sprintf("buyer-%x-%d-%d", r.Seed, i, n)
			b.orders = append(b.orders, &commerce.PlaceOrder{
				Caller: commerce.Trusted(name), Key: name, Lines: r.lines((i + n) % 2),
				Address: commerce.Address{Street: "1 Quay Street", City: "Galway", PostalCode: "H91 K2E4"},
			})
		}
		b.ids = make([]commerce.ID, len(b.orders))
	}
	return nil
}

// lines asks one unit of every product, forwards or backwards.
func (r *saleRun) lines(backwards int) []commerce.OrderLine {
	lines := make([]commerce.OrderLine, len(r.products))
	for i, product := range r.products {
		at := i
		if backwards == 1 {
			at = len(lines) - 1 - i
		}
		lines[at] = commerce.OrderLine{Product: product, Quantity: 1}
	}
	return lines
}

// sell lets all buyers order at once, and opens the gate when every one of them is waiting.
func (r *saleRun) sell(ctx context.Context) error {
	errs := make([]error, len(r.buyers))
	var running sync.WaitGroup
	if r.Gate != nil {
		r.Gate.Hold()
	}
	begin := time.Now()
	for i, b := range r.buyers {
		running.Go(func() { errs[i] = r.buy(b) })
	}
	err := r.open(ctx)
	if err != nil {
		for _, b := range r.buyers {
			b.client.Close() // nobody will answer them
		}
	}
	running.Wait()
	r.report.Took = time.Since(begin)
	if err := errors.Join(err, errors.Join(errs...)); err != nil {
		return err
	}
	for _, b := range r.buyers {
		r.report.Sold += b.sold
		r.report.Refused += b.refused
	}
	return nil
}

// open waits until every connection has an order outstanding, and lets commits happen.
func (r *saleRun) open(ctx context.Context) error {
	if r.Gate == nil {
		return nil
	}
	defer r.Gate.Release()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for r.Gate.Outstanding() < r.Connections {
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d orders outstanding: %w", r.Gate.Outstanding(), r.Connections, ctx.Err())
		}
	}
	r.report.AtOnce = r.Gate.Outstanding()
	if n := r.answers.Load(); n > 0 {
		r.report.Faults.Add(FaultAnswer, "%d orders were answered before anything was committed", n)
	}
	return nil
}

func (r *saleRun) buy(b *buyer) error {
	for i, cmd := range b.orders {
		call := r.recorder.Clock.Now()
		answer, err := b.client.PlaceOrder(cmd)
		at := r.recorder.Clock.Now()
		r.answers.Add(1)
		switch {
		case err == nil:
			b.sold++
			b.ids[i] = answer.ID
			if answer.Replayed {
				r.report.Faults.Add(FaultReplay, "a fresh key is answered as a replay: %s", cmd.Key)
			}
			for _, product := range r.products {
				r.recorder.Add(product, checker.Operation{
					Kind: checker.Applied, Actor: cmd.Caller.Subject, Allocated: 1, Call: call, Return: at,
				})
			}
		case code(err) == commerce.CodeInsufficientStock:
			b.refused++
			r.refusal(err, call, at)
		case errors.Is(err, ErrLost):
			return err
		default:
			r.report.Faults.Add(FaultAnswer, "order %s: %v", cmd.Key, err)
		}
	}
	return nil
}

// refusal notes a refusal for the checker, which knows whether it was true.
func (r *saleRun) refusal(err error, call, at int64) {
	refusal, _ := errors.AsType[*commerce.Error](err)
	if _, ours := r.initial[refusal.Product]; !ours {
		r.report.Faults.Add(FaultRefusal, "a refusal names product %s, which was not asked for", refusal.Product)
		return
	}
	r.recorder.Add(refusal.Product, checker.Operation{
		Kind: checker.Refused, Allocated: 1, Available: refusal.Available, Call: call, Return: at,
	})
}

// retry sends every key again: what was sold is answered as before, the rest is refused again.
func (r *saleRun) retry(context.Context) error {
	errs := make([]error, len(r.buyers))
	var running sync.WaitGroup
	for i, b := range r.buyers {
		running.Go(func() { errs[i] = r.buyAgain(b) })
	}
	running.Wait()
	for _, b := range r.buyers {
		r.report.Replayed += b.replayed
		r.report.Again += b.again
	}
	return errors.Join(errs...)
}

func (r *saleRun) buyAgain(b *buyer) error {
	for i, cmd := range b.orders {
		call := r.recorder.Clock.Now()
		answer, err := b.client.PlaceOrder(cmd)
		at := r.recorder.Clock.Now()
		first := b.ids[i]
		switch {
		case errors.Is(err, ErrLost):
			return err
		case err == nil && answer.ID == first && answer.Replayed:
			b.replayed++
		case err == nil && first.IsZero():
			r.report.Faults.Add(FaultRefusal, "key %s was refused, and now it has order %s", cmd.Key, answer.ID)
		case err == nil:
			r.report.Faults.Add(FaultDoubled, "key %s of order %s is answered with order %s, replayed %t",
				cmd.Key, first, answer.ID, answer.Replayed)
		case !first.IsZero():
			r.report.Faults.Add(FaultReplay, "key %s of order %s is answered: %v", cmd.Key, first, err)
		case code(err) == commerce.CodeInsufficientStock:
			b.again++
			r.refusal(err, call, at)
		default:
			r.report.Faults.Add(FaultAnswer, "order %s again: %v", cmd.Key, err)
		}
	}
	return nil
}

// audit compares the sums, the histories of the products and the server's own verification.
func (r *saleRun) audit(ctx context.Context) error {
	client, err := NewClient(ctx, r.Address, "torture")
	if err != nil {
		return err
	}
	defer client.Close()
	least := r.Units[0]
	for _, units := range r.Units {
		least = min(least, units)
	}
	if want := min(int(least), r.Orders); r.report.Sold != want {
		r.report.Faults.Add(FaultStock, "%d orders were sold, %d can be", r.report.Sold, want)
	}
	for _, product := range r.products {
		answer, err := client.Product(product)
		if err != nil {
			return err
		}
		if got := answer.Stock; got.OnHand != r.initial[product].OnHand || got.Allocated != int64(r.report.Sold) {
			r.report.Faults.Add(FaultStock, "product %s: on_hand %d, allocated %d after %d orders of %d units",
				product, got.OnHand, got.Allocated, r.report.Sold, r.initial[product].OnHand)
		}
		if err := r.auditHistory(client, product); err != nil {
			return err
		}
	}
	return client.Verify(&r.report.Faults)
}

func (r *saleRun) auditHistory(client *Client, product commerce.ID) error {
	lines, err := wholeLedger(client, product)
	if err != nil {
		return err
	}
	initial := r.initial[product]
	history, err := checker.Resolve(initial, r.recorder.Operations(product), lines)
	if err == nil {
		err = checker.VersionOrdered(initial, history)
	}
	if err != nil {
		r.report.Faults.Add(FaultHistory, "product %s: %v", product, err)
	}
	return nil
}

// wholeLedger reads all lines of a product's ledger.
func wholeLedger(client *Client, product commerce.ID) ([]commerce.Movement, error) {
	var lines []commerce.Movement
	cursor := ""
	for {
		page, next, err := client.Movements(product, cursor)
		if err != nil {
			return nil, err
		}
		lines = append(lines, page...)
		if cursor = next; next == "" {
			return lines, nil
		}
	}
}
