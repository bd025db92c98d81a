package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-dev/penstock/commerce"
)

// drillPatience is how long one answer of a drill may take: nobody else is in the shop.
const drillPatience = 500 * time.Millisecond

// Drill is one client's walk through the promises, one command after another: what is sold, what
// is refused, what a retry is told and what stock remains is known in advance at every step.
type Drill struct {
	Address string
	Seed    uint64
}

// drillRun is a drill under way: one client and one address for all orders.
type drillRun struct {
	client *Client
	seed   uint64
	keys   int
	faults *Faults
}

// Run walks through and notes what is not as promised.
func (d *Drill) Run(ctx context.Context, faults *Faults) error {
	client, err := NewClient(ctx, d.Address, "drill")
	if err != nil {
		return err
	}
	defer client.Close()
	r := &drillRun{client: client, seed: d.Seed, faults: faults}
	for _, step := range []func() error{r.retries, r.refusalsGiveBack, r.retryAfterSellOut, r.cancelling} {
		if err := step(); err != nil {
			return fmt.Errorf("drill with seed %d: %w", d.Seed, err)
		}
	}
	return client.Verify(faults)
}

// retries places an order and sends its key again while there is plenty.
func (r *drillRun) retries() error {
	product, err := r.product(10)
	if err != nil {
		return err
	}
	cmd := r.wish(product)
	first, err := r.sold(cmd)
	if err != nil {
		return err
	}
	for range 3 {
		again, err := r.sold(cmd)
		if err != nil {
			return err
		}
		if again.ID != first.ID || !again.Replayed {
			r.faults.Add(FaultDoubled, "key %s of order %s is answered with order %s, replayed %t",
				cmd.Key, first.ID, again.ID, again.Replayed)
		}
	}
	return r.holds(product, 10, 1)
}

// refusalsGiveBack asks for a product together with one that is sold out, named before and after
// it: the first must be as free as before.
func (r *drillRun) refusalsGiveBack() error {
	one, err := r.product(1)
	if err != nil {
		return err
	}
	none, err := r.product(0)
	if err != nil {
		return err
	}
	other, err := r.product(1)
	if err != nil {
		return err
	}
	for _, wish := range [][]commerce.ID{{one, none}, {none, one}, {other, none}, {none, other}} {
		if err := r.refused(r.wish(wish...), none, 0); err != nil {
			return err
		}
	}
	for _, product := range []commerce.ID{one, other} {
		if _, err := r.sold(r.wish(product)); err != nil {
			return err
		}
		if err := r.holds(product, 1, 1); err != nil {
			return err
		}
	}
	return nil
}

// retryAfterSellOut sends the key of the order that took the last unit again.
func (r *drillRun) retryAfterSellOut() error {
	product, err := r.product(1)
	if err != nil {
		return err
	}
	cmd := r.wish(product)
	if _, err := r.sold(cmd); err != nil {
		return err
	}
	if err := r.refused(r.wish(product), product, 0); err != nil {
		return err
	}
	again, err := r.client.PlaceOrder(cmd)
	if err != nil || !again.Replayed {
		r.faults.Add(FaultReplay, "key %s took the last unit and is answered now: replayed %t, %v", cmd.Key, again.Replayed, err)
	}
	return r.holds(product, 1, 1)
}

// cancelling gives units back and ships others.
func (r *drillRun) cancelling() error {
	product, err := r.product(2)
	if err != nil {
		return err
	}
	var ids []commerce.ID
	for range 2 {
		answer, err := r.sold(r.wish(product))
		if err != nil {
			return err
		}
		ids = append(ids, answer.ID)
	}
	moves := []commerce.TransitionOrder{{Order: ids[0], To: commerce.StatusCancelled, Reason: "drill"}}
	for to := commerce.StatusPaid; to <= commerce.StatusShipped; to++ {
		moves = append(moves, commerce.TransitionOrder{Order: ids[1], To: to})
	}
	for i := range moves {
		if _, err := r.client.TransitionOrder(&moves[i]); err != nil {
			if err := r.unpromised(fmt.Sprintf("order %s to %s", moves[i].Order, moves[i].To), err); err != nil {
				return err
			}
		}
	}
	return r.holds(product, 1, 0)
}

func (r *drillRun) product(units int64) (commerce.ID, error) {
	answer, err := r.client.CreateProduct(&commerce.CreateProduct{
		Name: "Drill", OnHand: units, Key: r.key(), Price: commerce.Money{Amount: 1000, Currency: commerce.DefaultCurrency()},
	})
	if err != nil {
		return commerce.ID{}, fmt.Errorf("make product: %w", err)
	}
	return answer.ID, nil
}

func (r *drillRun) key() string {
	r.keys++
	return fmt.Sprintf("drill-%x-%d", r.seed, r.keys)
}

func (r *drillRun) wish(products ...commerce.ID) *commerce.PlaceOrder {
	cmd := &commerce.PlaceOrder{
		Caller: commerce.Trusted("drill"), Key: r.key(), Address: commerce.Address{Street: "1 Quay Street", City: "Galway", PostalCode: "H91 K2E4"},
	}
	for _, product := range products {
		cmd.Lines = append(cmd.Lines, commerce.OrderLine{Product: product, Quantity: 1})
	}
	return cmd
}

// sold places an order whose units are free.
func (r *drillRun) sold(cmd *commerce.PlaceOrder) (OrderAnswer, error) {
	begin := time.Now()
	answer, err := r.client.PlaceOrder(cmd)
	if took := time.Since(begin); took > drillPatience {
		r.faults.Add(FaultSlow, "order %s, whose units are free, was answered after %s: %v", cmd.Key, took, err)
	}
	if err != nil {
		return answer, r.unpromised("order "+cmd.Key+", whose units are free", err)
	}
	return answer, nil
}

// refused places an order that one product is short for.
func (r *drillRun) refused(cmd *commerce.PlaceOrder, short commerce.ID, available int64) error {
	answer, err := r.client.PlaceOrder(cmd)
	if err == nil {
		r.faults.Add(FaultOversold, "order %s has the id %s, although product %s is sold out", cmd.Key, answer.ID, short)
		return nil
	}
	if code(err) != commerce.CodeInsufficientStock {
		return r.unpromised("order "+cmd.Key, err)
	}
	if refusal, _ := errors.AsType[*commerce.Error](err); refusal.Product != short || refusal.Available != available {
		r.faults.Add(FaultRefusal, "order %s is refused for product %s with %d available; it is product %s that has %d",
			cmd.Key, refusal.Product, refusal.Available, short, available)
	}
	return nil
}

// holds compares a product's units with what they must be.
func (r *drillRun) holds(product commerce.ID, onHand, allocated int64) error {
	answer, err := r.client.Product(product)
	if err != nil {
		return r.unpromised("read of a product", err)
	}
	if answer.Stock.OnHand != onHand || answer.Stock.Allocated != allocated {
		r.faults.Add(FaultStock, "product %s: on_hand %d, allocated %d; it must be %d and %d",
			product, answer.Stock.OnHand, answer.Stock.Allocated, onHand, allocated)
	}
	return nil
}

// unpromised notes an answer that should have been another one; a lost one ends the drill.
func (r *drillRun) unpromised(what string, err error) error {
	if errors.Is(err, ErrLost) {
		return err
	}
	kind := FaultAnswer
	if code(err) == commerce.CodeInsufficientStock || undone(err) {
		kind = FaultRefusal
	}
	r.faults.Add(kind, "%s: %v", what, err)
	return nil
}
