package http

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
