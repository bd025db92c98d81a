package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/penstock-dev/penstock/commerce"
)

// unread stands for the route of requests that could not be read.
type unread struct {
	route  Route
	series *series
	lines  requestLog
}

func (s *Server) newUnread() unread {
	const path = "unread"
	return unread{
		route: Route{Path: path}, series: s.metrics.series("", path), lines: newRequestLog(s.cfg.AccessLog, s.log, "", path),
	}
}

// refuseBroken answers a request that could not be read. fasthttp closes the connection after it.
func (s *Server) refuseBroken(ctx *fasthttp.RequestCtx, err error) {
	code, detail := codeBadRequest, "the request could not be read as HTTP/1.1"+unreadReason(err)
	var small *fasthttp.ErrSmallBuffer
	var slow net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		code, detail = codePayloadTooLarge, fmt.Sprintf("the body must be at most %d bytes long", s.cfg.BodyMax)
	case errors.As(err, &small):
		code, detail = codeHeaderTooLarge, fmt.Sprintf("the header block must be at most %d bytes long", s.cfg.HeaderMax)
	case errors.Is(err, fasthttp.ErrTimeout), errors.As(err, &slow) && slow.Timeout():
		code, detail = codeRequestTimeout, "the request did not arrive in time"
	}
	if c, ok := ctx.Conn().(*connection); ok && code != codeRequestTimeout {
		c.linger.Store(true)
	}
	r := s.requests.Get().(*request) //nolint:forcetypeassert // the pool holds nothing else
	r.begin(ctx, &s.unread.route)
	s.refuse(r, &commerce.Error{Code: code, Detail: detail})
	status, size := ctx.Response.StatusCode(), len(ctx.Response.Body())
	now := time.Now()
	limitWriteOf(ctx, now)
	s.unread.series.observe(status, 0)
	if !gone(err) {
		s.unread.lines.log(r, status, size, now, 0)
	}
	s.log.LogAttrs(context.Background(), slog.LevelDebug, "request could not be read",
		slog.String("correlation_id", r.correlation), slog.String("error", err.Error()))
	r.end()
	s.requests.Put(r)
}

// unreadReasonMax bounds the reason that a refusal gives, in bytes: it may quote the request.
const unreadReasonMax = 120

// unreadReason returns what fasthttp says was wrong with the request, or "". What the system says
// of the connection is not for the client.
func unreadReason(err error) string {
	var system net.Error
	if gone(err) || errors.As(err, &system) {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), ": buffer size=")
	text = strings.TrimPrefix(text, "error when reading request headers: ")
	text = strings.ReplaceAll(text, "fasthttp: ", "")
	return ": " + strings.ToValidUTF8(text[:min(len(text), unreadReasonMax)], "")
}

// gone reports whether the client hung up in the middle of its request: nobody reads the answer,
// and it is no line in the log.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET)
}

// expect answers "Expect: 100-continue" before the body is sent: one that is too long never is.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	if ctx.Request.Header.ContentLength() <= s.cfg.BodyMax {
		limitWriteOf(ctx, time.Now()) // of the go-ahead
		return fasthttp.StatusContinue
	}
	s.refuseBroken(ctx, fasthttp.ErrBodyTooLarge)
	return fasthttp.StatusRequestEntityTooLarge
}
