package http

import (
	"bytes"
	"embed"
	"errors"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The page of an order that a shop can link to. It holds nothing but its order's id; what it shows it
// reads from the API, as anybody who has the link can.

//go:embed track
var trackFiles embed.FS

func trackRoutes() []Route {
	return []Route{
		{
			Method: "GET", Path: "/orders/{id}/track", Operation: "trackPage", Tag: "pages", AnyQuery: true,
			Policy: anybody(), Class: access.ClassRead,
			Summary:    "A page for customers: the order's timeline, live. A shop can link to it.",
			Parameters: []Parameter{idParameter("order")},
			Answers: []Answer{
				{Status: 200, Type: contentTypeHTML, Description: "The page."},
				{Status: 404, Type: contentTypeHTML, Description: "The page, which says that there is no such order."},
			},
			Handle: (*Server).servePage,
		},
		fileRoute("/assets/track.css", "trackStyle", contentTypeStyle, mustFile(trackFiles, "track/track.css")),
		fileRoute("/assets/track.js", "trackScript", contentTypeScript, mustFile(trackFiles, "track/track.js")),
	}
}

// servePage answers with the page even when the store cannot be read: the page waits for it.
func (s *Server) servePage(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	status := 200
	if !r.by.Scopes.Has(commerce.ScopeOrdersRead) { // whether there is such an order is said to who may see it
		return s.answerPage(r, status)
	}
	_, err := s.cfg.Engine.Order(ctx, &r.by, r.id())
	var refusal *commerce.Error
	if errors.Is(err, persistence.ErrNotFound) || errors.As(err, &refusal) && refusal.Code == commerce.CodeNotFound {
		status = 404
	}
	return s.answerPage(r, status)
}

func (s *Server) answerPage(r *request, status int) error {
	r.setPage() // no referrer: the link is all that is needed to see the order
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	r.answer(status, contentTypeHTML, bytes.ReplaceAll(mustFile(trackFiles, "track/track.html"), []byte("{order}"), r.id().AppendText(nil)))
	return nil
}
