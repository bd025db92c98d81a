package http

// The fields of the CORS protocol (Fetch standard, section 3.2).
const (
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Correlation-ID, X-User-ID"
	corsExposed = "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Correlation-ID, X-Total-Count"
	// corsMaxAge is how long a browser may remember the answer to a preflight, in seconds.
	corsMaxAge = "600"
)

// allowOrigin lets the pages of sites that the configuration names read the answer. Others get nothing: then
// their browser does not show it to them. It comes after the handler, which may have set Vary.
func (r *request) allowOrigin() {
	if len(r.origins) == 0 {
		return
	}
	header := &r.ctx.Response.Header
	header.Add("Vary", headerOrigin)
	if r.head.sent[fieldOrigin] == 0 {
		return
	}
	origin := r.ctx.Request.Header.Peek(headerOrigin)
	if !r.origins.lists(string(origin)) {
		return
	}
	header.SetBytesV("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Access-Control-Expose-Headers", corsExposed)
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// preflight answers a browser that asks what a page of another site may send. The router has set Allow.
func (r *request) preflight() {
	asked := r.ctx.Request.Header.Peek("Access-Control-Request-Method")
	if len(asked) == 0 || !r.origins.lists(string(r.ctx.Request.Header.Peek(headerOrigin))) {
		return
	}
	header := &r.ctx.Response.Header
	header.SetBytesV("Access-Control-Allow-Methods", header.Peek("Allow"))
	header.Set("Access-Control-Allow-Headers", corsHeaders)
	header.Set("Access-Control-Max-Age", corsMaxAge)
}

// appendOrigin appends what allowOrigin sets, to an answer whose header is written by hand.
func (r *request) appendOrigin(dst []byte) []byte {
	if len(r.origins) == 0 {
		return dst
	}
	dst = append(dst, "Vary: Origin\r\n"...)
	origin := r.ctx.Request.Header.Peek(headerOrigin)
	if len(origin) == 0 || !r.origins.lists(string(origin)) {
		return dst
	}
	dst = append(append(dst, "Access-Control-Allow-Origin: "...), origin...)
	return append(dst, "\r\nAccess-Control-Allow-Credentials: true\r\n"...)
}
