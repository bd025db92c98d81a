package http

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

const (
	pathSession = pathAPI + "/session"
	pathTickets = pathAPI + "/tickets"
)

// sessionRoutes are what a page needs to speak for somebody: a session in place of a key that would lie in the
// page, and tickets for what cannot send a header.
func sessionRoutes() []Route {
	shown := Answer{Status: 200, Schema: "Session", Description: "Who you are."}
	opened := Answer{Status: 201, Schema: "Session", Headers: []string{"Set-Cookie"}, Description: "Who you are. The cookie is the session."}
	return []Route{
		{
			Method: "POST", Path: pathSession, Operation: "openSession", Tag: "access",
			Policy: anyCaller(), Class: access.ClassWrite,
			Summary: "Opens a session for a page of this origin: its cookie stands for the credential that this request carries.",
			Answers: []Answer{opened}, Problems: []commerce.Code{codeNoProof, codeOriginRefused}, Handle: (*Server).openSession,
		},
		{
			Method: "GET", Path: pathSession, Operation: "showSession", Tag: "access",
			Policy: anyCaller(), Class: access.ClassRead,
			Summary: "Shows who you are and what you may do, whatever the credential.",
			Answers: []Answer{shown}, Handle: (*Server).showSession,
		},
		{
			Method: "DELETE", Path: pathSession, Operation: "closeSession", Tag: "access",
			Policy: anybody(), Class: access.ClassWrite,
			Summary:  "Ends the session of the cookie.",
			Answers:  []Answer{{Status: 204, Headers: []string{"Set-Cookie"}, Description: "There is no session any more."}},
			Problems: []commerce.Code{codeOriginRefused}, Handle: (*Server).closeSession,
		},
		{
			Method: "POST", Path: pathTickets, Operation: "issueTicket", Tag: "access",
			Policy: anyCaller(), Class: access.ClassWrite,
			Summary:  "Makes a ticket for one WebSocket or stream of events of a browser: good once, and for half a minute.",
			Answers:  []Answer{{Status: 201, Schema: "Ticket", Description: "The ticket: the query parameter ticket of the socket's URL."}},
			Problems: []commerce.Code{codeNoProof}, Handle: (*Server).issueTicket,
		},
	}
}

// errNoProof is told to who asks for something in place of a credential and has none: here it is not needed.
func errNoProof() error {
	return &commerce.Error{Code: codeNoProof, Detail: "you are believed here without a credential, so there is nothing to stand for"}
}

func (s *Server) openSession(r *request) error {
	if r.identity == nil {
		return errNoProof()
	}
	if err := r.checkSameOrigin(); err != nil { // or another site could sign its visitors in under a name of its own
		return err
	}
	cookie, until, err := s.cfg.Access.OpenSession(r.identity)
	if err != nil {
		return s.refuseCredential(r, err)
	}
	r.setSession(cookie, until)
	return r.answerSession(201, until)
}

func (s *Server) showSession(r *request) error {
	var until time.Time
	if r.identity != nil {
		until = r.identity.ExpiresAt
	}
	return r.answerSession(200, until)
}

func (r *request) answerSession(status int, until time.Time) error {
	r.buf = wire.AppendSession(r.buf[:0], &r.by, until)
	return r.answerJSON(status)
}

func (s *Server) closeSession(r *request) error {
	if err := r.checkSameOrigin(); err != nil {
		return err
	}
	if cookie := r.ctx.Request.Header.Cookie(cookieSession); len(cookie) > 0 && s.cfg.Access != nil {
		s.cfg.Access.CloseSession(cookie)
	}
	r.setSession("", time.Unix(0, 0))
	r.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// setSession sets the cookie. It is never sent with another site's requests, nor shown to scripts.
func (r *request) setSession(value string, until time.Time) {
	var cookie fasthttp.Cookie
	cookie.SetKey(cookieSession)
	cookie.SetValue(value)
	cookie.SetPath("/")
	cookie.SetSecure(true)
	cookie.SetHTTPOnly(true)
	cookie.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	cookie.SetExpire(until)
	r.ctx.Response.Header.SetCookie(&cookie)
}

func (s *Server) issueTicket(r *request) error {
	if r.identity == nil {
		return errNoProof()
	}
	ticket, until, err := s.cfg.Access.IssueTicket(r.identity)
	if err != nil {
		return s.refuseCredential(r, err)
	}
	r.buf = wire.AppendTicket(r.buf[:0], ticket, until)
	return r.answerJSON(201)
}

func sessionSchemas() map[string]schema {
	return map[string]schema{
		"Session": answerObject(schema{
			"subject":    plainSchema("string", "Who acts."),
			"customer":   plainSchema("string", "Whose orders are placed and seen."),
			"scopes":     schema{"type": "array", "items": schema{"type": "string"}, "description": "What you may do."},
			"expires_at": schema{"type": []string{"string", "null"}, "format": "date-time", "description": "When it ends; null: never."},
		}),
		"Ticket": answerObject(schema{
			"ticket":     plainSchema("string", "It is good once."),
			"expires_at": schema{"type": "string", "format": "date-time", "description": "When it ends."},
		}),
	}
}
