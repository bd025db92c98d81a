package http

import (
	"bytes"
	"fmt"

	"github.com/penstock-dev/penstock/commerce"
)

// The fields of a request's header block that are looked for while it is read once.
const (
	// Those up to singleFields must not be sent twice: see checkSingleFields.
	fieldIdempotencyKey = iota
	fieldCaller
	fieldContentType
	fieldIfMatch
	fieldAuthorization
	fieldOrigin
	singleFields

	fieldContentLength
	fieldTransferEncoding
	fieldUpgrade
	fieldForwardedFor
	fieldForwarded // whatever else proxies say of whom they speak for
	headFields
)

// head is what one walk over the header block has found. fasthttp forgives what a proxy in front may read
// otherwise, and keeps one of several fields; hence the block is read as it was sent.
type head struct {
	sent     [headFields]uint8 // how often; 255 stands for more, too
	emptyKey bool              // an idempotency key was sent, and is empty
	upgrade  bool              // to a WebSocket
	flaw     string            // why what was sent must not be guessed at
}

// readHead reads the header block, and refuses a request that two readers could take for different ones
// (RFC 9112, section 11.2). Such a connection is closed: where its next request begins is not known.
func (r *request) readHead(uriMax int) error {
	h := &r.head
	*h = head{}
	h.read(r.ctx.Request.Header.RawHeaders())
	if h.flaw == "" {
		h.flaw = r.targetFlaw()
	}
	if h.flaw == "" && h.sent[fieldTransferEncoding] > 0 {
		h.flaw = r.chunksFlaw()
	}
	if h.flaw != "" {
		r.closeAfter()
		return &commerce.Error{Code: codeBadRequest, Detail: h.flaw}
	}
	if len(r.ctx.Request.Header.RequestURI()) > uriMax {
		return &commerce.Error{Code: codeURITooLong, Detail: fmt.Sprintf("the path and the query together must be at most %d bytes long", uriMax)}
	}
	return r.checkSingleFields()
}

// closeAfter has the connection closed after the answer, which the client gets to read.
func (r *request) closeAfter() {
	r.ctx.SetConnectionClose()
	if c, ok := r.ctx.Conn().(*connection); ok {
		c.linger.Store(true)
	}
}

// read walks over the block. What control characters there are besides the ends of lines, fasthttp has
// refused already.
func (h *head) read(block []byte) {
	for len(block) > 0 {
		end := bytes.IndexByte(block, '\n')
		if end < 1 || block[end-1] != '\r' {
			h.flaw = "a line of the header does not end in CR LF"
			return
		}
		line := block[:end-1]
		block = block[end+1:]
		if len(line) == 0 {
			return
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || line[0] == '\t' || bytes.IndexByte(line[:colon], ' ') >= 0 {
			h.flaw = "a line of the header is folded, or the name of its field is not one"
			return
		}
		if field := headField(line[:colon]); field >= 0 {
			h.note(field, line[colon+1:])
		}
	}
}

func (h *head) note(field int, value []byte) {
	if h.sent[field] < 255 {
		h.sent[field]++
	}
	switch field {
	case fieldIdempotencyKey:
		h.emptyKey = h.emptyKey || len(bytes.TrimSpace(value)) == 0
	case fieldTransferEncoding:
		if !bytes.EqualFold(bytes.Trim(value, " \t"), []byte("chunked")) {
			h.flaw = "the only transfer coding that is read is chunked"
		}
	case fieldUpgrade:
		h.upgrade = h.upgrade || hasToken([][]byte{value}, "websocket")
	}
}

// headField returns the place of a field by its name, in any case, or -1. It stands on the way of every
// request, hence looks at the length first: few names share one.
func headField(name []byte) int {
	switch len(name) {
	case len("via"):
		return matchField(name, "via", fieldForwarded)
	case len("origin"):
		return matchField(name, "origin", fieldOrigin)
	case len("upgrade"):
		return matchField(name, "upgrade", fieldUpgrade)
	case len("if-match"):
		return matchField(name, "if-match", fieldIfMatch)
	case len("x-user-id"):
		return max(matchField(name, "x-user-id", fieldCaller), matchField(name, "x-real-ip", fieldForwarded),
			matchField(name, "forwarded", fieldForwarded))
	case len("content-type"):
		return matchField(name, "content-type", fieldContentType)
	case len("authorization"):
		return matchField(name, "authorization", fieldAuthorization)
	case len("content-length"):
		return matchField(name, "content-length", fieldContentLength)
	case len("idempotency-key"):
		return max(matchField(name, "idempotency-key", fieldIdempotencyKey), matchField(name, "x-forwarded-for", fieldForwardedFor))
	case len("x-forwarded-host"):
		return matchField(name, "x-forwarded-host", fieldForwarded)
	case len("transfer-encoding"):
		return max(matchField(name, "transfer-encoding", fieldTransferEncoding), matchField(name, "x-forwarded-proto", fieldForwarded))
	}
	return -1
}

// matchField returns the field if the name is the one given, in any case, or else -1. REQUIRES: both are
// equally long, and the name has no control characters.
func matchField(name []byte, lower string, field int) int {
	for i := range lower {
		if name[i]|0x20 != lower[i] {
			return -1
		}
	}
	return field
}

// targetFlaw says what is wrong with the request line and the Host field, or "".
func (r *request) targetFlaw() string {
	header := &r.ctx.Request.Header
	if p := header.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return "the version of HTTP must be 1.1 or 1.0"
	}
	host := header.Host()
	for _, c := range host {
		if !hostByte(c) {
			return "the Host field is not a host"
		}
	}
	target := header.RequestURI()
	if bytes.IndexByte(target, '#') >= 0 {
		return "the path must not have a fragment"
	}
	if target[0] == '/' || len(target) == 1 && r.ctx.IsOptions() {
		return ""
	}
	_, rest, absolute := bytes.Cut(target, []byte("://"))
	if !absolute {
		return "the path must begin with a slash"
	}
	if n := bytes.IndexAny(rest, "/?"); n >= 0 {
		rest = rest[:n]
	}
	if !bytes.EqualFold(rest, host) {
		return "the request line and the Host field name different hosts"
	}
	return ""
}

// hostByte reports whether a byte can stand in a host. What is percent-encoded in one is not read here.
func hostByte(c byte) bool {
	lower := c | 0x20
	return lower >= 'a' && lower <= 'z' || c >= '-' && c <= ':' && c != '/' || c == '_' || c == '[' || c == ']'
}

// chunksFlaw says what is wrong with a request whose body came in chunks, or "". fasthttp has read the
// chunks; a proxy in front may have read a length instead. It has also put the fields that came after the
// body with those before it, where a proxy in front could not look at them.
func (r *request) chunksFlaw() string {
	if r.head.sent[fieldContentLength] > 0 {
		return "the request says its length twice"
	}
	header := &r.ctx.Request.Header
	before := 0
	for line := range bytes.Lines(header.RawHeaders()) {
		if name, _, found := bytes.Cut(line, []byte{':'}); found && !kept(name) {
			before++
		}
	}
	for name := range header.All() {
		if !kept(name) {
			before--
		}
	}
	if before < 0 {
		return "fields after the body are not read; send them before it"
	}
	return ""
}

// kept reports whether fasthttp keeps a field apart from the others, so that one that comes after the body
// does not get among them.
func kept(name []byte) bool {
	for _, known := range []string{
		"Host", "User-Agent", "Content-Type", "Content-Length", "Connection", "Transfer-Encoding", "Trailer", "Cookie",
	} {
		if bytes.EqualFold(name, []byte(known)) {
			return true
		}
	}
	return false
}
