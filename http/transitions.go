package http

import (
	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
)

func transitionRoutes() []Route {
	moved := []Answer{{
		Status: 200, Schema: "Order", Headers: []string{"ETag", "Idempotency-Replayed"},
		Description: "The order in its new state.",
	}}
	problems := keyedProblems(commerce.CodeNotFound, commerce.CodeInvalidTransition, commerce.CodeQuarantined)
	return []Route{
		{
			Method: "POST", Path: pathOrders + "/{id}/cancel", Operation: "cancelOrder", Tag: "orders",
			Policy: holders(commerce.ScopeOrdersCancel), Class: access.ClassWrite,
			Summary: "Cancels an order that has not been shipped. Its units can be sold again.",
			Parameters: []Parameter{
				idParameter("order"),
				{
					Name: "reason", In: InQuery, Kind: KindText, Max: commerce.ReasonMax,
					Description: "Why. Either this or a body.",
				},
				keyParameter(),
			},
			Body:     &Body{Schema: "CancelOrder", Types: []string{contentTypeJSON}, Optional: true},
			Answers:  moved,
			Problems: problems,
			Handle:   (*Server).cancelOrder,
		},
		{
			Method: "POST", Path: pathOrders + "/{id}/transitions", Operation: "transitionOrder", Tag: "orders",
			Policy: holders(commerce.ScopeOrdersWrite | commerce.ScopeOrdersAny), Class: access.ClassWrite,
			Summary:    "Moves an order to its next state.",
			Parameters: []Parameter{idParameter("order"), keyParameter()},
			Body:       &Body{Schema: "TransitionOrder", Types: []string{contentTypeJSON}},
			Answers:    moved,
			Problems:   problems,
			Handle:     (*Server).transitionOrder,
		},
		bulkTransitionsRoute(),
		trackingRoute(),
	}
}

func (s *Server) cancelOrder(r *request) error {
	cmd := &commerce.TransitionOrder{Caller: r.by, Key: r.key(), Order: r.id(), To: commerce.StatusCancelled}
	reason := r.value("reason")
	var err error
	switch {
	case len(r.body()) == 0:
		cmd.Reason = reason.text
		err = inQuery(cmd.Validate())
	case reason.set:
		err = invalidParameter("query", "must be empty when there is a body: say it in one place")
	default:
		err = r.decoder.Cancel(r.body(), cmd)
	}
	if err != nil {
		return err
	}
	return s.moveOrder(r, cmd)
}

func (s *Server) transitionOrder(r *request) error {
	cmd := &commerce.TransitionOrder{Caller: r.by, Key: r.key(), Order: r.id()}
	if err := r.decoder.Transition(r.body(), cmd); err != nil {
		return err
	}
	return s.moveOrder(r, cmd)
}

func (s *Server) moveOrder(r *request, cmd *commerce.TransitionOrder) error {
	receipt, err := s.cfg.Engine.TransitionOrder(cmd)
	if err != nil {
		return err
	}
	return r.answerOrder(200, receipt)
}
