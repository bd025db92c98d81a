package http

import "github.com/valyala/fasthttp"

// poisonByte overwrites what belongs to the server again.
const poisonByte = 0xA5

// poison overwrites what handlers read of a request, as the next request on its connection would.
// It takes care to touch only what is the request's own: some of fasthttp's slices are shared
// constants.
func poison(ctx *fasthttp.RequestCtx) {
	fill(ctx.Request.Body())
	for _, name := range []string{
		headerCorrelation, headerCaller, headerIdempotencyKey, headerIfMatch, headerIfNoneMatch, headerContentType,
	} {
		fill(ctx.Request.Header.Peek(name))
	}
	for name, text := range ctx.QueryArgs().All() {
		fill(name)
		fill(text)
	}
	uri := ctx.URI()
	fill(uri.PathOriginal())
	fill(uri.Path())
	fill(uri.QueryString())
}

func fill(b []byte) {
	for i := range b {
		b[i] = poisonByte
	}
}
