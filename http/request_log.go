package http

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/penstock-dev/penstock/http/wire"
)

// methodMax bounds the method that a line quotes, of a request that fits no route.
const methodMax = 16

// requestLog writes the access log of one route: one line for each request, with who asked, under
// which correlation id, and how long it took.
type requestLog struct {
	handler slog.Handler // nil when nothing is logged
	lines   *lineHandler // the same, when it is one
	errors  bool         // only answers of 400 and above
	method  bool         // the route does not say the method
}

// newRequestLog formats once what is the same for every request of the route. An empty method means
// that requests differ in it.
func newRequestLog(which AccessLog, log *slog.Logger, method, path string) requestLog {
	if which == AccessLogOff {
		return requestLog{}
	}
	log = log.With("route", path)
	if method != "" {
		log = log.With("method", method)
	}
	a := requestLog{handler: log.Handler(), errors: which == AccessLogErrors, method: method == ""}
	switch handler := a.handler.(type) {
	case flushHandler:
		a.lines, _ = handler.Handler.(*lineHandler)
	case *lineHandler:
		a.lines = handler
	}
	return a
}

// log goes past slog.Logger, which would look up the caller's line for each request, and past
// slog.Record for the usual request.
func (a *requestLog) log(r *request, status, size int, at time.Time, elapsed time.Duration) {
	if a.handler == nil || a.errors && status < 400 {
		return
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !a.handler.Enabled(ctx, level) {
		return
	}
	if a.lines != nil && level == slog.LevelInfo && !a.method {
		a.lines.answered(&answered{
			at: at, caller: r.caller, correlation: r.correlation, elapsed: elapsed, status: status, size: size,
		})
		return
	}
	record := slog.NewRecord(at, level, messageAnswered, 0)
	record.AddAttrs(
		slog.String("user_id", r.caller),
		slog.String("correlation_id", r.correlation),
		slog.Float64("duration_ms", float64(elapsed.Microseconds())/1e3),
		slog.Int("status", status),
		slog.Int("bytes", size),
	)
	if a.method {
		method := r.ctx.Method()
		record.AddAttrs(slog.String("method", string(method[:min(len(method), methodMax)])))
	}
	_ = a.handler.Handle(ctx, record) // a log that cannot be written is nobody's refusal
}

const messageAnswered = "request answered"

// answered is what the access log says of a request.
type answered struct {
	at                  time.Time
	caller, correlation string
	elapsed             time.Duration
	status, size        int
}

// answered writes the line that Handle would write of the same record, in a third of the time: it stands on
// the way of every request. A test compares the two.
func (h *lineHandler) answered(a *answered) {
	h.shared.Lock()
	defer h.shared.Unlock()
	line := append(h.shared.buffer[:0], `{"timestamp":`...)
	line = wire.AppendTime(line, a.at)
	line = append(line, `,"level":"INFO","message":"`+messageAnswered+`"`...)
	line = append(line, h.prefix...)
	line, groups := h.openPending(line)
	line = appendLogText(append(appendLogComma(line), `"user_id":`...), a.caller)
	line = append(line, `,"correlation_id":"`...)
	line = append(line, a.correlation...) // letters, digits and little else
	line = append(line, `","duration_ms":`...)
	line = appendThousandths(line, a.elapsed.Microseconds())
	line = append(line, `,"status":`...)
	line = strconv.AppendInt(line, int64(a.status), 10)
	line = append(line, `,"bytes":`...)
	line = strconv.AppendInt(line, int64(a.size), 10)
	for range groups {
		line = append(line, '}')
	}
	line = append(line, '}', '\n')
	if cap(line) <= lineMax {
		h.shared.buffer = line
	}
	_, _ = h.writer.Write(line) // a log that cannot be written is nobody's refusal
}

// appendThousandths appends n/1000 without needless zeros. REQUIRES: n is not negative.
func appendThousandths(dst []byte, n int64) []byte {
	dst = strconv.AppendInt(dst, n/1000, 10)
	rest := n % 1000
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.', '0'+byte(rest/100))
	if rest %= 100; rest != 0 {
		dst = append(dst, '0'+byte(rest/10))
	}
	if rest %= 10; rest != 0 {
		dst = append(dst, '0'+byte(rest))
	}
	return dst
}
