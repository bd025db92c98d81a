package http

import (
	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func trackingRoute() Route {
	return Route{
		Method: "GET", Path: pathOrders + "/{id}/tracking", Operation: "trackOrder", Tag: "orders",
		Policy: holders(commerce.ScopeOrdersRead), Class: access.ClassRead,
		Summary:    "Shows what happened to an order, from its events.",
		Parameters: []Parameter{idParameter("order")},
		Answers:    []Answer{{Status: 200, Schema: "Tracking", Description: "The timeline, oldest first."}},
		Problems:   readProblems(commerce.CodeNotFound),
		Handle:     (*Server).trackOrder,
	}
}

// trackOrder reads the order before its events, so that the timeline is never behind the order.
func (s *Server) trackOrder(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	order, events, err := s.cfg.Engine.Timeline(ctx, &r.by, r.id())
	if err != nil {
		return err
	}
	r.buf = wire.AppendTracking(r.buf[:0], order, events)
	return r.answerJSON(200)
}
