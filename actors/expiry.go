package actors

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

const (
	expiryTick    = time.Second
	expiryPageMax = 256
	// expiryOverlap is how far a look reaches back into what the last one saw: an order becomes visible
	// a little after it was placed.
	expiryOverlap = time.Minute
	// expiryAll is how often all pending orders are looked at, should one have become visible later still.
	expiryAll = 10 * time.Minute
)

// expirySweep looks for pending orders that were not paid in time. It remembers what it has seen, so
// that orders which wait longer than today's setting says are not read again every second. One goroutine
// owns it.
type expirySweep struct {
	engine  *Engine
	timeout time.Duration // how long an order that is placed now waits
	seen    time.Time     // orders placed before have been looked at; zero: none
	again   time.Time     // when all of them must be looked at once more
}

// expireOrders cancels pending orders that were not paid in time, so that their units can be sold
// again. What is due stands in the store, hence a restart forgets nothing. One order at a time is
// cancelled, which keeps it behind customers' orders.
func (e *Engine) expireOrders(life context.Context) {
	sweep := &expirySweep{engine: e, timeout: e.config.PaymentTimeout}
	ticker := time.NewTicker(expiryTick)
	defer ticker.Stop()
	for {
		select {
		case <-life.Done():
			return
		case now := <-ticker.C:
			if err := sweep.run(life, now); err != nil && life.Err() == nil {
				e.logger.Warn("unpaid orders could not be cancelled; it is tried again", slog.Any("error", err))
			}
		}
	}
}

// run cancels the orders that are due by now. An order is due at the time it was given when it was
// placed, whatever the setting says today; the setting only says where to look.
func (s *expirySweep) run(life context.Context, now time.Time) error {
	e := s.engine
	if !now.Before(s.again) {
		s.seen = time.Time{}
	}
	again := now.Add(expiryAll)
	if !s.seen.IsZero() {
		again = s.again
	}
	query := persistence.OrderQuery{
		Status: commerce.StatusPending, From: s.seen, To: now.Add(-s.timeout), Limit: expiryPageMax,
	}
	for life.Err() == nil && e.admission.refusal.Load() == nil {
		page, err := e.store.Orders(life, query)
		if err != nil {
			return wrapStore("list unpaid orders", err)
		}
		for _, order := range page {
			if order.ExpiresAt.After(now) {
				if order.ExpiresAt.Before(again) {
					again = order.ExpiresAt
				}
				continue
			}
			if err := e.expire(order); err != nil {
				return wrapStore("cancel unpaid order "+order.ID.String(), err)
			}
		}
		if len(page) < expiryPageMax {
			s.seen, s.again = query.To.Add(-expiryOverlap), again
			return nil
		}
		query.Before = page[len(page)-1].ID
	}
	return nil
}

// expire cancels one order, unless it has moved on since it was read. An order that cannot be
// cancelled does not keep the others waiting; only a node that is busy or cannot write does.
func (e *Engine) expire(order *commerce.Order) error {
	_, err := e.TransitionOrder(&commerce.TransitionOrder{
		Caller: commerce.Trusted(""), // the engine itself
		Order:  order.ID, To: commerce.StatusCancelled, Version: order.Version, Reason: commerce.ReasonUnpaid,
	})
	var refusal *commerce.Error
	switch {
	case err == nil:
		e.metrics.ordersExpired.Add(1)
		return nil
	case errors.As(err, &refusal) && refusal.Code == commerce.CodePrecondition:
		return nil
	case resultOf(answer{err: err}) == resultRefused:
		e.logger.Error("an unpaid order cannot be cancelled", slog.String("order_id", order.ID.String()), slog.Any("error", err))
		return nil
	default:
		return err
	}
}
