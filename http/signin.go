package http

import (
	"embed"

	"github.com/penstock-dev/penstock/access"
)

// The page that exchanges a credential for a session, for the other pages.

//go:embed signin
var signinFiles embed.FS

func signinRoutes() []Route {
	page := mustFile(signinFiles, "signin/signin.html")
	return []Route{
		{
			Method: "GET", Path: "/login", Operation: "signInPage", Tag: "pages", AnyQuery: true,
			Policy: anybody(), Class: access.ClassRead,
			Summary: "A page for people: exchanges an API key or a token for a session.",
			Answers: []Answer{{Status: 200, Type: contentTypeHTML, Description: "The page."}},
			Handle: func(_ *Server, r *request) error {
				r.setPage()
				r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
				r.answer(200, contentTypeHTML, page)
				return nil
			},
		},
		fileRoute("/assets/signin.css", "signInStyle", contentTypeStyle, mustFile(signinFiles, "signin/signin.css")),
		fileRoute("/assets/signin.js", "signInScript", contentTypeScript, mustFile(signinFiles, "signin/signin.js")),
	}
}
