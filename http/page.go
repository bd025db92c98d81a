package http

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"

	"github.com/penstock-dev/penstock/access"
)

// The media types of pages and of what they load.
const (
	contentTypeHTML   = "text/html; charset=utf-8"
	contentTypeStyle  = "text/css; charset=utf-8"
	contentTypeScript = "text/javascript; charset=utf-8"
)

// pagePolicy is the content security policy of pages: what they load comes from this server and stands
// in files of its own, so that nothing that gets into a page is ever run.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// setPage says that the answer is a page: under which policy, and that nobody is told where its links lie.
func (r *request) setPage() {
	header := &r.ctx.Response.Header
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// mustFile returns a file of a page. That it is there is decided when the program is built.
func mustFile(files embed.FS, name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return text
}

// fileRoute serves what a page loads.
func fileRoute(path, operation, contentType string, text []byte) Route {
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return Route{
		Method: "GET", Path: path, Operation: operation, Tag: "pages", AnyQuery: true,
		Policy: anybody(), Class: access.ClassRead,
		Summary:    "A file that a page loads.",
		Parameters: []Parameter{ifNoneMatchParameter()},
		Answers: []Answer{
			{Status: 200, Type: contentType, Headers: []string{"ETag"}, Description: "The file."},
			{Status: 304, Headers: []string{"ETag"}, Description: "The file has not changed."},
		},
		Handle: func(_ *Server, r *request) error { return r.answerText(contentType, text, tag) },
	}
}

// answerText answers with a file that may be kept, and is asked for again by its ETag.
func (r *request) answerText(contentType string, text []byte, tag string) error {
	r.tag = append(r.tag[:0], tag...)
	r.setETag()
	if r.unchanged() {
		return nil
	}
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answer(200, contentType, text)
	return nil
}
