package http

import (
	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func stockRoutes() []Route {
	return []Route{
		{
			Method: "POST", Path: pathProducts + "/{id}/stock/update", Operation: "adjustStock", Tag: "stock",
			Policy: holders(commerce.ScopeStockWrite), Class: access.ClassWrite,
			Summary: "Changes the units on hand, all or nothing: deliveries, losses, sales made elsewhere.",
			Parameters: []Parameter{
				idParameter("product"),
				{
					Name: "quantity_change", In: InQuery, Kind: KindInteger, Min: -commerce.QuantityMax, Max: commerce.QuantityMax, NotZero: true,
					Description: "How many units come, or go when it is negative. Either this or a body.",
				},
				{
					Name: "reason", In: InQuery, Kind: KindText, Max: commerce.ReasonMax,
					Default: string(commerce.ReasonAdjust), Description: "A word for the ledger.",
				},
				keyParameter(),
			},
			Body: &Body{Schema: "AdjustStock", Types: []string{contentTypeJSON}, Optional: true},
			Answers: []Answer{{
				Status: 200, Schema: "Movement", Headers: []string{"Idempotency-Replayed"},
				Description: "The ledger's line, with the level it reached.",
			}},
			Problems: keyedProblems(commerce.CodeNotFound, commerce.CodeInsufficientStock, commerce.CodeProductArchived,
				commerce.CodeQuarantined),
			Handle: (*Server).adjustStock,
		},
		{
			Method: "GET", Path: pathProducts + "/{id}/stock/movements", Operation: "listMovements", Tag: "stock",
			Policy: holders(commerce.ScopeStockWrite), Class: access.ClassRead,
			Summary: "Shows the ledger of a product, newest first.",
			Parameters: []Parameter{
				idParameter("product"),
				{
					Name: "cursor", In: InQuery, Kind: KindMovementCursor,
					Description: "The next_cursor of the page before.",
				},
				limitParameter(),
			},
			Answers:  []Answer{{Status: 200, Schema: "MovementPage", Description: "A page of the ledger."}},
			Problems: readProblems(commerce.CodeNotFound),
			Handle:   (*Server).listMovements,
		},
	}
}

func (s *Server) adjustStock(r *request) error {
	cmd := &commerce.AdjustStock{Caller: r.by, Correlation: r.correlation, Key: r.key(), Product: r.id()}
	change, reason := r.value("quantity_change"), r.value("reason")
	var err error
	switch {
	case len(r.body()) == 0 && change.set:
		cmd.Delta, cmd.Reason = change.number, commerce.Reason(reason.text)
		err = inQuery(cmd.Validate())
	case len(r.body()) == 0:
		err = invalidParameter("quantity_change", "is required, here or in a JSON body")
	case change.set || reason.set:
		err = invalidParameter("query", "must be empty when there is a body: say it in one place")
	default:
		err = r.decoder.AdjustStock(r.body(), cmd)
	}
	if err != nil {
		return err
	}
	receipt, err := s.cfg.Engine.AdjustStock(cmd)
	if err != nil && change.set {
		return inQuery(err)
	}
	if err != nil {
		return err
	}
	r.setReplayed(receipt.Replayed)
	r.buf = wire.AppendMovement(r.buf[:0], &receipt.Movement)
	return r.answerJSON(200)
}

func (s *Server) listMovements(r *request) error {
	limit := int(r.number("limit", perPageDefault))
	ctx, cancel := s.query()
	defer cancel()
	movements, err := s.cfg.Engine.Movements(ctx, r.id(), uint64(r.value("cursor").number), limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(movements) > limit {
		movements = movements[:limit]
		next = wire.MovementCursor(movements[limit-1].Level.Version)
	}
	r.buf = wire.AppendMovements(r.buf[:0], movements, next)
	return r.answerJSON(200)
}
