package http

import (
	"time"

	"github.com/penstock-dev/penstock/actors"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

func operatorRoutes() []Route {
	plain := func(path, operation, summary, schema string, handle func(*Server, *request) error) Route {
		return Route{
			Method: "GET", Path: path, Operation: operation, Tag: "operation", Summary: summary, AnyQuery: true,
			Policy:  anybody(),
			Answers: []Answer{{Status: 200, Schema: schema, Description: "Yes."}}, Handle: handle,
		}
	}
	health := plain("/health", "health", "Says how the engine is, in detail.", "Health", (*Server).health)
	ready := plain("/readyz", "ready", "Says whether requests should be sent here.", "Status", (*Server).ready)
	for _, r := range []*Route{&health, &ready} {
		r.Answers = append(r.Answers, Answer{Status: 503, Schema: r.Answers[0].Schema, Description: "No."})
	}
	document := plain("/openapi.json", "document", "Describes this API.", "Document", (*Server).serveDocument)
	document.Answers[0].Description = "This document."
	metrics := plain("/metrics", "metrics", "Shows figures, in the text format of Prometheus.", "", (*Server).serveMetrics)
	metrics.Answers[0].Type, metrics.Answers[0].Description = "text/plain", "All metrics."
	for _, r := range []*Route{&health, &metrics} { // they tell more than strangers need to know
		r.Policy, r.Place = holders(commerce.ScopeAdmin), placeOperations
	}
	live := plain("/livez", "live", "Says that the process runs.", "Status", (*Server).live)
	live.Place, ready.Place = placeEverywhere, placeEverywhere
	return []Route{
		verifyRoute(),
		auditRoute(),
		health,
		live,
		ready,
		metrics,
		document,
	}
}

// health checks the engine for real. It answers 200 when requests can be served, and 503 with the
// same details when not.
func (s *Server) health(r *request) error {
	h, ready := s.check()
	r.buf = wire.AppendHealth(r.buf[:0], &wire.Health{
		Status: statusWord(ready, h.Draining), Ready: ready, Store: h.Store, Writer: h.Writer,
		Draining: h.Draining, Quarantined: h.Quarantined, Version: s.cfg.Version, Uptime: time.Since(s.started),
	})
	return r.answerJSON(readyStatus(ready))
}

// ready answers what a load balancer asks.
func (s *Server) ready(r *request) error {
	h, ready := s.check()
	return r.answerStatus(readyStatus(ready), statusWord(ready, h.Draining))
}

// live answers what a supervisor asks: the process runs and its server answers. A store that is
// away is no reason to be killed.
func (s *Server) live(r *request) error { return r.answerStatus(200, "ok") }

func (s *Server) check() (h actors.Health, ready bool) {
	ctx, cancel := s.query()
	defer cancel()
	h = s.cfg.Engine.Health(ctx)
	h.Draining = h.Draining || s.draining()
	return h, h.Ready && !h.Draining
}

func readyStatus(ready bool) int {
	if ready {
		return 200
	}
	return 503
}

func statusWord(ready, draining bool) string {
	switch {
	case ready:
		return "ok"
	case draining:
		return "draining"
	default:
		return "unavailable"
	}
}

func (r *request) answerStatus(status int, word string) error {
	r.buf = wire.AppendStatus(r.buf[:0], word)
	return r.answerJSON(status)
}
