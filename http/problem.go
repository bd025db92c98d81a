package http

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/commerce"
	"github.com/penstock-dev/penstock/http/wire"
	"github.com/penstock-dev/penstock/persistence"
)

// The codes of refusals that are about HTTP itself. The others are commerce's.
const (
	codeBadRequest       commerce.Code = "bad_request"             // not HTTP/1.1
	codeKeysOff          commerce.Code = "keys_off"                // this server keeps no API keys
	codeNoProof          commerce.Code = "no_credential"           // there is none that something could stand for
	codeUnauthenticated  commerce.Code = "unauthenticated"         // say who you are
	codeMethodNotAllowed commerce.Code = "method_not_allowed"      // the path is right, the method is not
	codeRequestTimeout   commerce.Code = "request_timeout"         // the request did not arrive in time
	codeProxyRefused     commerce.Code = "proxy_not_allowed"       // callers are believed here, and this one may be anybody
	codeHostRefused      commerce.Code = "host_not_allowed"        // callers are believed here, and a site may have sent this one
	codeURITooLong       commerce.Code = "uri_too_long"            // the path and the query
	codePayloadTooLarge  commerce.Code = "payload_too_large"       // the body is too long
	codeMediaType        commerce.Code = "unsupported_media_type"  // the body is not of a type that is read here
	codeHeaderTooLarge   commerce.Code = "header_fields_too_large" // the header block is too long
	codeTooManyRequests  commerce.Code = "too_many_requests"       // wait, and ask less often
	codeOriginRefused    commerce.Code = "origin_not_allowed"      // a page of another site asks
	codeUpgradeRequired  commerce.Code = "upgrade_required"        // this path speaks another protocol
	codeCursorGone       commerce.Code = "cursor_gone"             // what comes after the cursor is no longer kept
	codeBenchmarkRunning commerce.Code = "benchmark_running"       // wait for it, or cancel it
	codeBenchmarksOff    commerce.Code = "benchmarks_off"          // operator: --benchmarks
)

// retryAfterDefault is what a refusal that passes says when it does not know better.
const retryAfterDefault = time.Second

// statusOf is the one table of refusals: the status and the title of each code.
func statusOf(code commerce.Code) (status int, title string) {
	switch code {
	case commerce.CodeValidation:
		return 400, "The request is not valid"
	case codeKeysOff:
		return 403, "There are no API keys on this server"
	case codeNoProof:
		return 409, "There is no credential"
	case codeUnauthenticated:
		return 401, "It is not known who asks"
	case commerce.CodeForbidden:
		return 403, "You may not do that"
	case codeBenchmarksOff:
		return 403, "Benchmarks are off on this server"
	case codeOriginRefused:
		return 403, "Pages of this site may not do that"
	case commerce.CodeNotFound:
		return 404, "There is no such thing"
	case codeMethodNotAllowed:
		return 405, "The method is not allowed here"
	case commerce.CodeInsufficientStock:
		return 409, "There is not enough stock"
	case commerce.CodeCustomerLimit:
		return 409, "A customer may not have more"
	case commerce.CodePriceChanged:
		return 409, "The price has changed"
	case commerce.CodeProductArchived:
		return 409, "The product is no longer sold"
	case commerce.CodeCurrencyMismatch:
		return 409, "One order has one currency"
	case commerce.CodeInvalidTransition:
		return 409, "The order's state does not allow this"
	case commerce.CodeSKUTaken:
		return 409, "Another product has this SKU"
	case commerce.CodeIdempotencyInFlight:
		return 409, "The first request with this key is still running"
	case codeBenchmarkRunning:
		return 409, "A benchmark is running"
	case codeCursorGone:
		return 410, "The cursor is too old"
	case commerce.CodePrecondition:
		return 412, "The product has changed"
	case codeMediaType:
		return 415, "The body's type is not supported"
	case commerce.CodeIdempotencyMismatch:
		return 422, "The key was used for another request"
	case codeUpgradeRequired:
		return 426, "This path is for WebSockets"
	case commerce.CodePreconditionMissing:
		return 428, "If-Match is required"
	case codeTooManyRequests:
		return 429, "Too many requests"
	case commerce.CodeInternal:
		return 500, "Something went wrong here"
	case commerce.CodeOverloaded:
		return 503, "The engine is at its limit"
	case commerce.CodeOutcomeUnknown:
		return 503, "The outcome is not known yet"
	case commerce.CodeStoreUnavailable:
		return 503, "The store is not available"
	case commerce.CodeQuarantined:
		return 503, "The product is quarantined"
	case commerce.CodeFenced:
		return 503, "A newer process has taken over"
	default:
		return statusOfTransport(code)
	}
}

