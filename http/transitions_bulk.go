package http

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func bulkTransitionsRoute() Route {
	return Route{
		Method: "POST", Path: pathOrders + "/transitions", Operation: "transitionOrders", Tag: "orders",
		Policy: holders(commerce.ScopeOrdersWrite | commerce.ScopeOrdersAny), Class: access.ClassWrite,
		Summary: "Moves many orders, each to a state of its own. Each step is done or refused by itself: " +
			"one outcome a step, in the same order.",
		Parameters: []Parameter{keyParameter()},
		Body:       &Body{Schema: "TransitionOrders", Types: []string{contentTypeJSON}},
		Answers: []Answer{{
			Status: 200, Schema: "TransitionOutcomes",
			Description: "What became of each step. The key counts for each order: sent again, a step that was done is " +
				"answered as it was the first time.",
		}},
		Handle: (*Server).transitionOrders,
	}
}

// transitionOrders hands all steps to the engine at once, so that they share a commit.
func (s *Server) transitionOrders(r *request) error {
	cmds, err := r.decoder.Transitions(r.body(), r.by, r.key())
	if err != nil {
		return err
	}
	outcomes := make([]wire.TransitionOutcome, len(cmds))
	var running sync.WaitGroup
	for i, cmd := range cmds {
		running.Go(func() { outcomes[i] = s.step(r, cmd) })
	}
	running.Wait()
	r.buf = wire.AppendTransitionOutcomes(r.buf[:0], outcomes)
	return r.answerJSON(200)
}

// step carries out one step. It runs beside the others, and a panic costs only this one.
func (s *Server) step(r *request, cmd *commerce.TransitionOrder) (outcome wire.TransitionOutcome) {
	outcome.ID = cmd.Order
	defer func() {
		if p := recover(); p != nil {
			outcome.Problem = s.stepProblem(r, cmd.Order, fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack()))
		}
	}()
	receipt, err := s.cfg.Engine.TransitionOrder(cmd)
	if err != nil {
		outcome.Problem = s.stepProblem(r, cmd.Order, err)
		return outcome
	}
	outcome.Order, outcome.Replayed = receipt.Order, receipt.Replayed
	return outcome
}

func (s *Server) stepProblem(r *request, order commerce.ID, err error) *wire.Problem {
	refusal, unexpected := refusalOf(err)
	if unexpected {
		s.log.LogAttrs(context.Background(), slog.LevelError, "step failed",
			slog.String("correlation_id", r.correlation), slog.String("order_id", order.String()), slog.String("error", err.Error()))
	}
	status, title := statusOf(refusal.Code)
	return &wire.Problem{Refusal: refusal, Title: title, Status: status, CorrelationID: r.correlation}
}

func transitionProperties() schema {
	return schema{
		"to":              schema{"type": "string", "enum": statusWords()[1:], "description": "The state to reach."},
		"note":            textSchema(0, commerce.NoteMax, "For the timeline."),
		"carrier":         textSchema(0, commerce.CarrierMax, "Who carries it."),
		"tracking_number": textSchema(0, commerce.TrackingNumberMax, "How the carrier calls it."),
		"reason":          textSchema(0, commerce.ReasonMax, "Why."),
	}
}

func transitionsSchema() schema {
	step := transitionProperties()
	step["order_id"] = idSchema("Which order; none twice.")
	return requestObject(schema{
		"transitions": schema{
			"type": "array", "minItems": 1, "maxItems": wire.TransitionsMax,
			"items": requestObject(step, "order_id", "to"), "description": "The steps.",
		},
	}, "transitions")
}

func transitionOutcomeSchemas() map[string]schema {
	return map[string]schema{
		"TransitionOutcomes": answerObject(schema{
			"outcomes": listSchema("TransitionOutcome"),
			"done":     plainSchema("integer", "How many steps were done."),
			"refused":  plainSchema("integer", "How many were not."),
		}),
		"TransitionOutcome": answerObject(schema{
			"order_id": idSchema("Which order."),
			"status":   plainSchema("integer", "200, or the status of the problem: what the step alone would have been answered with."),
			"replayed": plainSchema("boolean", "Whether this is the first answer to the key, once more."),
			"order":    reference("Order"),
			"problem":  reference("Problem"),
		}, "replayed", "order", "problem"),
	}
}
