package audience

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/internal/subscriber"
	"github.com/penstock-dev/penstock/internal/torture"
)

// mover moves the orders of some subscribers on, over restarts of the server. Every command has a key, so
// that one without an answer is sent again.
type mover struct {
	run    *restartsRun
	number int
	rng    *rand.Rand
	desks  []*desk
	client *torture.Client
	keys   int
}

// desk is what a mover knows of one subscriber's order.
type desk struct {
	watch *watch
	order commerce.ID // zero: the next one is to be placed
	moved int         // steps done
	key   string      // of the command that is not answered yet
}

// work goes from desk to desk.
func (m *mover) work(ctx context.Context) {
	left := ""
	for !m.run.ended.Load() && ctx.Err() == nil {
		address, err := m.run.place.find(ctx, left)
		if err != nil {
			return
		}
		err = m.shift(ctx, address)
		if err == nil || ctx.Err() != nil {
			return
		}
		if m.run.lostServer(ctx, address, err) == nil {
			m.run.report.Faults.Add(torture.FaultServer, "mover %d: %v", m.number, err)
			return
		}
		left = address
	}
}

// shift works with one server, until it is gone or the campaign ends.
func (m *mover) shift(ctx context.Context, address string) (err error) {
	if m.client, err = torture.NewClient(ctx, address, "mover-"+strconv.Itoa(m.number)); err != nil {
		return errors.Join(subscriber.ErrGone, err)
	}
	defer m.client.Close()
	for !m.run.ended.Load() && ctx.Err() == nil {
		for _, d := range m.desks {
			if m.rng.IntN(3) == 0 {
				continue // not all in step
			}
			if err := m.step(d); err != nil {
				return err
			}
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return nil // the end is no fault
		}
	}
	return nil
}

// step moves one order on, or places the next one.
func (m *mover) step(d *desk) error {
	if d.key == "" {
		m.keys++
		d.key = "m" + strconv.Itoa(m.number) + "-" + strconv.Itoa(m.keys)
	}
	caller := "mover-" + strconv.Itoa(m.number)
	if d.order.IsZero() {
		if len(d.watch.orders) > 0 || d.watch.busy() {
			return nil // the subscriber has not seen the end of the last one
		}
		answer, err := m.client.PlaceOrder(orderOf(m.run.product, caller, d.key))
		if err != nil {
			return m.failed(err)
		}
		atomic.AddInt64(&m.run.report.Orders, 1)
		d.order, d.moved, d.key = answer.ID, 0, ""
		d.watch.assigned(answer.ID)
		return nil
	}
	answer, err := m.client.TransitionOrder(&commerce.TransitionOrder{
		Caller: commerce.Trusted(caller), Key: d.key, Order: d.order, To: way()[d.moved], Note: "on its way",
	})
	if err != nil {
		return m.failed(err)
	}
	d.watch.acknowledged(answer.Version)
	d.key = ""
	if d.moved++; d.moved == len(way()) {
		d.order = commerce.ID{}
	}
	return nil
}

// failed says whether a command that was not done is the end of the shift: one that is refused because the
// server is not quite there is sent again with its key.
func (m *mover) failed(err error) error {
	if refusal, ok := errors.AsType[*commerce.Error](err); ok {
		switch refusal.Code {
		case commerce.CodeOverloaded, commerce.CodeStoreUnavailable, commerce.CodeOutcomeUnknown, commerce.CodeIdempotencyInFlight:
			return nil
		}
	}
	return err
}