// statusOfTransport is the part of the table that is about requests that are refused whatever they ask for.
func statusOfTransport(code commerce.Code) (status int, title string) {
	switch code {
	case codeBadRequest:
		return 400, "The request is not HTTP"
	case codeProxyRefused:
		return 403, "Proxies may not speak for others here"
	case codeHostRefused:
		return 421, "This server is not asked under that name"
	case codeRequestTimeout:
		return 408, "The request took too long to arrive"
	case codePayloadTooLarge:
		return 413, "The body is too large"
	case codeURITooLong:
		return 414, "The path is too long"
	case codeHeaderTooLarge:
		return 431, "The header fields are too large"
	default:
		return 0, ""
	}
}

// refusalOf says what an error is to a client. unexpected reports one that is our bug or an
// outside failure nobody foresaw: its text is for the log, never for the answer.
func refusalOf(err error) (refusal *commerce.Error, unexpected bool) {
	switch {
	case errors.As(err, &refusal):
		if status, _ := statusOf(refusal.Code); status != 0 {
			return refusal, refusal.Code == commerce.CodeInternal
		}
	case errors.Is(err, persistence.ErrPositionGone):
		return &commerce.Error{Code: codeCursorGone, Detail: "what comes after this cursor is no longer kept; start without one"}, false
	case errors.Is(err, persistence.ErrNotFound):
		return &commerce.Error{Code: commerce.CodeNotFound, Detail: "there is no such product or order"}, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &commerce.Error{
			Code: commerce.CodeStoreUnavailable, Detail: "the store did not answer in time; try again",
		}, false
	case errors.Is(err, persistence.ErrUnavailable), errors.Is(err, persistence.ErrClosed):
		return &commerce.Error{
			Code: commerce.CodeStoreUnavailable, Detail: "the store cannot be used now; try again",
		}, false
	case errors.Is(err, persistence.ErrFenced):
		return &commerce.Error{
			Code: commerce.CodeFenced, Detail: "a newer process has taken over the store; ask that one",
		}, false
	}
	return &commerce.Error{
		Code:   commerce.CodeInternal,
		Detail: "an unexpected error; it has been logged under the correlation id",
	}, true
}

// refuse answers with the problem that the error is.
func (s *Server) refuse(r *request, err error) {
	refusal, unexpected := refusalOf(err)
	if unexpected {
		s.log.LogAttrs(context.Background(), slog.LevelError, "request failed",
			slog.String("correlation_id", r.correlation), slog.String("user_id", r.caller),
			slog.String("route", r.route.Path), slog.String("error", err.Error()))
	}
	status, title := statusOf(refusal.Code)
	r.buf = wire.AppendProblem(r.buf[:0], &wire.Problem{
		Refusal: refusal, Title: title, Status: status, Instance: r.instance(), CorrelationID: r.correlation,
	})
	header := &r.ctx.Response.Header
	wait := refusal.RetryAfter
	if wait <= 0 && (status == 429 || status == 503) {
		wait = retryAfterDefault
	}
	if wait > 0 {
		header.SetCanonical(s.keys.retryAfter, strconv.AppendInt(nil, int64((wait+time.Second-1)/time.Second), 10))
	}
	header.SetCanonical(s.keys.cacheControl, s.keys.noStore)
	r.answer(status, contentTypeProblem, r.buf)
}

// invalidParameter is a refusal of one parameter or header.
func invalidParameter(name, detail string) error {
	return &commerce.Error{
		Code: commerce.CodeValidation, Detail: "the request is not valid",
		Violations: []commerce.Violation{{Pointer: name, Detail: detail}},
	}
}
