package http

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/persistence"
)

// The page of an order that a shop can link to. It holds nothing but its order's id; what it shows it
// reads from the API, as anybody who has the link can.

//go:embed track
var trackFiles embed.FS

// trackFile returns a file of the page. That it is there is decided when the program is built.
func trackFile(name string) []byte {
	text, err := trackFiles.ReadFile("track/" + name)
	if err != nil {
		panic(err)
	}
	return text
}

func trackRoutes() []Route {
	file := func(path, operation, summary, contentType, name string) Route {
		text := trackFile(name)
		sum := sha256.Sum256(text)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		return Route{
			Method: "GET", Path: path, Operation: operation, Tag: "pages", Summary: summary, AnyQuery: true,
			Parameters: []Parameter{ifNoneMatchParameter()},
			Answers: []Answer{
				{Status: 200, Type: contentType, Headers: []string{"ETag"}, Description: "The file."},
				{Status: 304, Headers: []string{"ETag"}, Description: "The file has not changed."},
			},
			Handle: func(_ *Server, r *request) error { return r.answerTrackFile(contentType, text, tag) },
		}
	}
	return []Route{
		{
			Method: "GET", Path: "/orders/{id}/track", Operation: "trackPage", Tag: "pages", AnyQuery: true,
			Summary:    "A page for customers: the order's timeline, live. A shop can link to it.",
			Parameters: []Parameter{idParameter("order")},
			Answers: []Answer{
				{Status: 200, Type: contentTypeHTML, Description: "The page."},
				{Status: 404, Type: contentTypeHTML, Description: "The page, which says that there is no such order."},
			},
			Handle: (*Server).servePage,
		},
		file("/assets/track.css", "trackStyle", "The style of the page of an order.", contentTypeStyle, "track.css"),
		file("/assets/track.js", "trackScript", "The script of the page of an order.", contentTypeScript, "track.js"),
	}
}

// servePage answers with the page even when the store cannot be read: the page waits for it.
func (s *Server) servePage(r *request) error {
	ctx, cancel := s.query()
	defer cancel()
	status := 200
	_, err := s.cfg.Engine.Order(ctx, r.id())
	var refusal *commerce.Error
	if errors.Is(err, persistence.ErrNotFound) || errors.As(err, &refusal) && refusal.Code == commerce.CodeNotFound {
		status = 404
	}
	r.setPage() // no referrer: the link is all that is needed to see the order
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	r.answer(status, contentTypeHTML, bytes.ReplaceAll(trackFile("track.html"), []byte("{order}"), r.id().AppendText(nil)))
	return nil
}

// answerTrackFile answers with a file that may be kept, and is asked for again by its ETag.
func (r *request) answerTrackFile(contentType string, text []byte, tag string) error {
	r.tag = append(r.tag[:0], tag...)
	r.setETag()
	if r.unchanged() {
		return nil
	}
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answer(200, contentType, text)
	return nil
}
