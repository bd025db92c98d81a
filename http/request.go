package http

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/access"
	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
)

// The media types of bodies.
const (
	contentTypeJSON       = "application/json"
	contentTypeMergePatch = "application/merge-patch+json"
	contentTypeProblem    = "application/problem+json"
)

// The names of header fields that requests carry.
const (
	headerCorrelation    = "X-Correlation-ID"
	headerCaller         = "X-User-ID"
	headerIdempotencyKey = "Idempotency-Key"
	headerIfMatch        = "If-Match"
	headerIfNoneMatch    = "If-None-Match"
	headerContentType    = "Content-Type"
)

const (
	// correlationMax bounds a correlation id that a caller sends.
	correlationMax = 64
	// callerAnonymous is who asks when X-User-ID is not sent.
	callerAnonymous = "anonymous"
	// instanceMax bounds the path that a problem quotes.
	instanceMax = 200
)

// headerKeys holds the names of header fields that are looked for in requests, and the names and values of those
// that answers carry, in canonical form, so that none is made for each request.
type headerKeys struct {
	caller, idempotencyKey, authorization, cookie, ifNoneMatch []byte

	correlation, location, etag, retryAfter, replayed, link, total, cacheControl []byte

	noStore, noCache, yes []byte

	rateLimit, rateLimitPolicy []byte
}

func newHeaderKeys() headerKeys {
	return headerKeys{
		caller:         []byte("X-User-Id"),
		idempotencyKey: []byte(headerIdempotencyKey),
		authorization:  []byte(headerAuthorization),
		cookie:         []byte(fasthttp.HeaderCookie),
		ifNoneMatch:    []byte(headerIfNoneMatch),

		correlation:  []byte("X-Correlation-Id"),
		location:     []byte("Location"),
		etag:         []byte("Etag"),
		retryAfter:   []byte("Retry-After"),
		replayed:     []byte("Idempotency-Replayed"),
		link:         []byte("Link"),
		total:        []byte("X-Total-Count"),
		cacheControl: []byte("Cache-Control"),
		noStore:      []byte("no-store"),
		noCache:      []byte("private, no-cache"),
		yes:          []byte("true"),

		rateLimit:       []byte("Ratelimit"),
		rateLimitPolicy: []byte("Ratelimit-Policy"),
	}
}

// request is one request on its way through: what is known of it and the memory it works in.
// Requests are pooled; nothing of one may be kept after its handler, strings excepted.
type request struct {
	ctx         *fasthttp.RequestCtx
	route       *Route
	caller      string // who asks, for the log
	by          commerce.Principal
	identity    *access.Identity // nil when nothing has been proved
	believed    bool             // nothing has to be
	correlation string
	pathID      pathID
	values      [parametersMax]value // of the route's parameters, at the same positions
	decoder     *wire.Decoder
	buf         []byte // the answer's body while it is written
	tag         []byte // the answer's entity tag
	keys        *headerKeys
	head        head
	address     netip.Addr // see client
	origins     origins
	security    *securityFields
}

func (s *Server) newRequest() any {
	return &request{decoder: wire.NewDecoder(), keys: &s.keys, origins: s.origins, security: &s.security}
}

// begin takes over a request: who asks, and under which correlation id.
func (r *request) begin(ctx *fasthttp.RequestCtx, route *Route) {
	r.ctx, r.route = ctx, route
	r.caller = callerAnonymous
	if sent := ctx.Request.Header.PeekCanonical(r.keys.correlation); validCorrelation(sent) {
		r.correlation = string(sent)
	} else {
		r.correlation = freshCorrelation()
	}
	ctx.Response.Header.SetCanonical(r.keys.correlation, append(r.buf[:0], r.correlation...))
	r.security.set(&ctx.Response.Header)
}

// bufferMax bounds the buffers that a pooled request keeps.
const bufferMax = 64 << 10

// end forgets the request, so that the pool keeps nothing of it alive.
func (r *request) end() {
	r.ctx, r.route = nil, nil
	r.head, r.address = head{}, netip.Addr{}
	r.caller, r.correlation = "", ""
	r.by, r.identity, r.believed = commerce.Principal{}, nil, false
	clear(r.values[:])
	if cap(r.buf) > bufferMax {
		r.buf = nil
	}
}

func validCorrelation(id []byte) bool {
	if len(id) == 0 || len(id) > correlationMax {
		return false
	}
	for _, c := range id {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// freshCorrelation makes an id that tells requests apart. It is no secret, so that a fast random
// source does.
func freshCorrelation() string {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

// key returns the idempotency key, or "".
func (r *request) key() string {
	return string(r.ctx.Request.Header.PeekCanonical(r.keys.idempotencyKey))
}

// body returns the request's body. It belongs to the server: whatever is kept must be copied.
func (r *request) body() []byte { return r.ctx.Request.Body() }

// instance returns the path that was asked for.
func (r *request) instance() string {
	path := r.ctx.Request.URI().PathOriginal()
	return string(path[:min(len(path), instanceMax)])
}

// query returns the context of a read, bounded by the server's QueryTimeout.
func (s *Server) query() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.cfg.QueryTimeout)
}

// answer sets status, type and body. The body is copied.
func (r *request) answer(status int, contentType string, body []byte) {
	response := &r.ctx.Response
	response.SetStatusCode(status)
	response.Header.SetContentType(contentType)
	response.SetBody(body)
}

// answerShared answers 200 with a body that nobody changes any more. It is not copied.
func (r *request) answerShared(contentType string, body []byte) {
	response := &r.ctx.Response
	response.SetStatusCode(fasthttp.StatusOK)
	response.Header.SetContentType(contentType)
	response.SetBodyRaw(body)
}

// answerJSON answers with r.buf, which is not to be cached.
func (r *request) answerJSON(status int) error {
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noStore)
	r.answer(status, contentTypeJSON, r.buf)
	return nil
}

// answerRevalidated answers with r.buf, which may be kept but is asked for again by its ETag.
func (r *request) answerRevalidated() error {
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache)
	r.answer(200, contentTypeJSON, r.buf)
	return nil
}

// setETag puts r.tag into the answer.
func (r *request) setETag() { r.ctx.Response.Header.SetCanonical(r.keys.etag, r.tag) }

// setReplayed marks the first answer to an idempotency key, given once more.
func (r *request) setReplayed(replayed bool) {
	if replayed {
		r.ctx.Response.Header.SetCanonical(r.keys.replayed, r.keys.yes)
	}
}

// setLocation names the thing that was made.
func (r *request) setLocation(collection string, id commerce.ID) {
	location := append(r.buf[:0], collection...)
	location = append(location, '/')
	location = id.AppendText(location)
	r.ctx.Response.Header.SetCanonical(r.keys.location, location)
}

// hasTag reports whether the caller has this version already.
func (r *request) hasTag() bool {
	field := r.ctx.Request.Header.PeekCanonical(r.keys.ifNoneMatch)
	return len(field) > 0 && wire.MatchesETag(string(field), r.tag)
}

// unchanged answers 304 when the caller has this version already.
func (r *request) unchanged() bool {
	if !r.hasTag() {
		return false
	}
	r.ctx.Response.SetStatusCode(fasthttp.StatusNotModified)
	r.ctx.Response.Header.SetCanonical(r.keys.cacheControl, r.keys.noCache) // what the 200 would say (RFC 9110, 15.4.5)
	return true
}
